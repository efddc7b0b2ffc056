"""Two snapshots of a machine's counters make the figures of what it did between them."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.errors import ReadError
from collectors.model import MachineFigures
from collectors.readers.counters import CPU_STATES, Counters

IDLE_STATES = frozenset({"idle", "iowait"})
LOOPBACK = "lo"


def figures(before: Counters, after: Counters, *, file: str) -> MachineFigures:
    """Return what happened between the snapshots; ReadError where they are not of one machine, in order.

    Busy is user + nice + system + irq + softirq + steal over all states, on the machine's own cores. The
    interface is the one that moved most bytes, loopback apart.
    """
    interval_ns = after.monotonic_ns - before.monotonic_ns
    if before.machine != after.machine or interval_ns <= 0:
        raise ReadError("the two snapshots are not of one machine, one after the other", file=file)
    cores = {core: _delta(ticks, after.cpu[core]) for core, ticks in before.cpu.items() if core in after.cpu}
    busy = {core: share for core, ticks in cores.items() if (share := _busy_share(ticks)) is not None}
    busiest = max(busy, key=lambda core: (busy[core], -core), default=None)
    interface, wire = _wire(before.net, after.net)
    tcp = _delta(before.tcp, after.tcp)
    step_ns = (after.realtime_ns - before.realtime_ns) - interval_ns
    swap = _delta(before.vm, after.vm)
    was, now = before.daemon, after.daemon
    return MachineFigures(
        machine=before.machine,
        interval_s=round(interval_ns / 1e9, 3),
        cores=before.cores,
        cpu_mean_share=_rounded(sum(busy.values()) / len(busy)) if busy else None,
        busiest_core=busiest,
        busiest_core_share=None if busiest is None else _rounded(busy[busiest]),
        softirq_share=_state_share(cores, "softirq"),
        steal_share=_state_share(cores, "steal"),
        interface=interface,
        wire_rx_bytes=wire.get("rx_bytes"),
        wire_tx_bytes=wire.get("tx_bytes"),
        wire_drops=wire["rx_drops"] + wire["tx_drops"] if {"rx_drops", "tx_drops"} <= wire.keys() else None,
        listen_overflows=tcp.get("ListenOverflows"),
        listen_drops=tcp.get("ListenDrops"),
        retransmitted_segments=tcp.get("RetransSegs"),
        swapped_pages=sum(swap.values()) if swap else None,
        clock_step_ms=round(step_ns / 1e6, 3),
        daemon_cpu_s=_seconds(was.cpu_ns if was else None, now.cpu_ns if now else None),
        daemon_memory_bytes=now.memory_bytes if now else None,
        daemon_memory_peak_bytes=now.memory_peak_bytes if now else None,
        daemon_tasks=now.tasks if now else None,
        tcp={key: tcp[key] for key in sorted(tcp)},
    )


def _delta(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {key: max(0, after[key] - value) for key, value in before.items() if key in after}


def _busy_share(ticks: Mapping[str, int]) -> float | None:
    total = sum(ticks.get(state, 0) for state in CPU_STATES)
    if total == 0:
        return None
    return sum(ticks.get(state, 0) for state in CPU_STATES if state not in IDLE_STATES) / total


def _state_share(cores: Mapping[int, Mapping[str, int]], state: str) -> float | None:
    total = sum(sum(ticks.get(each, 0) for each in CPU_STATES) for ticks in cores.values())
    return _rounded(sum(ticks.get(state, 0) for ticks in cores.values()) / total) if total else None


def _wire(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> tuple[str | None, dict[str, int]]:
    moved = {name: _delta(before[name], after[name]) for name in sorted(before) if name in after and name != LOOPBACK}
    if not moved:
        return None, {}
    name = max(moved, key=lambda each: moved[each].get("rx_bytes", 0) + moved[each].get("tx_bytes", 0))
    return name, moved[name]


def _seconds(before_ns: int | None, after_ns: int | None) -> float | None:
    if before_ns is None or after_ns is None or after_ns < before_ns:
        return None
    return round((after_ns - before_ns) / 1e9, 6)


def _rounded(share: float) -> float:
    return round(share, 6)

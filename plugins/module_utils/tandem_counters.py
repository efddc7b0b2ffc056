"""One snapshot of a machine's own counters: cores, network, TCP, swap and the daemon under test.

Every figure is a running total; two snapshots make a difference. A machine's cores are those that its
init may use, so that a virtual machine which sees the whole box counts only its own.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ansible.module_utils.tandem_files import read_text

CPU_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
TCP_FIELDS = frozenset({
    "ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "CurrEstab", "InSegs", "OutSegs", "RetransSegs",
    "OutRsts", "ListenOverflows", "ListenDrops", "TCPTimeouts", "TCPAbortOnMemory", "TCPBacklogDrop",
    "TCPReqQFullDrop", "TCPReqQFullDoCookies", "TW", "TWRecycled", "TCPMemoryPressures",
})
NET_FIELDS = {"rx_bytes": 0, "rx_drops": 3, "tx_bytes": 8, "tx_drops": 11}


def cpu_list(text: str) -> list[int]:
    """Core numbers of a list such as "0-2,5"."""
    cores: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            cores.extend(range(int(first), int(last or first) + 1))
    return cores


def own_cpus(root: str) -> list[int]:
    """The cores that this machine's init may run on."""
    for line in (read_text(f"{root}/proc/1/status") or "").splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return cpu_list(line.partition(":")[2])
    return []


def cpu_times(text: str, cpus: list[int]) -> dict[str, dict[str, int]]:
    """Ticks per core and kind, from /proc/stat."""
    times = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0].startswith("cpu") and words[0][3:].isdigit() and int(words[0][3:]) in cpus:
            times[words[0][3:]] = dict(zip(CPU_FIELDS, map(int, words[1:9]), strict=False))
    return times


def net_bytes(text: str) -> dict[str, dict[str, int]]:
    """Bytes and drops per interface, from /proc/net/dev."""
    interfaces = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if colon:
            values = rest.split()
            interfaces[name.strip()] = {field: int(values[column]) for field, column in NET_FIELDS.items()}
    return interfaces


def tcp_counters(*texts: str) -> dict[str, int]:
    """The TCP counters of interest, from /proc/net/snmp and /proc/net/netstat (pairs of a name and a value line)."""
    counters = {}
    for text in texts:
        lines = text.splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=False):
            if names.startswith("Tcp"):
                pairs = zip(names.split()[1:], values.split()[1:], strict=False)
                counters.update({name: int(value) for name, value in pairs if name in TCP_FIELDS})
    return counters


def swap_counters(text: str) -> dict[str, int]:
    """Pages swapped in and out, from /proc/vmstat."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if pair[0] in {"pswpin", "pswpout"}}


def unit_processes(unit: str, root: str = "") -> list[int]:
    """Process numbers of a systemd unit, found by the cgroup that carries its name."""
    pids = sorted(int(entry) for entry in os.listdir(f"{root}/proc") if entry.isdigit())
    return [pid for pid in pids if f"/{unit}" in (read_text(f"{root}/proc/{pid}/cgroup") or "")]


def process_cpu_ticks(pid: int) -> int:
    """User and system ticks of a process and of its children that ended."""
    text = read_text(f"/proc/{pid}/stat")
    return sum(int(word) for word in text.rpartition(")")[2].split()[11:15]) if text else 0


def process_memory_bytes(pid: int) -> int:
    """The process's share of memory: pages shared by n processes count 1/n (Pss)."""
    for line in (read_text(f"/proc/{pid}/smaps_rollup") or "").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def daemon_counters(unit: str) -> dict[str, Any] | None:
    """CPU time, memory and number of processes of a unit; None when it has no process."""
    pids = unit_processes(unit)
    if not pids:
        return None
    ticks = sum(map(process_cpu_ticks, pids))
    return {
        "cpu_ns": ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK"),
        "memory_bytes": sum(map(process_memory_bytes, pids)),
        "memory_peak_bytes": None,
        "tasks": len(pids),
    }


def snapshot(machine: str, when: str, unit: str | None = None, root: str = "") -> dict[str, Any]:
    """Everything above as one dictionary; what the kernel does not offer is empty, never invented."""
    cpus = own_cpus(root)
    return {
        "schema_version": 1,
        "machine": machine,
        "when": when,
        "monotonic_ns": time.clock_gettime_ns(time.CLOCK_MONOTONIC),
        "realtime_ns": time.clock_gettime_ns(time.CLOCK_REALTIME),
        "ticks_per_s": os.sysconf("SC_CLK_TCK"),
        "cpus": cpus,
        "cpu": cpu_times(read_text(f"{root}/proc/stat") or "", cpus),
        "net": net_bytes(read_text(f"{root}/proc/net/dev") or ""),
        "tcp": tcp_counters(read_text(f"{root}/proc/net/snmp") or "", read_text(f"{root}/proc/net/netstat") or ""),
        "vm": swap_counters(read_text(f"{root}/proc/vmstat") or ""),
        "daemon": daemon_counters(unit) if unit else None,
    }

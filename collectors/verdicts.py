"""What a run is worth, from its own figures: each verdict a rule of its own, each with its evidence.

The rules are those of the measurement rules' section 4, the limits are in collectors.limits. Which verdict
heads a row and which ones keep it from being ranked is settled in collectors.model (PRECEDENCE, UNRANKED).
The comparison of a run with its peers is in collectors.peers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collectors import limits
from collectors.model import Evidence, LoadResult, MachineFigures, Second, Verdict

RESULT = "the generator's result"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All that a run's own verdicts are drawn from. None where it is not there. `settings`: what did not hold of its
    profile."""

    load: LoadResult
    load_on: str
    path: str
    wall_s: float | None = None
    server: MachineFigures | None = None
    client: MachineFigures | None = None
    forward_mbit: float | None = None
    reverse_mbit: float | None = None
    keep_alive_declared: bool | None = None
    keep_alive_seen: bool | None = None
    settings: tuple[Evidence, ...] = ()


def judge(measured: Measured) -> tuple[Verdict, ...]:
    """Return the verdicts that apply, or `valid` alone with what it rests on."""
    found = tuple(verdict for rule in RULES if (verdict := rule(measured)) is not None)
    return found or (Verdict(kind="valid", evidence=_all_well(measured)),)


def completion(measured: Measured) -> Verdict | None:
    """Overloaded or degraded: too little of an open loop's schedule was completed.

    What was completed after the window closed is completed late. One request in flight on each connection
    when it closes is no backlog.
    """
    load = measured.load
    if load.loop != "open" or not load.counts.scheduled:
        return None
    share = completed_share(load)
    if share is None or share >= limits.DEGRADED_COMPLETED_SHARE:
        return None
    overloaded = share < limits.OVERLOADED_COMPLETED_SHARE
    limit = limits.OVERLOADED_COMPLETED_SHARE if overloaded else limits.DEGRADED_COMPLETED_SHARE
    evidence = Evidence(
        what="completed of scheduled", value=_share(share), limit=limit, unit="share, at least", where=RESULT
    )
    return Verdict(kind="overloaded" if overloaded else "degraded", evidence=(evidence,))


def completed_share(load: LoadResult) -> float | None:
    """Return the share of the schedule that was completed in time, None in a closed loop."""
    counts = load.counts
    if load.loop != "open" or not counts.scheduled:
        return None
    in_the_end = counts.completed / counts.scheduled
    if counts.completed_in_window is None:
        return min(1.0, in_the_end)
    late = counts.scheduled - counts.completed_in_window
    if late <= load.connections:
        return min(1.0, in_the_end)
    return min(1.0, in_the_end, counts.completed_in_window / counts.scheduled)


def errors(measured: Measured) -> Verdict | None:
    """Too many requests failed, whatever kinds the generator counts as requests."""
    load = measured.load
    if load.counts.completed == 0 and completed_share(load) is None:
        return Verdict(kind="errors", evidence=(_nothing_answered(),))
    share = load.error_share
    if share is None or share <= limits.ERROR_SHARE:
        return None
    kinds = ", ".join(
        f"{kind} {count}" for kind, count in load.errors.seen().items() if kind in load.errors.share_kinds()
    )
    return Verdict(
        kind="errors",
        evidence=(
            Evidence(
                what="failed of attempted requests",
                value=_share(share),
                limit=limits.ERROR_SHARE,
                unit="share",
                where=RESULT,
            ),
            Evidence(what="failed requests by kind", value=kinds, limit=None, unit="requests", where=RESULT),
        ),
    )


def client_bound(measured: Measured) -> Verdict | None:
    """The generator could not keep its own schedule, or its machine was busy."""
    load = measured.load
    found = [*_lag(load), *_blind(load), *_coarse(load), *_client_core(measured), *_own_checks(load)]
    return Verdict(kind="client-bound", evidence=tuple(found)) if found else None


def network_bound(measured: Measured) -> Verdict | None:
    """The wire carried nearly what the link check could put on it."""
    if measured.path != "link" or measured.server is None:
        return None
    found = []
    for direction, sent, ceiling in (
        ("server to client", measured.server.wire_tx_bytes, measured.reverse_mbit),
        ("client to server", measured.server.wire_rx_bytes, measured.forward_mbit),
    ):
        rate = _mbit_per_s(sent, measured.wall_s or measured.server.interval_s)
        if rate is not None and ceiling and rate > limits.WIRE_SHARE_OF_LINK * ceiling:
            limit = round(limits.WIRE_SHARE_OF_LINK * ceiling, 1)
            where = f"counters of the server, {measured.server.interface}"
            found.append(Evidence(what=f"on the wire, {direction}", value=rate, limit=limit, unit="Mb/s", where=where))
    return Verdict(kind="network-bound", evidence=tuple(found)) if found else None


def unsteady(measured: Measured) -> Verdict | None:
    """First and second half of the measured time differ: the run had not settled, or something changed."""
    load = measured.load
    seconds = [each for each in load.series if each.second < int(load.duration_s)]
    middle = len(seconds) // 2
    if middle == 0:
        return None
    halves = seconds[:middle], seconds[-middle:]
    least, most = sorted(sum(each.completed for each in half) for half in halves)
    if most < limits.HALVES_LEAST_REQUESTS or limits.HALVES_LEAST_REQUESTS > least > most / 2:
        return None
    first, second = (_half(half, load) for half in halves)
    if first is None or second is None:
        return None
    difference = abs(first - second) / ((first + second) / 2)
    if difference <= limits.HALVES_DIFFERENCE_SHARE:
        return None
    evidence = Evidence(
        what="completed in the first half against the second", value=_share(difference),
        limit=limits.HALVES_DIFFERENCE_SHARE, unit="share of their mean", where="the generator's series",
    )  # fmt: skip
    return Verdict(kind="unsteady", evidence=(evidence,))


def environment_changed(measured: Measured) -> Verdict | None:
    """A machine was not itself: its hypervisor took time, it swapped, its clock was set, or a setting was another."""
    found = [*measured.settings]
    for machine in (measured.server, measured.client):
        if machine is not None:
            found.extend(_environment(machine))
    return Verdict(kind="environment-changed", evidence=tuple(found)) if found else None


def not_as_declared(measured: Measured) -> Verdict | None:
    """The daemon keeps connections open, or closes them, other than its launcher declares."""
    declared, seen = measured.keep_alive_declared, measured.keep_alive_seen
    if declared is None or seen is None or declared == seen:
        return None
    words = {True: "kept open", False: "closed after each reply"}
    evidence = Evidence(
        what="connections",
        value=words[seen],
        limit=f"declared: {words[declared]}",
        unit="",
        where="contract.json",
    )
    return Verdict(kind="not-equivalent", evidence=(evidence,))


RULES: tuple[Callable[[Measured], Verdict | None], ...] = (
    not_as_declared, environment_changed, client_bound, errors, completion, network_bound, unsteady,
)  # fmt: skip


def _lag(load: LoadResult) -> list[Evidence]:
    lag = load.lag.percentile_us("99") if load.lag is not None else None
    if lag is None:
        return []
    found = []
    if lag > limits.LAG_P99_US:
        found.append(_lag_evidence(lag, limits.LAG_P99_US))
    p99 = load.latency.percentile_us("99")
    if p99 is not None:
        allowed = max(limits.LAG_SHARE_OF_P99 * p99, limits.LAG_UNAVOIDABLE_US)
        if allowed < lag <= limits.LAG_P99_US:
            found.append(_lag_evidence(lag, round(allowed, 1)))
    return found


def _lag_evidence(lag_us: float, limit_us: float) -> Evidence:
    return Evidence(what="the generator's lag p99", value=round(lag_us, 1), limit=limit_us, unit="us", where=RESULT)


def _nothing_answered() -> Evidence:
    return Evidence(what="requests answered", value=0, limit=1, unit="requests, at least", where=RESULT)


def _blind(load: LoadResult) -> list[Evidence]:
    """An open loop that had answers and recorded not one latency measured nothing of what it is there for."""
    if load.loop != "open" or load.latency.recorded != 0 or not load.counts.ok:
        return []
    return [Evidence(what="latencies recorded", value=0, limit=1, unit="requests, at least", where=RESULT)]


def _coarse(load: LoadResult) -> list[Evidence]:
    """wrk2 does not report its lag; by its timers it may be a millisecond late at any request."""
    if load.tool != "wrk2":
        return []
    known = (load.latency.percentile_us(name) for name in ("99", "90", "50"))
    slowest = next((value for value in known if value is not None), None)
    if slowest is None or limits.LAG_SHARE_OF_P99 * slowest >= limits.WRK2_TIMER_US:
        return []
    return [
        Evidence(
            what="lateness of wrk2's timers, against the latency it reports", value=limits.WRK2_TIMER_US,
            limit=round(limits.LAG_SHARE_OF_P99 * slowest, 1), unit="us", where=RESULT,
        )
    ]  # fmt: skip


def _client_core(measured: Measured) -> list[Evidence]:
    client = measured.client
    if measured.load_on != "client" or client is None or client.busiest_core_share is None:
        return []
    if client.busiest_core_share <= limits.CLIENT_CORE_BUSY_SHARE:
        return []
    return [
        Evidence(
            what=f"core {client.busiest_core} of the client busy", value=_share(client.busiest_core_share),
            limit=limits.CLIENT_CORE_BUSY_SHARE, unit="share", where="counters of the client",
        )
    ]  # fmt: skip


def _own_checks(load: LoadResult) -> list[Evidence]:
    """Return the generator's failed checks of itself that no rule here repeats."""
    return [
        Evidence(
            what=f"the generator's own check {check.name}",
            value=check.value,
            limit=check.limit,
            unit=check.unit,
            where=RESULT,
        )
        for check in load.checks
        if not check.ok and check.name in GENERATOR_CHECKS
    ]


GENERATOR_CHECKS = frozenset(
    {"books_difference", "loop_gap_max", "connections_established", "connections_kept", "cpu_share", "late_share"}
)
"""The generators' checks of themselves that make a run client-bound and are not repeated by a rule above."""


def _half(seconds: list[Second], load: LoadResult) -> float | None:
    completed = sum(each.completed for each in seconds)
    scheduled = sum(each.scheduled for each in seconds)
    if load.loop == "open":
        return completed / scheduled if scheduled else None
    return completed / len(seconds)


def _environment(machine: MachineFigures) -> list[Evidence]:
    where = f"counters of the {machine.machine}"
    found = []
    if machine.steal_share is not None and machine.steal_share > limits.STEAL_SHARE:
        found.append(
            Evidence(
                what="time taken by the hypervisor",
                value=_share(machine.steal_share),
                limit=limits.STEAL_SHARE,
                unit="share",
                where=where,
            )
        )
    if machine.swapped_pages is not None and machine.swapped_pages > limits.SWAPPED_PAGES:
        found.append(
            Evidence(
                what="pages swapped",
                value=machine.swapped_pages,
                limit=limits.SWAPPED_PAGES,
                unit="pages",
                where=where,
            )
        )
    allowed_ms = limits.CLOCK_STEP_MS + limits.CLOCK_SLEW_SHARE * machine.interval_s * 1e3
    if abs(machine.clock_step_ms) > allowed_ms:
        found.append(
            Evidence(
                what="wall clock stepped by",
                value=machine.clock_step_ms,
                limit=round(allowed_ms, 1),
                unit="ms",
                where=where,
            )
        )
    return found


def _all_well(measured: Measured) -> tuple[Evidence, ...]:
    load = measured.load
    found = []
    if (share := completed_share(load)) is not None:
        found.append(
            Evidence(
                what="completed of scheduled",
                value=_share(share),
                limit=limits.DEGRADED_COMPLETED_SHARE,
                unit="share, at least",
                where=RESULT,
            )
        )
    if load.error_share is not None:
        found.append(
            Evidence(
                what="failed of attempted requests",
                value=_share(load.error_share),
                limit=limits.ERROR_SHARE,
                unit="share",
                where=RESULT,
            )
        )
    if load.lag is not None and (lag := load.lag.percentile_us("99")) is not None:
        found.append(_lag_evidence(lag, limits.LAG_P99_US))
    client = measured.client
    if measured.load_on == "client" and client is not None and client.busiest_core_share is not None:
        found.append(
            Evidence(
                what="busiest core of the client",
                value=_share(client.busiest_core_share),
                limit=limits.CLIENT_CORE_BUSY_SHARE,
                unit="share",
                where="counters of the client",
            )
        )
    return tuple(found)


def _mbit_per_s(sent_bytes: int | None, seconds: float) -> float | None:
    return None if sent_bytes is None or seconds <= 0 else round(sent_bytes * 8 / seconds / 1e6, 1)


def _share(value: float) -> float:
    return round(value, 6)

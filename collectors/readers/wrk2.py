"""What wrk2 gets wrong, found in a result that its text was read to, each by name.

Each was seen by running it or stands in its source: it sends by timers of whole milliseconds; it clears its
histogram when it has calibrated itself, after 10 s and 5 ms for each connection, but not its counts; its
"timeout" is the number of connections found waiting at each tick of 2 s; requests without an answer at the end
are in no figure at all; with nothing recorded it prints zeros and -nan.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from collectors import limits
from collectors.model import Finding, LoadResult
from collectors.readers.censored import lower_bounds
from collectors.units import show_share

WHERE: Final = "wrk2's text"


def calibration_s(connections: int) -> float:
    """Return the seconds from the start whose latencies wrk2 throws away."""
    return limits.WRK2_CALIBRATION_S + limits.WRK2_CALIBRATION_PER_CONNECTION_S * connections


def judged(result: LoadResult, *, nan: bool) -> LoadResult:
    """Return wrk2's result with its flags, and with the figures marked that are only lower bounds.

    `nan` says that a figure was printed as nan.
    """
    missing = result.unfinished or 0
    latency = result.latency
    if latency.recorded != 0 and missing:
        recorded = result.counts.completed if latency.recorded is None else latency.recorded
        named = lower_bounds(latency.percentiles_us, recorded=recorded, censored=missing)
        latency = dataclasses.replace(latency, censored=missing, at_least=named)
    flags = tuple(_flags(result, missing, nan=nan))
    notes = (*result.notes, *(flag.advice for flag in flags))
    return dataclasses.replace(result, latency=latency, flags=flags, notes=notes)


def _flags(result: LoadResult, missing: int, *, nan: bool) -> Iterator[Finding]:
    counts, recorded = result.counts, result.latency.recorded
    if recorded == 0:
        yield _flag("wrk2-empty-histogram", 0, 1, "no latency was recorded: the printed zeros and nan mean nothing")
    elif nan:
        yield _flag("wrk2-nan", None, None, "a figure was printed as nan: not measured")
    if ticks := result.errors.timeout:
        yield _flag(
            "wrk2-false-timeouts", ticks, 0,
            f"its {ticks} timeouts are connections found waiting at a tick of 2 s, not requests: they enter no share",
        )  # fmt: skip
    left_out = calibration_s(result.connections)
    yield _flag(
        "wrk2-calibration", left_out, None,
        f"wrk2 recorded no latency during its calibration, the first {left_out:g} s, but counted its requests",
    )  # fmt: skip
    yield _flag(
        "wrk2-timers", limits.WRK2_TIMER_US, None,
        "wrk2 sends by timers of whole milliseconds, in bursts: up to 1 ms of every latency is its own",
    )  # fmt: skip
    if missing:
        words = f"{missing} of {counts.scheduled} scheduled requests had no answer at the end and are in no latency"
        yield _flag("wrk2-censored", float(missing), 0.0, f"{words}: figures marked with ≥ are lower bounds")
    if counts.scheduled and counts.completed < limits.OVERLOADED_COMPLETED_SHARE * counts.scheduled:
        share = counts.completed / counts.scheduled
        yield _flag(
            "wrk2-overload", round(share, 6), limits.OVERLOADED_COMPLETED_SHARE,
            f"only {show_share(share)} of the schedule was completed, which wrk2 does not say: its latency is a "
            "backlog that grows with the length of the run",
        )  # fmt: skip


def _flag(kind: str, value: float | None, limit: float | None, advice: str) -> Finding:
    return Finding(kind=kind, where=WHERE, value=value, limit=limit, advice=advice)

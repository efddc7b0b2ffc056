"""Which runs of a ladder count, and which figure of a run may be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.explain.model import METRICS, Metric
from collectors.model import UNRANKED, VerdictKind
from collectors.run import Run

LEFT_OUT: Final[tuple[VerdictKind, ...]] = ("not-equivalent", "errors")
"""A run with one of these did other work than its rung stands for: it treats connections other than its launcher
declares, or failed requests."""
DISTURBED: Final = tuple(sorted(UNRANKED - {*LEFT_OUT, "overloaded"}))
"""A run with one of these did its rung's work under a disturbance: used, counted and said; left out when strict."""
NOT_RUN: Final = "not run"
NOT_ALL: Final = "beside runs of the same rung that have none"


@dataclass(frozen=True, kw_only=True)
class Used:
    """The usable runs of a rung in one round: `values` holds each metric by block."""

    values: Mapping[Metric, Mapping[int, float]]
    used: int
    left_out: Mapping[str, int]
    disturbed: Mapping[str, int]
    no_p99: Mapping[str, int]
    kept_up: bool


def use(runs: Sequence[Run], planned: int, *, loop: str, strict: bool) -> Used:
    """Sort the runs of one rung in one round."""
    left_out: Counter[str] = Counter()
    disturbed: Counter[str] = Counter()
    no_p99: Counter[str] = Counter()
    values: dict[Metric, dict[int, float]] = {metric: {} for metric in METRICS}
    used = []
    for run in runs:
        reason = why_left_out(run, strict=strict)
        if reason is not None:
            left_out[reason] += 1
            continue
        used.append(run)
        disturbed.update(kind for kind in run.kinds if kind in DISTURBED)
        if (why := why_no_p99(run)) is not None:
            no_p99[why] += 1
        for metric in METRICS:
            value = value_of(run, metric, loop)
            if value is not None and value > 0:
                values[metric][run.block] = value
    if no_p99 and values["p99"]:                            # those that have one are the quicker ones, not a sample
        no_p99[NOT_ALL] += len(values["p99"])
        values["p99"] = {}
    if planned > len(runs):
        left_out[NOT_RUN] += planned - len(runs)
    kept_up = bool(used) and not any({"overloaded", "degraded"}.intersection(run.kinds) for run in used)
    return Used(
        values=values, used=len(used), left_out=dict(left_out), disturbed=dict(disturbed), no_p99=dict(no_p99),
        kept_up=kept_up,
    )  # fmt: skip


def why_left_out(run: Run, *, strict: bool) -> str | None:
    """Return the outcome or the verdict for which a run is left out, None where it is used."""
    if run.outcome != "measured" or run.load is None:
        return run.outcome
    for kind in (*LEFT_OUT, *(DISTURBED if strict else ())):
        if kind in run.kinds:
            return kind
    return None


def why_no_p99(run: Run) -> str | None:
    """Return why a run's p99 is not used, None where it is."""
    if run.load is None:
        return "no result"
    latency = run.load.latency
    if "overloaded" in run.kinds:
        return "overloaded, so it is a backlog"
    if latency.truncated:
        return "truncated by the timeout"
    if latency.percentile_us("99") is None:
        return "too few requests"
    return "only known to be at least so long" if "99" in latency.at_least else None


def value_of(run: Run, metric: Metric, loop: str) -> float | None:
    """Return one figure of a run: requests per second (correct replies in an open loop), p99 or CPU per request in
    microseconds."""
    load = run.load
    if load is None:
        return None
    if metric == "cpu":
        return run.cpu_per_request_us
    if metric == "p99":
        return None if why_no_p99(run) is not None else load.latency.percentile_us("99")
    return load.completed_per_s if loop == "closed" or load.ok_per_s is None else load.ok_per_s

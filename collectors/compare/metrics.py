"""What is compared of a run: its metrics, which way is better, and on which scale they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from collectors.explain.words import NAMES
from collectors.limits import ERROR_SHARE
from collectors.run import Run
from collectors.units import show_latency, show_rate, show_share

MetricName = Literal["rate", "p50", "p99", "errors", "cpu"]
Scale = Literal["ratio", "difference"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of a run. Ratios are taken on logarithms; shares of errors, often 0, as differences."""

    name: MetricName
    scale: Scale
    more_is_better: bool = False
    better: str = "faster"
    worse: str = "slower"

    def unit_free(self, value: float) -> float:
        """Return the value on the scale in which differences are taken."""
        return math.log(value) if self.scale == "ratio" else value

    def margin(self, share: float) -> float:
        """Return the margin of equivalence on that scale: a share of the value, or the share of errors that still is
        a valid run."""
        return math.log1p(share) if self.scale == "ratio" else ERROR_SHARE

    def effect(self, shift: float) -> float:
        """Return a shift of that scale as the ratio B / A, or as the difference B - A."""
        return math.exp(shift) if self.scale == "ratio" else shift

    def words(self, loop: str) -> str:
        """Return what the metric is called in a loop."""
        if self.name == "p50":
            return NAMES["p99", loop].replace("p99", "p50")
        return "failed requests" if self.name == "errors" else NAMES[self.name, loop]

    def show(self, value: float | None) -> str:
        """Return a value with its unit."""
        if self.name == "rate":
            return show_rate(value)
        return show_share(value) if self.name == "errors" else show_latency(value)


METRICS: Final[Mapping[MetricName, Metric]] = {
    each.name: each
    for each in (
        Metric(name="rate", scale="ratio", more_is_better=True),
        Metric(name="p50", scale="ratio"),
        Metric(name="p99", scale="ratio"),
        Metric(name="errors", scale="difference", better="fewer errors", worse="more errors"),
        Metric(name="cpu", scale="ratio", better="less CPU", worse="more CPU"),
    )
}
"""The metrics in the order in which they are shown."""


def value_of(run: Run, metric: MetricName) -> float | None:
    """Return one figure of a run: requests per second (correct replies in an open loop), a latency or CPU time in
    microseconds, a share; None where it was not measured, or is a bound or a backlog and no figure."""
    load = run.load
    if load is None:
        return None
    if metric == "errors":
        return load.error_share
    value: float | None
    if metric == "rate":
        value = load.completed_per_s if load.loop == "closed" or load.ok_per_s is None else load.ok_per_s
    elif metric == "cpu":
        value = run.cpu_per_request_us
    else:
        value = None if is_bound(run, metric) else load.latency.percentile_us(metric[1:])
    return value if value is not None and value > 0 else None


def is_bound(run: Run, metric: MetricName) -> bool:
    """Say whether a run has a percentile that is a lower bound or a backlog and no figure: such runs are the worst,
    and a median without them is of the others alone."""
    load = run.load
    if load is None or metric not in {"p50", "p99"}:
        return False
    latency, percentile = load.latency, metric[1:]
    return "overloaded" in run.kinds or latency.truncated or percentile in latency.at_least


def has_too_few(run: Run, metric: MetricName) -> bool:
    """Say whether a run has too few requests for a percentile that is no bound."""
    load = run.load
    if load is None or metric not in {"p50", "p99"} or is_bound(run, metric):
        return False
    return not load.latency.supports(metric[1:])

"""Say what a histogram supports: percentiles, their intervals, and how unanswered requests limit them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, sqrt

from pacer.histogram import Histogram, rank_of

PERCENTILES = ("50", "75", "90", "99", "99.9", "99.99")
_TAIL_SAMPLES = 10              # a percentile needs that many samples above it
_Z95 = 1.959964


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A summary in nanoseconds; None where the sample does not support a figure.

    n values are known; `censored` more are only known to be at least so large. They take part with that age;
    figures that could be higher for it are named in at_least.
    """

    n: int
    censored: int
    mean_ns: int | None
    stdev_ns: int | None
    min_ns: int | None
    max_ns: int | None
    percentiles: dict[str, int | None]
    intervals: dict[str, tuple[int, int] | None]
    at_least: tuple[str, ...]
    supported_percentile: str | None


def describe(values: Histogram, censored: Histogram | None = None) -> Distribution:
    """Summarise known values and the ages of those that are only known to be larger.

    A percentile is taken over all of them, each unknown value counted at its age, which can only be too low.
    It is exact when counting them all as infinite gives the same.
    """
    unknown = censored or Histogram()
    every = Histogram(values.counts)
    every.add(unknown)
    total = every.n
    supported = [percent for percent in PERCENTILES if total >= samples_needed(percent)]
    ranks = [rank_of(percent, total) for percent in supported]
    lowest = dict(zip(supported, every.at_ranks(ranks), strict=True))
    highest = dict(zip(supported, values.at_ranks(ranks), strict=True))
    at_least = [percent for percent in supported if lowest[percent] != highest[percent]]
    if unknown.counts:
        at_least += ["mean", "max"]
    return Distribution(
        n=values.n, censored=unknown.n, mean_ns=_whole(every.mean()), stdev_ns=_whole(every.deviation()),
        min_ns=values.minimum(), max_ns=every.maximum(),
        percentiles={percent: lowest.get(percent) for percent in PERCENTILES},
        intervals={percent: _interval(every, percent, total) if percent in lowest else None
                   for percent in PERCENTILES},
        at_least=tuple(at_least), supported_percentile=supported[-1] if supported else None)


def samples_needed(percent: str) -> int:
    """Return how many samples a percentile needs: 10 / (1 - p)."""
    return ceil(_TAIL_SAMPLES / (1 - Fraction(percent) / 100))


def interval_ranks(percent: str, n: int) -> tuple[int, int]:
    """Return the ranks between which the percentile lies with 95 % confidence, whatever the distribution.

    The number of samples below the true percentile is binomial (n, p); its normal approximation, rounded
    outwards. Samples are taken as independent; those of one overloaded second are not.
    """
    p = float(Fraction(percent) / 100)
    half = _Z95 * sqrt(n * p * (1 - p))
    return max(1, floor(n * p - half)), min(n, ceil(n * p + half) + 1)


def _interval(every: Histogram, percent: str, n: int) -> tuple[int, int] | None:
    low, high = every.at_ranks(interval_ranks(percent, n))
    return None if low is None or high is None else (low, high)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def at_least_sign(distribution: Distribution, figure: str) -> str:
    """Return ">=" for a figure that is a lower bound, else nothing."""
    return ">=" if figure in distribution.at_least else ""

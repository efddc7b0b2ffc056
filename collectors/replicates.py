"""Several runs of one cell: their median, and an interval for it where there are enough."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from collectors.limits import REPLICATES_FOR_INTERVAL

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median of n values and, from six on, an interval that holds the true median with at least 95 %."""

    n: int
    median: float
    low: float | None = None
    high: float | None = None


def spread(values: Sequence[float]) -> Spread | None:
    """Return median and interval, None for no values.

    The interval is between order statistics k and n + 1 - k, with the largest k whose coverage, from the
    binomial distribution with p = 1/2, is at least 95 %. It assumes nothing of the distribution's form.
    """
    if not values:
        return None
    ordered = sorted(values)
    n = len(ordered)
    rank = _rank(n)
    if rank is None:
        return Spread(n=n, median=statistics.median(ordered))
    return Spread(n=n, median=statistics.median(ordered), low=ordered[rank - 1], high=ordered[n - rank])


def all_median(values: Sequence[float | None]) -> float | None:
    """Return the median where every replicate has the figure, else None: that of the fortunate would flatter."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known and len(known) == len(values) else None


def _rank(n: int) -> int | None:
    if n < REPLICATES_FOR_INTERVAL:
        return None
    rank, outside = 0, 0.0
    while rank < n // 2:
        outside += math.comb(n, rank) / 2**n
        if 2 * outside > 1 - CONFIDENCE:
            break
        rank += 1
    return rank or None


def interval_note(n: int) -> str:
    """Return what n replicates are good for, in words."""
    if n == 1:
        return "1 replicate: no interval"
    if n < REPLICATES_FOR_INTERVAL:
        return f"{n} replicates: medians, no interval (it takes {REPLICATES_FOR_INTERVAL})"
    return f"{n} replicates: medians with 95 % intervals"

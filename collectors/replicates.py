"""Several runs of one cell: their median, and an interval for it where there are enough."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

CONFIDENCE = 0.95


def missed(looks: int = 1) -> float:
    """Return how often an interval may miss the truth, 5 %, at each of so many planned looks.

    A campaign that stops early is looked at several times, and stops at a look of its own choice. Where each look's
    interval misses with 5 % / looks at most, any of them does with 5 % at most (the sum bounds the union), and so does
    the one that it stops with, whatever the rule that stops it.
    """
    return (1 - CONFIDENCE) / looks


@cache
def least_for_interval(looks: int = 1) -> int:
    """Return the fewest replicates whose range is an interval for their median: their n values lie all above or all
    below it with 2 / 2^n."""
    n = 1
    while 2 / 2**n > missed(looks):
        n += 1
    return n


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median of n values and, from six on, an interval that holds the true median with at least 95 %."""

    n: int
    median: float
    low: float | None = None
    high: float | None = None


def spread(values: Sequence[float], *, looks: int = 1) -> Spread | None:
    """Return median and interval, None for no values.

    The interval is between order statistics k and n + 1 - k, with the largest k whose coverage, from the
    binomial distribution with p = 1/2, is at least 95 % (of several planned looks: all of them together). It assumes
    nothing of the distribution's form.
    """
    if not values:
        return None
    ordered = sorted(values)
    n = len(ordered)
    rank = interval_rank(n, looks)
    if rank is None:
        return Spread(n=n, median=statistics.median(ordered))
    return Spread(n=n, median=statistics.median(ordered), low=ordered[rank - 1], high=ordered[n - rank])


def all_median(values: Sequence[float | None]) -> float | None:
    """Return the median where every replicate has the figure, else None: that of the fortunate would flatter."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known and len(known) == len(values) else None


@cache
def interval_rank(n: int, looks: int = 1) -> int | None:
    """Return which of n sorted values, counted from either end, bounds the interval; None for too few values."""
    if n < least_for_interval(looks):
        return None
    rank, outside = 0, 0.0
    while rank < n // 2:
        outside += math.comb(n, rank) / 2**n
        if 2 * outside > missed(looks):
            break
        rank += 1
    return rank or None


def interval_note(n: int, *, looks: int = 1) -> str:
    """Return what n replicates are good for, in words."""
    if n == 1:
        return "1 replicate: no interval"
    least = least_for_interval(looks)
    if n < least:
        return f"{n} replicates: medians, no interval (it takes {least}{f' with {looks} looks' if looks > 1 else ''})"
    note = f"{n} replicates: medians with 95 % intervals"
    each = f"{100 - 100 * missed(looks):.4g} % at each"
    return note if looks == 1 else f"{note}, corrected for {looks} planned looks ({each})"

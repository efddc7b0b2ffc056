"""How far one set of values lies above another, by ranks alone: no law of the noise is assumed.

Paired values (both sides in every block) by the signed ranks of their differences, two independent sets by all
differences between them: the estimates of Hodges and Lehmann, with the exact intervals that belong to them
(Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd edition, sections 3.1 to 3.3 and 4.1 to 4.3).
In a block whose order was drawn by lot, identical sides change places without a trace, so the signed ranks' p holds
whatever the noise does from block to block. The p of two independent sets does not: a drift between them is an effect.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from collectors.replicates import missed
from collectors.statistics import EXACT_UP_TO, normal_quantile, signed_rank, signed_rank_p

TIE: Final = 1e-9
"""Differences this small are rounding, and count against an effect on either side."""
_NORMAL: Final = statistics.NormalDist()


@dataclass(frozen=True, kw_only=True)
class Shift:
    """B minus A in the values' own unit: the estimate, its 95 % interval (None where too few), its two-sided p.

    `n_a` and `n_b` are the values behind it; paired ones have one number of pairs. Interval and p are corrected for so
    many planned `looks` at the campaign: the p is that many times as large.
    """

    n_a: int
    n_b: int
    paired: bool
    middle: float
    low: float | None
    high: float | None
    p: float
    looks: int = 1

    @property
    def half_width(self) -> float | None:
        """Return half the interval's width, None where there is none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def paired_shift(pairs: Sequence[tuple[float, float]], *, looks: int = 1) -> Shift:
    """Return B - A over pairs of (A, B); ValueError for no pair."""
    if not pairs:
        raise ValueError("a shift needs at least one pair")
    own = [after - before for before, after in pairs]
    n = len(own)
    means = sorted((one + other) / 2 for index, one in enumerate(own) for other in own[index:])
    p = signed_rank_p(n, _against(means))
    return _shift(means, signed_rank(n, looks), p, (n, n), looks=looks, paired=True)


def independent_shift(before: Sequence[float], after: Sequence[float], *, looks: int = 1) -> Shift:
    """Return B - A over two sets that are not paired; ValueError where one is empty."""
    if not before or not after:
        raise ValueError("a shift needs values on both sides")
    n, m = len(before), len(after)
    differences = sorted(other - one for one in before for other in after)
    p = rank_sum_p(n, m, _against(differences))
    return _shift(differences, rank_sum(n, m, looks), p, (n, m), looks=looks, paired=False)


def _against(ordered: Sequence[float]) -> int:
    """Return how many values do not speak for the side that most speak for; ties speak for neither."""
    return min(sum(1 for each in ordered if each <= TIE), sum(1 for each in ordered if each >= -TIE))


def _shift(
    ordered: Sequence[float], rank: int | None, p: float, sizes: tuple[int, int], *, looks: int, paired: bool
) -> Shift:
    low, high = (None, None) if rank is None else (ordered[rank - 1], ordered[-rank])
    return Shift(
        n_a=sizes[0], n_b=sizes[1], paired=paired, middle=statistics.median(ordered), low=low, high=high,
        p=min(1.0, looks * p), looks=looks,
    )  # fmt: skip


@cache
def rank_sum(n: int, m: int, looks: int = 1) -> int | None:
    """Return which of the sorted differences of n and m values, from either end, bounds the interval; None for too
    few: the largest rank with 2 P(U < rank) <= 5 % / looks, U being the statistic of Mann and Whitney."""
    if max(n, m) > EXACT_UP_TO:
        return max(1, math.floor(n * m / 2 - normal_quantile(looks) * _spread(n, m)))
    rank, below = 0, 0
    for ways in _rank_sum_ways(n, m):
        below += ways
        if 2 * below > missed(looks) * math.comb(n + m, n):
            break
        rank += 1
    return rank or None


@cache
def rank_sum_p(n: int, m: int, total: int) -> float:
    """Return the two-sided p of a statistic of Mann and Whitney that is `total` or less (the smaller of the two)."""
    if max(n, m) > EXACT_UP_TO:
        return min(1.0, 2 * _NORMAL.cdf((total + 0.5 - n * m / 2) / _spread(n, m)))
    return min(1.0, 2 * sum(_rank_sum_ways(n, m)[: total + 1]) / math.comb(n + m, n))


def _spread(n: int, m: int) -> float:
    return math.sqrt(n * m * (n + m + 1) / 12)


@cache
def _rank_sum_ways(n: int, m: int) -> tuple[int, ...]:
    """Return for each U the number of orders of n and m values that have it.

    They are the coefficients of the Gaussian binomial, the product of (1 - q^(m + i)) / (1 - q^i) for i = 1..n.
    """
    top = n * m
    ways = [1] + [0] * top
    for i in range(1, n + 1):
        for k in range(top, m + i - 1, -1):
            ways[k] -= ways[k - m - i]
        for k in range(i, top + 1):
            ways[k] += ways[k - i]
    return tuple(ways)


def holm(ps: Sequence[float]) -> list[float]:
    """Return the p values corrected for their number, in their order.

    Claiming what stays at 5 % or below makes one false claim or more in at most 5 % of all cases, whatever the
    dependence between them (S. Holm, Scandinavian Journal of Statistics 6, 1979, pages 65 to 70).
    """
    corrected = [0.0] * len(ps)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda each: ps[each])):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = highest
    return corrected

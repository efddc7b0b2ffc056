"""What queueing theory says, and what a schedule and a server's own log say: what latencies are held against.

Times in nanoseconds where a name ends in _ns, in seconds where it ends in _s; both kinds of input are accepted where
no unit is named.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence

from pacer.histogram import Histogram, cell_low


def stall_percentile(percent: float, *, frozen: float, period: float, rho: float) -> float:
    """Return the percentile of the latency at a server that is frozen for `frozen` of every `period`.

    Arrivals at a constant rate, rho of the server's capacity, service time 0. After the thaw the backlog is served for
    frozen * rho / (1 - rho), so that frozen / (1 - rho) of the arrivals in a period wait, evenly spread between 0 and
    `frozen`: P(L > x) = (frozen - x) / ((1 - rho) period).
    """
    return max(0.0, frozen - (1 - percent / 100) * (1 - rho) * period)


def stall_mean(*, frozen: float, period: float, rho: float) -> float:
    """Return the mean of the same distribution."""
    return frozen * frozen / (2 * (1 - rho) * period)


def md1_mean(service: float, rho: float) -> float:
    """Return the mean stay in an M/D/1 queue (Pollaczek and Khinchine for a constant service time)."""
    return service * (1 + rho / (2 * (1 - rho)))


def stays(times: Iterable[int], service: int) -> list[int]:
    """Return each arrival's stay in a queue with one server and a constant service time (Lindley's recursion).

    Exact for these very arrivals, where a mean of theory holds only for infinitely many.
    """
    free, found = 0, []
    for due in times:
        free = max(free, due) + service
        found.append(free - due)
    return found


def gap_variation(times: Sequence[int]) -> float:
    """Return the coefficient of variation of the gaps between sorted times: 0 when even, 1 for a Poisson process."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return statistics.pstdev(gaps) / statistics.fmean(gaps)


def dispersion(times: Sequence[int], *, start: int, width: int, bins: int) -> float:
    """Return variance / mean of the counts per bin: 0 when even, 1 for a Poisson process."""
    counts = [0] * bins
    for time in times:
        if 0 <= time - start < bins * width:
            counts[(time - start) // width] += 1
    return statistics.pvariance(counts) / statistics.fmean(counts)


def evenness(times: Sequence[int], *, rate: int, window_ns: int = 500_000_000,
             width_ns: int = 10_000_000) -> tuple[float, float]:
    """Return the coefficient of variation of gaps and variance / mean of counts: medians over all whole windows.

    Bins begin half a gap before the first arrival, so that none of them should fall on an edge.
    """
    times = sorted(times)
    start = times[0] - 500_000_000 // rate
    found = []
    for number in range((times[-1] - start + 1_000_000_000 // rate) // window_ns):
        low = start + number * window_ns
        inside = [time for time in times if low <= time < low + window_ns]
        if len(inside) > 2:
            found.append((gap_variation(inside),
                          dispersion(inside, start=low, width=width_ns, bins=window_ns // width_ns)))
    return statistics.median(one for one, _ in found), statistics.median(other for _, other in found)


def above(histogram: Histogram, value_ns: float) -> int:
    """Return how many values are larger for certain."""
    return sum(count for cell, count in histogram.counts.items() if cell_low(cell) > value_ns)


def share_on_time(came: Sequence[int], due: Sequence[int], within: int) -> float:
    """Return the share of arrivals that were on time.

    Time is taken from the earliest tenth, so that neither the constant way to the server nor a busy machine, which
    makes some late and none early, matters.
    """
    offsets = sorted(one - other for one, other in zip(sorted(came), due, strict=True))
    first = offsets[len(offsets) // 10]
    return sum(abs(offset - first) < within for offset in offsets) / len(offsets)

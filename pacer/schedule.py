"""When each request is due: a pure function of arrival, stages, seed, shard and start.

Uniform: within a stage of rate r, request i is due at start + i * 10^9 / r, in integers, so there is no
drift.

Poisson: the gaps are -ln(1 - u) * 10^9 / r, each rounded to a nanosecond and added up, where u are the
successive values of Python's `random.Random(seed).random()` (the Mersenne Twister MT19937, 53 bits per value,
a sequence that Python promises to keep). Each stage draws from the same generator, in order.

Requests are numbered through all stages. Shard k of N takes the requests with i = k mod N, so that shards
together make exactly the schedule of one. All times are nanoseconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import log1p

from pacer.units import NS_PER_S

UNIFORM = "uniform"
POISSON = "poisson"
ARRIVALS = (UNIFORM, POISSON)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A constant rate (requests per second, exact) held for a time."""

    duration_ns: int
    rate_per_s: Fraction


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One arrival process over one or more stages, or the part of it that one shard takes."""

    stages: tuple[Stage, ...]
    arrival: str = UNIFORM
    seed: int = 0
    shard: int = 0
    shards: int = 1

    @property
    def duration_ns(self) -> int:
        """Length of all stages together."""
        return sum(stage.duration_ns for stage in self.stages)

    @property
    def expected(self) -> Fraction:
        """Number of requests that all shards together expect, before rounding."""
        return sum((stage.rate_per_s * stage.duration_ns / NS_PER_S for stage in self.stages), Fraction(0))

    def times(self, start_ns: int) -> Iterator[int]:
        """Yield when each of this shard's requests is due, in order, for a window that opens at start_ns."""
        every = self._all(start_ns)
        return islice(every, self.shard, None, self.shards) if self.shards > 1 else every

    def _all(self, start_ns: int) -> Iterator[int]:
        generator = random.Random(self.seed)  # noqa: S311 - arrivals must be repeatable, not secret
        for stage in self.stages:
            if self.arrival == UNIFORM:
                yield from uniform_times(stage, start_ns)
            else:
                yield from poisson_times(stage, start_ns, generator)
            start_ns += stage.duration_ns


def uniform_count(stage: Stage) -> int:
    """Return how many requests are due before the stage ends: rate x duration, rounded up."""
    return -(-stage.duration_ns * stage.rate_per_s.numerator // (NS_PER_S * stage.rate_per_s.denominator))


def uniform_times(stage: Stage, start_ns: int, *, first: int = 0) -> Iterator[int]:
    """Yield evenly spaced due times from request `first` on; request 0 is due at start_ns."""
    step, rate = NS_PER_S * stage.rate_per_s.denominator, stage.rate_per_s.numerator
    for i in range(first, uniform_count(stage)):
        yield start_ns + i * step // rate


def poisson_times(stage: Stage, start_ns: int, generator: random.Random) -> Iterator[int]:
    """Yield the due times of a Poisson process that begins at start_ns."""
    mean_gap_ns = NS_PER_S / float(stage.rate_per_s)
    uniform, end_ns = generator.random, start_ns + stage.duration_ns
    due_ns = start_ns
    while True:
        due_ns += round(-log1p(-uniform()) * mean_gap_ns)
        if due_ns >= end_ns:
            return
        yield due_ns

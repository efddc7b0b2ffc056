"""The schedule: pure, exact, divisible."""

from __future__ import annotations

import itertools
import random
import statistics
from fractions import Fraction
from math import floor, log1p

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacer.schedule import POISSON, UNIFORM, Schedule, Stage, poisson_times, uniform_count, uniform_times

S = 1_000_000_000

rates = st.fractions(min_value=Fraction(1, 100), max_value=100_000, max_denominator=1000)
durations = st.integers(min_value=1, max_value=20 * S)


def stage(rate: float | Fraction | str, seconds: float) -> Stage:
    return Stage(rate_per_s=Fraction(rate), duration_ns=int(seconds * S))


@pytest.mark.parametrize(("rate", "seconds", "count"), [
    ("4000", 30, 120_000), ("10", 30, 300), ("0.5", 4, 2), ("0.1", 25, 3), ("333.3", 10, 3333), ("1", 0.5, 1)])
def test_exactly_rate_times_duration(rate: str, seconds: float, count: int) -> None:
    times = list(uniform_times(stage(rate, seconds), 0))
    assert len(times) == uniform_count(stage(rate, seconds)) == count
    assert times[0] == 0
    assert times[-1] < seconds * S


@pytest.mark.parametrize("rate", ["1000", "7777", "333.3", "20000/7"])
def test_no_drift_over_a_thousand_million_requests(rate: str) -> None:
    """Request i is due at i / r, rounded down to a nanosecond, however large i is."""
    number = 10**9
    every = Stage(rate_per_s=Fraction(rate), duration_ns=10**7 * S)
    late = list(itertools.islice(uniform_times(every, 5, first=number), 3))
    assert late == [5 + floor(Fraction(i * S) / Fraction(rate)) for i in range(number, number + 3)]
    tail = list(uniform_times(every, 0, first=uniform_count(every) - 3))
    assert len(tail) == 3
    assert tail[-1] < every.duration_ns <= tail[-1] + S / Fraction(rate) + 1


@settings(deadline=None)
@given(rates, durations)
def test_uniform_gaps_differ_by_at_most_a_nanosecond(rate: Fraction, duration: int) -> None:
    times = list(itertools.islice(uniform_times(Stage(rate_per_s=rate, duration_ns=duration), 5), 300))
    gaps = {later - earlier for earlier, later in itertools.pairwise(times)}
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert all(5 <= due < 5 + duration for due in times)


@settings(deadline=None)
@given(st.sampled_from([UNIFORM, POISSON]), st.integers(1, 7), st.integers(0, 2**64), st.integers(0, 10**18))
def test_shards_make_exactly_the_whole(arrival: str, shards: int, seed: int, start: int) -> None:
    stages = (stage(150, 0.5), stage("33.3", 1.7))
    whole = list(Schedule(stages=stages, arrival=arrival, seed=seed).times(start))
    parts = [list(Schedule(stages=stages, arrival=arrival, seed=seed, shard=k, shards=shards).times(start))
             for k in range(shards)]
    for number, due in enumerate(whole):
        assert parts[number % shards][number // shards] == due
    assert sum(map(len, parts)) == len(whole)
    assert whole == sorted(whole)


def test_the_same_seed_makes_the_same_times_and_another_does_not() -> None:
    one, two, other = (list(Schedule(stages=(stage(100, 5),), arrival=POISSON, seed=seed).times(0))
                       for seed in (7, 7, 8))
    assert one == two != other


def test_poisson_is_the_documented_generator() -> None:
    generator, due, expected = random.Random(42), 0, []
    for _ in range(100):
        due += round(-log1p(-generator.random()) * 1e9 / 50)
        expected.append(due)
    assert list(itertools.islice(poisson_times(stage(50, 100), 0, random.Random(42)), 100)) == expected


def test_poisson_gaps_vary_as_they_should() -> None:
    times = list(poisson_times(stage(1000, 60), 0, random.Random(1)))
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) == pytest.approx(60_000, rel=0.02)
    assert 0.95 < statistics.pstdev(gaps) / statistics.mean(gaps) < 1.05
    counts = [0] * 6000
    for due in times:
        counts[due // 10_000_000] += 1
    assert statistics.pvariance(counts) / statistics.mean(counts) == pytest.approx(1, rel=0.1)


def test_stages_follow_without_a_gap() -> None:
    schedule = Schedule(stages=(stage(10, 1), stage(100, 1)))
    times = list(schedule.times(0))
    assert len(times) == schedule.expected == 110
    assert times[10] == 1 * S
    assert schedule.duration_ns == 2 * S

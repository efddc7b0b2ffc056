"""Percentiles, their limits, and what requests without an answer do to them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacer.distribution import describe, interval_ranks, samples_needed
from pacer.histogram import Histogram


@pytest.mark.parametrize(("percent", "needed"), [
    ("50", 20), ("90", 100), ("99", 1000), ("99.9", 10_000), ("99.99", 100_000)])
def test_a_percentile_needs_ten_samples_above_it(percent: str, needed: int) -> None:
    assert samples_needed(percent) == needed
    assert describe(Histogram.of(range(needed - 1))).percentiles[percent] is None
    found = describe(Histogram.of(range(needed)))
    assert found.percentiles[percent] is not None
    assert found.supported_percentile == percent


def test_nothing_measured_is_none_everywhere() -> None:
    nothing = describe(Histogram())
    assert (nothing.n, nothing.mean_ns, nothing.min_ns, nothing.max_ns, nothing.stdev_ns) == (0, None, None, None, None)
    assert set(nothing.percentiles.values()) == {None}
    assert (nothing.supported_percentile, nothing.at_least) == (None, ())


def test_an_unfinished_request_that_is_old_leaves_lower_percentiles_exact() -> None:
    values = Histogram.of(range(1, 981))
    found = describe(values, Histogram.of([5000] * 20))
    assert (found.n, found.censored) == (980, 20)
    assert found.percentiles["90"] == 900
    assert found.at_least == ("99", "mean", "max")
    assert (found.percentiles["99"] or 0) >= 5000
    assert (found.max_ns or 0) >= 5000


def test_an_unfinished_request_that_is_young_makes_everything_above_it_a_lower_bound() -> None:
    found = describe(Histogram.of(range(1, 981)), Histogram.of([600] * 20))
    assert found.percentiles["50"] == 500
    assert "50" not in found.at_least
    assert {"75", "90", "99"} <= set(found.at_least)
    assert (found.percentiles["75"] or 0) <= 750


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=20, max_size=150))
def test_what_is_said_is_true_whatever_the_missing_answers_would_have_been(requests: list[tuple[int, int]]) -> None:
    """Each request would have taken `true`, but is cut off at `patience`."""
    known = Histogram.of(true for true, patience in requests if true <= patience)
    unknown = Histogram.of(patience for true, patience in requests if true > patience)
    truth = describe(Histogram.of(true for true, _ in requests))
    found = describe(known, unknown)
    for percent, value in found.percentiles.items():
        exact = truth.percentiles[percent]
        if value is not None and exact is not None:
            assert value <= exact
            if percent not in found.at_least:
                assert value == exact


def test_intervals_hold_the_true_percentile_95_times_in_100() -> None:
    generator = random.Random(1)
    truth = {"50": 500_000, "90": 900_000, "99": 990_000}
    held = dict.fromkeys(truth, 0)
    for _ in range(300):
        found = describe(Histogram.of(int(generator.random() * 1_000_000) for _ in range(1000)))
        for percent, true in truth.items():
            interval = found.intervals[percent]
            assert interval is not None
            held[percent] += interval[0] <= true * 1.001 and true <= interval[1] * 1.001
    assert all(count >= 280 for count in held.values()), held


@given(st.sampled_from(["50", "99", "99.99"]), st.integers(1, 10**7))
def test_interval_ranks_are_ranks_around_the_percentile(percent: str, n: int) -> None:
    low, high = interval_ranks(percent, n)
    assert 1 <= low <= high <= n
    assert low - 1 <= float(percent) / 100 * n <= high

"""The histogram against exact values and against PyPI's hdrhistogram."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from pacer.histogram import Histogram, cell_high, cell_low, cell_middle, cell_of, rank_of

HOUR = 3600 * 10**9
values = st.integers(min_value=0, max_value=HOUR)
samples = st.lists(values, min_size=1, max_size=200)


def theirs(of: list[int]) -> HdrHistogram:
    histogram = HdrHistogram(1, HOUR, 3)
    for value in of:
        histogram.record_value(value)
    return histogram


@settings(deadline=None)
@given(values)
def test_a_cell_holds_its_value_and_is_narrow(value: int) -> None:
    cell = cell_of(value)
    assert cell_low(cell) <= value <= cell_high(cell)
    assert (cell_high(cell) - cell_low(cell)) * 1000 <= max(value, 1) * 1
    assert cell_of(cell_low(cell)) == cell_of(cell_high(cell)) == cell
    assert cell_of(cell_high(cell) + 1) == cell + 1


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=2**62))
def test_any_size_of_value_is_counted(value: int) -> None:
    histogram = Histogram.of([value])
    assert histogram.counts == {cell_of(value): 1}
    assert histogram.maximum() == cell_high(cell_of(value))


@settings(deadline=None)
@given(samples, st.sampled_from(["0.001", "50", "90", "99", "99.9", "100"]))
def test_percentiles_are_within_a_thousandth_of_exact(of: list[int], percent: str) -> None:
    exact = sorted(of)[rank_of(percent, len(of)) - 1]
    found = Histogram.of(of).percentile(percent)
    assert found is not None
    assert exact <= found <= exact * 1.001 + 1


@settings(max_examples=4, deadline=None)         # hdrhistogram is slow
@given(samples)
def test_equal_to_hdrhistogram(of: list[int]) -> None:
    mine, other = Histogram.of(of), theirs(of)
    assert mine.n == other.get_total_count()
    assert mine.mean() == pytest.approx(other.get_mean_value())
    assert mine.deviation() == pytest.approx(other.get_stddev())
    assert mine.minimum() == other.get_min_value()
    assert (mine.maximum() or 0) == other.get_max_value()
    # hdrhistogram rounds the rank, we take the smallest value that p of all do not exceed: choose where both agree.
    for percent in ("25", "50", "75", "100"):
        if Fraction(percent) * len(of) % 100 == 0:
            assert mine.percentile(percent) == other.get_value_at_percentile(float(percent))


@pytest.mark.parametrize("sigma", [0.3, 2.5])
def test_equal_to_hdrhistogram_and_within_a_thousandth_of_exact_for_many_values(sigma: float) -> None:
    """20,000 latencies between microseconds and minutes, at percentiles whose rank is a whole number."""
    generator = random.Random(7)
    of = [int(generator.lognormvariate(13, sigma)) for _ in range(20_000)]
    mine, other = Histogram.of(of), theirs(of)
    exact = sorted(of)
    for percent in ("1", "25", "50", "75", "90", "99", "99.9", "99.99", "100"):
        found = mine.percentile(percent)
        assert found == other.get_value_at_percentile(float(percent)), percent
        assert found == pytest.approx(exact[int(Fraction(percent) * 200) - 1], rel=0.001, abs=1), percent
    assert mine.mean() == pytest.approx(sum(of) / len(of), rel=0.001)


def test_merged_shards_are_pooled_values() -> None:
    """Four generators' histograms, encoded, decoded and added: not a count differs from one histogram of all."""
    generator = random.Random(8)
    of = [int(generator.lognormvariate(13, 2)) for _ in range(20_000)]
    merged, theirs_merged = Histogram(), HdrHistogram(1, HOUR, 3)
    for shard in range(4):
        text = Histogram.of(of[shard::4]).encode()
        merged.add(Histogram.decode(text))
        theirs_merged.decode_and_add(text)
    assert merged.counts == Histogram.of(of).counts
    assert theirs_merged.get_total_count() == len(of)
    assert merged.percentile("99") == theirs_merged.get_value_at_percentile(99)


@settings(max_examples=40, deadline=None)
@given(samples)
def test_hdrhistogram_reads_what_we_write(of: list[int]) -> None:
    read = HdrHistogram.decode(Histogram.of(of).encode())
    expected = theirs(of)
    assert read.get_total_count() == len(of)
    for value in of:
        assert read.get_count_at_value(value) == expected.get_count_at_value(value)


@settings(max_examples=40, deadline=None)
@given(samples)
def test_we_read_what_hdrhistogram_writes(of: list[int]) -> None:
    assert Histogram.decode(theirs(of).encode().decode()).counts == Histogram.of(of).counts


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 40_000), st.integers(1, 2**50), max_size=50))
def test_any_counts_survive_encoding(counts: dict[int, int]) -> None:
    assert Histogram.decode(Histogram(counts).encode()).counts == counts


@settings(deadline=None)
@given(samples, samples)
def test_merged_parts_are_the_whole(one: list[int], two: list[int]) -> None:
    merged = Histogram.of(one)
    merged.add(Histogram.of(two))
    assert merged.counts == Histogram.of(one + two).counts


def test_values_beyond_an_hour_are_encoded_too() -> None:
    day = 24 * HOUR
    assert HdrHistogram.decode(Histogram.of([5, day]).encode()).get_max_value() == cell_high(cell_of(day))


def test_an_empty_histogram_has_no_figures() -> None:
    empty = Histogram()
    assert (empty.n, empty.mean(), empty.deviation(), empty.minimum(), empty.maximum()) == (0, None, None, None, None)
    assert empty.percentile("50") is None
    assert Histogram.decode(empty.encode()).counts == {}
    assert HdrHistogram.decode(empty.encode()).get_total_count() == 0


def test_ranks_beyond_the_last_have_no_value() -> None:
    assert list(Histogram.of([1, 2, 3]).at_ranks([1, 1, 3, 4, 9])) == [1, 1, 3, None, None]


def test_the_mean_of_many_values_is_exact_enough() -> None:
    generator = random.Random(3)
    of = [int(generator.lognormvariate(12, 2)) for _ in range(20_000)]
    assert Histogram.of(of).mean() == pytest.approx(sum(of) / len(of), rel=0.001)


@pytest.mark.parametrize("text", ["", "nonsense", "HISTFAAAA", "AAAA", Histogram.of([7]).encode()[:-8]])
def test_what_is_not_a_histogram_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Histogram.decode(text)


def test_the_middle_of_a_cell_is_in_it() -> None:
    for cell in (0, 2047, 2048, 3000, 30_000):
        assert cell_low(cell) <= cell_middle(cell) <= cell_high(cell)

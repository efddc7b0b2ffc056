"""How often a comparison is wrong, by simulation and by theory, and what its verdict must not depend on.

The same simulations with 1,000 campaigns each are benchmarks/results/statistics.md.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.noise_model import (
    ALIKE,
    MIXED,
    PLAIN,
    RISING,
    SKEWED,
    Noise,
    Tally,
    apart,
    compared,
    floor_of,
    interleaved,
    true_ratio,
)
from collectors.compare.judge import LEAST_PER_SIDE, ask_values, judge
from collectors.compare.metrics import METRICS
from collectors.compare.model import Delta, Design
from collectors.compare.ranks import (
    holm,
    independent_shift,
    paired_shift,
    rank_sum,
    rank_sum_p,
)
from collectors.statistics import paired_ratio, signed_rank, signed_rank_p

CAMPAIGNS = 150
SLOWER = 1 / 0.95 - 1


def chance(share: float, campaigns: int = CAMPAIGNS) -> float:
    """What luck adds to a share in so many campaigns, three times in a thousand."""
    return 3 * math.sqrt(share * (1 - share) / campaigns)


def simulated(
    noise: Noise,
    design: Design,
    *,
    blocks: int = 10,
    cells: int = 4,
    floor: bool = False,
    campaigns: int = CAMPAIGNS,
) -> Tally:
    source, found = random.Random(f"{noise} {design} {blocks}"), Tally()
    draw = interleaved if design == "interleaved" else apart
    for _ in range(campaigns):
        floors = floor_of(noise, source, blocks=24, cells=4) if floor else ()
        found.add(compared(draw(noise, source, blocks=blocks, cells=cells), design, floors=floors), true_ratio(0))
    return found


@pytest.mark.parametrize(("blocks", "cells"), [(8, 1), (10, 4)])
def test_identical_sides_are_rarely_told_apart_whatever_the_noise(blocks: int, cells: int) -> None:
    """Skewed, autocorrelated, with outliers; 4 comparisons in each campaign for each cell, few enough for the blocks to
    show something."""
    found = simulated(SKEWED, "interleaved", blocks=blocks, cells=cells)
    assert found.alarm_share <= 0.05 + chance(0.05)
    assert 0.93 - chance(0.05, found.intervals) <= found.coverage <= 0.97 + chance(0.05, found.intervals)


@pytest.mark.parametrize("noise", [PLAIN, ALIKE], ids=["normal", "skewed"])
def test_independent_runs_apart_are_rarely_told_apart(noise: Noise) -> None:
    found = simulated(noise, "apart", cells=2)
    assert found.alarm_share <= 0.05 + chance(0.05)
    assert 0.93 - chance(0.05, found.intervals) <= found.coverage <= 0.97 + chance(0.05, found.intervals)


def test_a_drift_fools_all_a_then_all_b_and_not_interleaved_blocks() -> None:
    assert simulated(RISING, "apart", cells=2, campaigns=50).alarm_share == 1
    assert simulated(RISING, "interleaved", cells=2).alarm_share <= 0.05 + chance(0.05)
    floored = simulated(RISING, "apart", cells=4, floor=True, campaigns=50)
    assert floored.alarm_share <= 0.05, "the measured floor knows of the drift"


@pytest.mark.parametrize(
    ("noise", "design"), [(PLAIN, "interleaved"), (PLAIN, "apart"), (MIXED, "interleaved")],
    ids=["normal, interleaved", "normal, apart", "drifting, interleaved"],
)  # fmt: skip
def test_five_percent_slower_is_found_with_ten_blocks_a_side(noise: Noise, design: Design) -> None:
    """The runs' coefficient of variation is 3 %; whether it is 90 % exactly is the benchmark's to say."""
    source, found = random.Random(f"{noise} {design}"), Tally()
    draw = interleaved if design == "interleaved" else apart
    variation = []
    for _ in range(CAMPAIGNS):
        cells = draw(noise, source, blocks=10, cells=1, slowdown=SLOWER)
        variation.append(list(cells[0][0]["rate"].values()))
        found.add(compared(cells, design, metrics=("rate",)), true_ratio(SLOWER))
    every = list(itertools.chain.from_iterable(variation))
    assert statistics.stdev(every) / statistics.fmean(every) == pytest.approx(0.03, rel=0.15)
    assert found.worse_share >= 0.90 - chance(0.90)


# -- the ranks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3), (5, 5), (4, 6)])
def test_the_rank_sums_law_is_that_of_all_orders(n: int, m: int) -> None:
    counts: dict[int, int] = {}
    for chosen in itertools.combinations(range(n + m), n):
        total = sum(1 for one in chosen for other in range(n + m) if other not in chosen and other < one)
        counts[total] = counts.get(total, 0) + 1
    every = sum(counts.values())
    for total in range(n * m // 2):
        below = sum(count for value, count in counts.items() if value <= total)
        assert rank_sum_p(n, m, total) == pytest.approx(min(1, 2 * below / every))


@pytest.mark.parametrize(("n", "m", "rank"), [(3, 3, None), (4, 4, 1), (5, 5, 3), (6, 6, 6), (10, 10, 24), (8, 12, 23)])
def test_the_intervals_ranks_are_those_of_the_tables(n: int, m: int, rank: int | None) -> None:
    """One more than the critical values of Mann and Whitney's U, two-sided 5 %, as printed in tables."""
    assert rank_sum(n, m) == rank


def test_beyond_the_counted_sizes_the_approximation_goes_on_smoothly() -> None:
    counted, approximate = rank_sum(60, 60), rank_sum(61, 61)
    assert counted is not None
    assert approximate is not None
    assert 0 < approximate - counted < 60
    assert rank_sum_p(61, 61, 1400) == pytest.approx(rank_sum_p(60, 60, 1354), rel=0.1)


VALUES = st.lists(st.integers(1, 10**6).map(lambda whole: whole / 1000), min_size=LEAST_PER_SIDE, max_size=14)


@given(VALUES, VALUES)
def test_p_and_interval_agree(a: list[float], b: list[float]) -> None:
    size = min(len(a), len(b))
    for shift in (independent_shift(a, b), paired_shift(list(zip(a[:size], b[:size], strict=True)))):
        if shift.low is None or shift.high is None:
            assert shift.p > 0.05
            continue
        excluded = shift.low > 1e-9 or shift.high < -1e-9
        assert excluded == (shift.p <= 0.05)
        assert shift.low <= shift.middle <= shift.high


@given(VALUES)
def test_paired_shifts_are_those_of_the_paired_ratio(values: list[float]) -> None:
    pairs = list(zip(values, reversed(values), strict=True))
    shift = paired_shift([(math.log(a), math.log(b)) for a, b in pairs])
    ratio = paired_ratio(pairs)
    assert ratio is not None
    assert math.exp(shift.middle) == pytest.approx(ratio.ratio)
    assert (shift.low is None) == (ratio.low is None)
    rank = signed_rank(len(pairs))
    if rank is not None:
        assert signed_rank_p(len(pairs), rank - 1) <= 0.05 < signed_rank_p(len(pairs), rank)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction(ps: list[float]) -> None:
    found = holm(ps)
    ordered = sorted(range(len(ps)), key=lambda each: ps[each])
    for place, index in enumerate(ordered):
        right = max(min(1.0, (len(ps) - before) * ps[ordered[before]]) for before in range(place + 1))
        assert found[index] == pytest.approx(right)
    assert found[ordered[0]] == pytest.approx(min(1.0, len(ps) * min(ps)))


# -- what a verdict must not depend on ------------------------------------------------------------------

DESIGNS: tuple[Design, ...] = ("interleaved", "apart")


def asked(a: list[float], b: list[float], design: Design, *, floor: float | None = 0.01) -> Delta:
    values = dict(enumerate(a, 1)), dict(enumerate(b, 1))
    question = ask_values(METRICS["rate"], "closed", values, design=design, floor=floor)
    assert question is not None
    return judge([question], margin=0.05)[0][0]


@given(VALUES, st.sampled_from(DESIGNS))
def test_identical_sides_are_equal(values: list[float], design: Design) -> None:
    delta = asked(values, values, design)
    assert delta.effect == 1
    assert delta.p == 1
    if delta.n_a > LEAST_PER_SIDE:
        assert delta.verdict == "equivalent"


@given(VALUES, VALUES, st.sampled_from(DESIGNS))
def test_swapped_sides_give_the_inverse_and_the_opposite(a: list[float], b: list[float], design: Design) -> None:
    there, back = asked(a, b, design), asked(b, a, design)
    if there.effect is None:
        assert back.effect is None
        return
    assert back.effect == pytest.approx(1 / there.effect)
    assert there.p == back.p
    opposite = {"faster": "slower", "slower": "faster"}
    if {there.verdict, back.verdict} != {"no-change-shown", "cannot-tell"}:     # fine is what is no worse, one way
        assert back.verdict == opposite.get(str(there.verdict), there.verdict)


@given(VALUES, VALUES, st.sampled_from(DESIGNS), st.sampled_from([1e-6, 1e-3, 60.0, 1024.0, 3600e6]))
@settings(max_examples=200)
def test_the_unit_changes_nothing(a: list[float], b: list[float], design: Design, scale: float) -> None:
    one = asked(a, b, design)
    other = asked([scale * value for value in a], [scale * value for value in b], design)
    assert (one.verdict, one.p, one.more_blocks) == (other.verdict, other.p, other.more_blocks)
    if one.effect is not None:
        assert other.effect == pytest.approx(one.effect)


@given(VALUES, VALUES, st.sampled_from(DESIGNS))
def test_nothing_is_claimed_within_the_floor(a: list[float], b: list[float], design: Design) -> None:
    without = asked(a, b, design, floor=None)
    if without.effect is None:
        return
    beyond = abs(math.log(without.effect))
    assert asked(a, b, design, floor=math.expm1(beyond + 1e-6)).verdict not in {"faster", "slower"}
    if without.verdict in {"faster", "slower"}:
        assert asked(a, b, design, floor=math.expm1(max(0.0, beyond - 1e-6))).verdict == without.verdict

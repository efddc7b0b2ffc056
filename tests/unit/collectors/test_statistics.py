"""The ratio of paired runs: coverage of its interval by theory and by simulation, and what it must not depend on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.replicates import spread
from collectors.statistics import (
    EXACT_UP_TO,
    Ratio,
    paired_ratio,
    ratio_by_block,
    signed_rank,
    signed_rank_coverage,
)

BLOCKS = (6, 8, 10, 20)
SIMULATED = {6: 12_000, 8: 8_000, 10: 6_000, 20: 2_500}
TRUE_RATIO = 1.37
Noise = Callable[[random.Random], float]
NOISES: dict[str, Noise] = {
    "lognormal": lambda source: source.lognormvariate(0, 0.4),
    "exponential tail": lambda source: 1 + source.expovariate(4),
    "rare outliers": lambda source: source.uniform(0.98, 1.02) * (3 if source.random() < 0.1 else 1),
    "slow side": lambda source: 1 / (1 + source.paretovariate(3)),
}
"""Multiplicative noise of one run, each law skewed."""


def pairs_of(noise: Noise, source: random.Random, n: int) -> list[tuple[float, float]]:
    """Blocks in which both are disturbed by the same law; a drift over the campaign is in both sides of a block."""
    found = []
    for block in range(n):
        drift = 1 + 0.5 * block / n
        found.append((100 * drift * noise(source), 100 * TRUE_RATIO * drift * noise(source)))
    return found


def holds(ratio: Ratio | None) -> bool:
    assert ratio is not None
    assert ratio.low is not None
    assert ratio.high is not None
    return ratio.low <= TRUE_RATIO <= ratio.high


@pytest.mark.parametrize("n", BLOCKS)
@pytest.mark.parametrize("law", NOISES)
def test_the_interval_holds_the_truth_as_often_as_it_says(law: str, n: int) -> None:
    source = random.Random(f"{law} {n}")
    count = SIMULATED[n]
    share = sum(holds(paired_ratio(pairs_of(NOISES[law], source, n))) for _ in range(count)) / count
    theory = signed_rank_coverage(n)
    assert theory is not None
    assert 0.93 <= theory <= 0.97
    assert abs(share - theory) <= 4 * math.sqrt(theory * (1 - theory) / count)


@pytest.mark.parametrize("n", [6, 10, 20])
def test_noise_of_one_side_alone_costs_some_of_it(n: int) -> None:
    """The known limit: a calm daemon against one with an exponential tail is not symmetric, and 95 % become 91."""
    source = random.Random(n)
    tail = math.log(TRUE_RATIO * (1 + math.log(2) / 4))
    count = 1500
    held = 0
    for _ in range(count):
        found = paired_ratio(
            [(source.lognormvariate(0, 0.02), TRUE_RATIO * (1 + source.expovariate(4))) for _ in range(n)]
        )
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += math.log(found.low) <= tail <= math.log(found.high)
    assert held / count >= 0.88


@pytest.mark.parametrize(("n", "rank", "coverage"), [
    (6, 1, 1 - 2 / 64), (7, 3, 1 - 2 * 3 / 128), (8, 4, 1 - 2 * 5 / 256), (10, 9, 1 - 2 * 25 / 1024),
])  # fmt: skip
def test_ranks_are_those_of_the_tables(n: int, rank: int, coverage: float) -> None:
    """Critical values of the signed-rank statistic at 5 %, two-sided: 0, 2, 3, 8 for 6, 7, 8, 10 values."""
    assert signed_rank(n) == rank
    assert signed_rank_coverage(n) == pytest.approx(coverage)


def test_twenty_blocks() -> None:
    """The table's critical value for 20 is 52."""
    assert signed_rank(20) == 53


@pytest.mark.parametrize("n", range(6, EXACT_UP_TO + 1))
def test_coverage_is_at_least_95_percent_and_near_it(n: int) -> None:
    coverage = signed_rank_coverage(n)
    assert coverage is not None
    assert 0.95 <= coverage <= 0.97


def test_the_approximation_meets_the_exact_rank() -> None:
    n = EXACT_UP_TO
    spread_ = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    exact = signed_rank(n)
    assert exact is not None
    assert abs(exact - math.floor(n * (n + 1) / 4 - 1.96 * spread_)) <= 1
    beyond = signed_rank(n + 1)
    assert beyond is not None
    assert beyond > exact


def test_it_is_narrower_than_the_interval_of_order_statistics() -> None:
    source = random.Random(1)
    for n in (8, 10, 20):
        signed, ordered = 0.0, 0.0
        for _ in range(400):
            pairs = pairs_of(NOISES["lognormal"], source, n)
            found = paired_ratio(pairs)
            other = spread([math.log(after / before) for before, after in pairs])
            assert found is not None
            assert found.low is not None
            assert found.high is not None
            assert other is not None
            assert other.low is not None
            assert other.high is not None
            signed += math.log(found.high / found.low)
            ordered += other.high - other.low
        assert signed < 0.95 * ordered, n


def test_pairing_takes_a_drift_away_that_fools_all_of_one_and_then_all_of_the_other() -> None:
    """Two equal daemons on a machine that gets slower by half; noise of 2 %."""
    source = random.Random(2)
    speed = [100 * (1 - 0.5 * run / 20) * source.uniform(0.98, 1.02) for run in range(20)]
    paired = paired_ratio(list(zip(speed[0::2], speed[1::2], strict=True)))
    apart = paired_ratio(list(zip(speed[:10], speed[10:], strict=True)))
    assert paired is not None
    assert apart is not None
    assert paired.ratio == pytest.approx(1, abs=0.06)
    assert apart.shown
    assert apart.ratio < 0.8


@pytest.mark.parametrize("n", range(1, 6))
def test_few_blocks_have_a_ratio_and_no_interval(n: int) -> None:
    found = paired_ratio([(2.0, 6.0)] * n)
    assert found is not None
    assert (found.n, found.low, found.high, found.shown) == (n, None, None, None)
    assert found.ratio == pytest.approx(3)


def test_no_pair_has_no_ratio() -> None:
    assert paired_ratio([]) is None
    assert ratio_by_block({1: 2.0}, {2: 3.0}) is None


def test_only_blocks_that_have_both_count() -> None:
    found = ratio_by_block({1: 2.0, 2: 4.0, 3: 8.0}, {2: 8.0, 3: 16.0, 4: 1.0})
    assert found is not None
    assert found.n == 2
    assert found.ratio == pytest.approx(2)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_what_is_not_above_0_has_no_ratio(bad: float) -> None:
    with pytest.raises(ValueError, match="two numbers above 0"):
        paired_ratio([(1.0, bad)])


AMOUNTS = st.floats(1e-6, 1e9)
PAIRS = st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=25)


@settings(max_examples=200)
@given(pairs=PAIRS, scale=st.floats(1e-6, 1e6))
def test_the_unit_changes_nothing(pairs: list[tuple[float, float]], scale: float) -> None:
    one, other = paired_ratio(pairs), paired_ratio([(before * scale, after * scale) for before, after in pairs])
    assert one is not None
    assert other is not None
    assert figures(one) == pytest.approx(figures(other), rel=1e-9)


@settings(max_examples=200)
@given(pairs=PAIRS)
def test_swapped_arguments_give_the_inverse(pairs: list[tuple[float, float]]) -> None:
    one, other = paired_ratio(pairs), paired_ratio([(after, before) for before, after in pairs])
    assert one is not None
    assert other is not None
    low, middle, high = figures(other)
    assert figures(one) == pytest.approx((1 / high, 1 / middle, 1 / low), rel=1e-9)


@settings(max_examples=100)
@given(pairs=PAIRS, seed=st.integers(0, 99))
def test_the_order_of_blocks_changes_nothing(pairs: list[tuple[float, float]], seed: int) -> None:
    other = random.Random(seed).sample(pairs, len(pairs))
    assert paired_ratio(pairs) == paired_ratio(other)


@settings(max_examples=100)
@given(values=st.lists(AMOUNTS, min_size=1, max_size=25))
def test_something_against_itself_is_1(values: list[float]) -> None:
    found = paired_ratio([(value, value) for value in values])
    assert found is not None
    assert figures(found) == (1, 1, 1)
    assert not found.shown


def figures(ratio: Ratio) -> tuple[float, float, float]:
    """Low, ratio, high; the ratio thrice where there is no interval."""
    if ratio.low is None or ratio.high is None:
        return ratio.ratio, ratio.ratio, ratio.ratio
    return ratio.low, ratio.ratio, ratio.high

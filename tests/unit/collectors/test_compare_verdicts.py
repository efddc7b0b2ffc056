"""What is said of an interval, the noise floor and the margin together."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.noise_model import PLAIN, Tally, apart, compared, interleaved, true_ratio
from benchmarks.power import factors
from collectors.compare.floor import ABOVE, BLOCKS_SHOWN, SHOWN, detectable
from collectors.compare.judge import Question, ask_values, judge
from collectors.compare.metrics import METRICS, MetricName
from collectors.compare.model import CellCompared, Delta, Design
from collectors.compare.words import outcome_sentence

BLOCKS = range(1, 11)
NOISE = (0.3, -0.9, 0.6, -0.2, 1.0, -0.5, 0.1, -1.0, 0.8, -0.3)
"""A spread of nothing in particular."""
WORSE = {"slower": 2, "cannot-tell": 1, "faster": 0, "equivalent": 0, "no-change-shown": 0}


def question(b: float, spread: float, *, floor: float | None = None, design: Design = "interleaved") -> Question:
    """A side B so many times as fast, whose runs differ from A's by up to `spread` in the logarithm."""
    a = dict.fromkeys(BLOCKS, 1000.0)
    values = {block: 1000.0 * b * math.exp(spread * NOISE[block - 1]) for block in BLOCKS}
    found = ask_values(METRICS["rate"], "closed", (a, values), design=design, floor=floor)
    assert found is not None
    return found


def said(b: float, spread: float, *, floor: float | None = None, design: Design = "interleaved") -> Delta:
    return judge([question(b, spread, floor=floor, design=design)], margin=0.05)[0][0]


@pytest.mark.parametrize("blocks", [5, 6, 10])
@pytest.mark.parametrize("metric", ["errors", "rate"])
def test_what_never_varies_is_equivalent_from_five_runs_on(blocks: int, metric: MetricName) -> None:
    values = dict.fromkeys(range(1, blocks + 1), 0.0004)
    designs: tuple[Design, ...] = ("apart", "interleaved")
    for design in designs:
        asked = ask_values(METRICS[metric], "open", (values, dict(values)), design=design, floor=None)
        assert asked is not None
        (delta,), count = judge([asked], margin=0.05)
        assert (delta.verdict, delta.effect, count) == ("equivalent", METRICS[metric].effect(0.0), 0)


def test_an_interval_that_reaches_beyond_the_margin_is_not_fine() -> None:
    """Half its width is within the margin, and it goes from 1 % faster to 8 % slower."""
    delta = said(0.965, 0.07)
    assert delta.low is not None
    assert delta.high is not None
    assert (delta.high - delta.low) / 2 < 0.05
    assert delta.low < 0.95 < 1 < delta.high
    assert delta.verdict == "cannot-tell"
    assert (delta.more_blocks or 0) >= 1
    assert said(1 / 0.965, 0.07).verdict == "no-change-shown", "the other way round it is no worse than the margin"


def test_a_floor_above_the_margin_excuses_only_what_is_within_it() -> None:
    within = said(0.94, 0.02, floor=0.10)
    assert (within.verdict, within.words) == ("no-change-shown", "no change shown: not beyond the noise floor")
    beyond = said(0.92, 0.07, floor=0.10)
    assert beyond.high is not None
    assert beyond.high < 1, "shown, not beyond the floor, and reaching beyond it"
    assert beyond.verdict == "cannot-tell"
    assert beyond.words.startswith("cannot tell: the noise floor is above the margin (needs ")


def test_between_two_campaigns_the_floor_is_added_to_what_is_equivalent() -> None:
    assert said(0.97, 0.01, floor=0.01, design="apart").verdict == "slower"
    assert said(0.985, 0.02, floor=0.02, design="apart").verdict == "equivalent"
    apart_ = said(0.975, 0.02, floor=0.03, design="apart")
    assert apart_.verdict == "no-change-shown", "the floor added, it is more than the margin"
    assert said(0.975, 0.02, floor=0.03).verdict == "equivalent", "side by side the interval knows all"


SPREADS = st.lists(st.floats(-1, 1), min_size=6, max_size=12)
DESIGNS: tuple[Design, ...] = ("interleaved", "apart")


@given(
    SPREADS, st.floats(0.001, 0.2), st.sampled_from([None, 0.02, 0.05, 0.1]), st.sampled_from(DESIGNS),
    st.integers(0, 4),
)  # fmt: skip
@settings(max_examples=150)
def test_the_slower_b_is_the_further_it_goes_from_fine_to_worse(
    spread: list[float], size: float, floor: float | None, design: Design, others: int
) -> None:
    a = {block: 1000.0 + block for block in range(1, len(spread) + 1)}
    steps = []
    for percent in range(-30, 31, 2):
        b = {block: a[block] * math.exp(size * spread[block - 1] - percent / 100 + 1e-4) for block in a}
        asked = ask_values(METRICS["rate"], "closed", (a, b), design=design, floor=floor)
        same = ask_values(METRICS["rate"], "closed", (a, dict(a)), design=design, floor=floor)
        assert asked is not None
        assert same is not None
        steps.append(WORSE[str(judge([asked, *[same] * others], margin=0.05)[0][0].verdict)])
    first = next((place for place, step in enumerate(steps) if step == 0), 0)
    assert steps[first:] == sorted(steps[first:])


# -- what so many blocks find ---------------------------------------------------------------------------


@pytest.mark.parametrize("design", DESIGNS)
def test_the_factors_are_those_of_the_simulation(design: Design) -> None:
    for n in (6, 10):
        shown, above = factors(n, design, draws=20_000)
        assert SHOWN[design][n] == pytest.approx(shown, rel=0.03)
        assert ABOVE[design][n] == pytest.approx(above, rel=0.05)
    assert sorted(SHOWN[design]) == sorted(ABOVE[design]) == list(BLOCKS_SHOWN)


def test_six_pairs_show_what_all_six_agree_on() -> None:
    assert SHOWN["interleaved"][6] == pytest.approx(NormalDist().inv_cdf(0.9 ** (1 / 6)), rel=0.01)


@pytest.mark.parametrize(("blocks", "design"), [(6, "interleaved"), (6, "apart"), (10, "interleaved")])
def test_what_is_said_to_be_found_in_nine_of_ten_campaigns_is(blocks: int, design: Design) -> None:
    source, found, campaigns = random.Random(f"{blocks} {design}"), Tally(), 300
    slowdown = math.expm1(detectable(math.sqrt(2) * PLAIN.normal, 0.0, blocks, design))
    draw = interleaved if design == "interleaved" else apart
    for _ in range(campaigns):
        cells = draw(PLAIN, source, blocks=blocks, cells=1, slowdown=slowdown)
        found.add(compared(cells, design, metrics=("rate",)), true_ratio(slowdown))
    assert found.worse_share == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / campaigns))


@pytest.mark.parametrize(
    ("needed", "said_of_blocks"),
    [
        ((12, 177), " (about 177 more blocks would answer the most open one)"),
        ((12, 177, None), " (about 177 more blocks would answer all but 1)"),
        ((None, None), ""),
    ],
)
def test_no_number_of_blocks_is_promised_for_what_needs_more_than_can_be_told(
    needed: tuple[int | None, ...], said_of_blocks: str
) -> None:
    deltas = tuple(
        Delta(metric="p99", name="p99", scale="ratio", n_a=9, n_b=9, verdict="cannot-tell", words="", more_blocks=each)
        for each in needed
    )
    cell = CellCompared(round="sustained", loop="open", endpoint="agents", service_a="flask", service_b="flask",
                        profile_a="stock", profile_b="tuned", deltas=deltas)  # fmt: skip
    sentence = outcome_sentence("cannot-tell", [cell], {})
    assert sentence == f"cannot tell in {len(needed)} of {len(needed)} comparisons{said_of_blocks}"

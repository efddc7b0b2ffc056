"""From the two sides' figures of one cell and metric to what may be claimed of them."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.compare.metrics import Metric, value_of
from collectors.compare.model import Delta, DeltaVerdict, Design
from collectors.compare.ranks import TIE, Shift, Z, holm, independent_shift, paired_shift
from collectors.limits import REPLICATES_FOR_INTERVAL
from collectors.replicates import CONFIDENCE
from collectors.run import Run
from collectors.units import significant

LEAST_PER_SIDE: Final = 5
"""Fewer runs than this on a side give no verdict."""
FALSE_ALARMS: Final = 1 - CONFIDENCE
OFTEN: Final = statistics.NormalDist().inv_cdf(0.9)
MOST_BLOCKS: Final = 1000
"""More blocks than this are no advice."""
ROUNDING: Final = 1e-6
"""A number of blocks is not one more because of it."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One cell and metric on its way to a verdict: the delta as far as it is known, and what it takes to judge it.

    `shift` and `floor` are on the scale in which differences are taken; `shift` is None where there is nothing to
    judge.
    `constant`: all values of both sides are one and the same, such as no error anywhere.
    """

    metric: Metric
    delta: Delta
    shift: Shift | None = None
    floor: float | None = None
    constant: bool = False


def ask(
    metric: Metric, loop: str, runs_a: Sequence[Run], runs_b: Sequence[Run], *, design: Design, floor: float | None
) -> Question | None:
    """Return what is known of one metric before any verdict; None where neither side measured it.

    `floor` is the noise floor as a share (of errors: a difference of shares).
    """
    return ask_values(
        metric, loop, (_values(runs_a, metric), _values(runs_b, metric)), design=design, floor=floor
    )


def ask_values(
    metric: Metric,
    loop: str,
    values: tuple[Mapping[int, float], Mapping[int, float]],
    *,
    design: Design,
    floor: float | None,
) -> Question | None:
    """Return the same of the two sides' values by block."""
    a, b = values
    if not a and not b:
        return None
    paired = design == "interleaved" or a == b
    if paired:
        both = a.keys() & b.keys()
        a, b = ({block: own[block] for block in sorted(both)} for own in (a, b))
    delta = Delta(
        metric=metric.name, name=metric.words(loop), scale=metric.scale, n_a=len(a), n_b=len(b), words="",
        a=statistics.median(a.values()) if a else None, b=statistics.median(b.values()) if b else None,
        floor=floor,
    )  # fmt: skip
    if min(len(a), len(b)) < LEAST_PER_SIDE:
        words = f"no verdict: {len(a)} and {len(b)} values, it takes {LEAST_PER_SIDE} on each side"
        return Question(metric=metric, delta=dataclasses.replace(delta, a=None, b=None, words=words))
    plain = [metric.unit_free(value) for value in a.values()], [metric.unit_free(value) for value in b.values()]
    shift = paired_shift(list(zip(*plain, strict=True))) if paired else independent_shift(*plain)
    known = dataclasses.replace(
        delta,
        effect=metric.effect(shift.middle),
        low=None if shift.low is None else metric.effect(shift.low),
        high=None if shift.high is None else metric.effect(shift.high),
        p=shift.p,
    )
    every = (*plain[0], *plain[1])
    return Question(
        metric=metric, delta=known, shift=shift, floor=None if floor is None else _scaled(metric, floor),
        constant=max(every) - min(every) <= TIE,
    )  # fmt: skip


def _values(runs: Sequence[Run], metric: Metric) -> dict[int, float]:
    return {run.block: value for run in runs if (value := value_of(run, metric.name)) is not None}


def _scaled(metric: Metric, share: float) -> float:
    return math.log1p(share) if metric.scale == "ratio" else share


def judge(questions: Sequence[Question], *, margin: float) -> tuple[list[Delta], int]:
    """Return every question with its verdict, and how many p values the correction is for.

    A change is claimed where its p stays at 5 % or below after Holm's correction for all questions (which is: where
    the interval of that level excludes no change) and the estimate is beyond the noise floor. Questions of which no
    data with these values could have given another answer need no correction (R. E. Tarone, Biometrics 46, 1990).
    """
    ps = [question.shift.p for question in questions if question.shift is not None and not question.constant]
    corrected = iter(holm(ps))
    found = []
    for question in questions:
        if question.shift is None:
            found.append(question.delta)
        else:
            p = 1.0 if question.constant else next(corrected)
            found.append(_verdict(question, question.shift, p, len(ps), margin))
    return found, len(ps)


def _verdict(question: Question, shift: Shift, p: float, family: int, share: float) -> Delta:
    metric, floor = question.metric, question.floor or 0.0
    margin = metric.margin(share) + TIE
    delta = dataclasses.replace(question.delta, p_corrected=p)
    shown, beyond = p <= FALSE_ALARMS, abs(shift.middle) > floor + TIE
    if shown and beyond:
        verdict: DeltaVerdict = "faster" if (shift.middle > 0) == metric.more_is_better else "slower"
        words = metric.better if verdict == "faster" else metric.worse
        return dataclasses.replace(delta, verdict=verdict, words=words)
    within = shift.low is not None and shift.high is not None and -margin <= shift.low and shift.high <= margin
    if within and floor < margin - 2 * TIE:
        words = f"equivalent within {_margin_words(metric, share)}"
        return dataclasses.replace(delta, verdict="equivalent", words=words)
    if shown:
        words = "no change shown: not beyond the noise floor"
        return dataclasses.replace(delta, verdict="no-change-shown", words=words)
    alone = shift.p <= FALSE_ALARMS and beyond
    if not alone and shift.half_width is not None and shift.half_width <= margin:
        return dataclasses.replace(delta, verdict="no-change-shown", words="no change shown")
    more = _more_blocks(shift, margin, family, alone=alone)
    why = f"cannot tell: not after correction for {family} comparisons" if alone else "cannot tell"
    return dataclasses.replace(delta, verdict="cannot-tell", words=f"{why}{_advice(more)}", more_blocks=more)


def _advice(more: int | None) -> str:
    if more is None:
        return f" (needs more than {MOST_BLOCKS} blocks)"
    return f" (needs about {more} more block{'' if more == 1 else 's'})"


def _margin_words(metric: Metric, share: float) -> str:
    if metric.scale == "difference":
        return f"{significant(100 * metric.margin(share), 1)} percentage points"
    return f"{100 * share:g} %"


def _more_blocks(shift: Shift, margin: float, family: int, *, alone: bool) -> int | None:
    """Return about how many blocks are missing, None where they are too many.

    Where an effect shows by itself and not after correction: until its p is small enough for all comparisons. Else
    until the interval is as narrow as the margin, so that an effect of that size is shown or excluded. Both as the
    spread that was seen says, the interval's width falling with the square root of the blocks.
    """
    n = min(shift.n_a, shift.n_b)
    family = max(family, 1)
    least = _least(family, paired=shift.paired)
    if alone:
        wanted = abs(statistics.NormalDist().inv_cdf(FALSE_ALARMS / family / 2)) + OFTEN
        error = (shift.half_width or 0.0) / Z
        needed = math.ceil(n * (wanted * error / shift.middle) ** 2 - ROUNDING)
    elif shift.half_width is not None:
        needed = math.ceil(n * (shift.half_width / margin) ** 2 - ROUNDING)
    else:
        needed = REPLICATES_FOR_INTERVAL
    needed = max(needed, least, n + 1)
    return None if needed > MOST_BLOCKS else needed - n


def _least(family: int, *, paired: bool) -> int:
    """Return the fewest blocks in which ranks can show anything at all after correction for so many comparisons: the
    smallest p is 2 / 2^n of n pairs, and 2 / (2n choose n) of two sets."""
    n = LEAST_PER_SIDE
    while 2 / (2**n if paired else math.comb(2 * n, n)) > FALSE_ALARMS / family:
        n += 1
    return n

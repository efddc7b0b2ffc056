"""From the two sides' figures of one cell and metric to what may be claimed of them."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.compare.metrics import Metric, has_too_few, is_bound, value_of
from collectors.compare.model import Delta, DeltaVerdict, Design
from collectors.compare.ranks import TIE, Shift, holm, independent_shift, paired_shift
from collectors.replicates import CONFIDENCE, least_for_interval
from collectors.run import Run
from collectors.statistics import normal_quantile
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
    `constant`: all values of both sides are one and the same, such as no error anywhere. `paired`: both sides shared
    their blocks, or are the same runs.
    """

    metric: Metric
    delta: Delta
    shift: Shift | None = None
    floor: float | None = None
    constant: bool = False
    paired: bool = True


def ask(
    metric: Metric, loop: str, runs: tuple[Sequence[Run], Sequence[Run]], *, design: Design, floor: float | None,
    looks: int = 1,
) -> Question | None:  # fmt: skip
    """Return what is known of one metric before any verdict; None where neither side measured it.

    `looks` is for how many planned looks p and interval are corrected. `floor` is the noise floor as a share (of
    errors: a difference of shares). There is nothing to judge where runs have a percentile that is a bound, or too few
    requests for one: without them the others would stand for all.
    """
    values = (_values(runs[0], metric), _values(runs[1], metric))
    bounds = [sum(is_bound(run, metric.name) for run in own) for own in runs]
    few = [sum(has_too_few(run, metric.name) for run in own) for own in runs]
    if any(bounds) or (any(few) and any(values)):
        why = f"{_of_sides(few, runs)}: too few requests"
        if any(bounds):
            why = f"{_of_sides(bounds, runs)} is a lower bound"
        delta = Delta(
            metric=metric.name, name=metric.words(loop), scale=metric.scale, n_a=len(values[0]), n_b=len(values[1]),
            words=f"cannot tell: {metric.name} of {why}", floor=floor,
        )  # fmt: skip
        return Question(metric=metric, delta=delta)
    return ask_values(metric, loop, values, design=design, floor=floor, looks=looks)


def ask_values(
    metric: Metric,
    loop: str,
    values: tuple[Mapping[int, float], Mapping[int, float]],
    *,
    design: Design,
    floor: float | None,
    looks: int = 1,
) -> Question | None:
    """Return the same of the two sides' values by block."""
    a, b = values
    if not a and not b:
        return None
    paired = design == "interleaved" or (a == b and len(a) >= least_for_interval(looks))
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
    shift = (
        paired_shift(list(zip(*plain, strict=True)), looks=looks) if paired else independent_shift(*plain, looks=looks)
    )
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
        constant=max(every) - min(every) <= TIE, paired=paired,
    )  # fmt: skip


def _of_sides(counts: Sequence[int], runs: Sequence[Sequence[Run]]) -> str:
    """Return so many of each side's runs in words."""
    sides = zip("AB", counts, runs, strict=True)
    return " and of ".join(f"{count} of {len(own)} runs of {side}" for side, count, own in sides if count)


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
            delta = dataclasses.replace(question.delta, p_corrected=p)
            found.append(_verdict(question, delta, question.shift, family=len(ps), share=margin))
    return found, len(ps)


def _verdict(question: Question, delta: Delta, shift: Shift, *, family: int, share: float) -> Delta:
    """Return the delta with what may be said of it.

    Without a claim a comparison is only fine where the interval ends within the margin (or the noise floor, if that is
    larger) on the worse side: so the slower B is, the further it goes from fine over cannot tell to slower, and never
    back.
    """
    metric, floor = question.metric, question.floor or 0.0
    p = delta.p_corrected if delta.p_corrected is not None else 1.0
    margin = metric.margin(share) + TIE
    limit = max(margin, floor + TIE)
    shown, beyond = p <= FALSE_ALARMS, abs(shift.middle) > floor + TIE
    if shown and beyond:
        verdict: DeltaVerdict = "faster" if (shift.middle > 0) == metric.more_is_better else "slower"
        words = metric.better if verdict == "faster" else metric.worse
        return dataclasses.replace(delta, verdict=verdict, words=words)
    if question.constant or _equivalent(question, shift, margin):
        words = f"equivalent within {_margin_words(metric, share)}"
        return dataclasses.replace(delta, verdict="equivalent", words=words)
    alone = shift.p <= FALSE_ALARMS and beyond
    worse = _worse(metric, shift)
    narrow = shift.half_width is not None and shift.half_width <= limit
    if worse is not None and worse[1] <= limit and narrow and not (alone and worse[0] > 0):
        words = "no change shown"
        if alone:
            words = f"no change shown: not after correction for {family} comparisons"
        elif shown or worse[1] > margin:
            words = "no change shown: not beyond the noise floor"
        return dataclasses.replace(delta, verdict="no-change-shown", words=words)
    more = _more_blocks(shift, limit, family, worse=None if worse is None else worse[0], floor=floor, alone=alone)
    why = "cannot tell"
    if alone:
        why = f"cannot tell: not after correction for {family} comparisons"
    elif floor > margin:
        why = "cannot tell: the noise floor is above the margin"
    return dataclasses.replace(delta, verdict="cannot-tell", words=f"{why}{_advice(more)}", more_blocks=more)


def _worse(metric: Metric, shift: Shift) -> tuple[float, float] | None:
    """Return the estimate and the interval's end on the worse side, more being worse; None without an interval."""
    if shift.low is None or shift.high is None:
        return None
    return (-shift.middle, -shift.low) if metric.more_is_better else (shift.middle, shift.high)


def _equivalent(question: Question, shift: Shift, margin: float) -> bool:
    """Say whether the whole interval is within the margin and the floor below it. Between two campaigns the interval
    knows nothing of what changes from day to day, so the floor is added to it."""
    floor = question.floor or 0.0
    if shift.low is None or shift.high is None or floor >= margin - 2 * TIE:
        return False
    beside = 0.0 if question.paired else floor
    return max(abs(shift.low), abs(shift.high)) + beside <= margin


def _advice(more: int | None) -> str:
    if more is None:
        return f" (needs more than {MOST_BLOCKS} blocks)"
    return f" (needs about {more} more block{'' if more == 1 else 's'})"


def _margin_words(metric: Metric, share: float) -> str:
    if metric.scale == "difference":
        return f"{significant(100 * metric.margin(share), 1)} percentage points"
    return f"{100 * share:g} %"


def _more_blocks(
    shift: Shift, limit: float, family: int, *, worse: float | None, floor: float, alone: bool
) -> int | None:
    """Return about how many blocks are missing, None where they are too many.

    Where an effect shows by itself and not after correction: until its p is small enough for all comparisons. Else
    until the interval ends within the limit on the worse side, or (beyond the floor) leaves no effect out, whichever
    comes first, and is no wider than the limit. Both as the spread and the estimate (`worse`) that were seen say, the
    interval's width falling with the square root of the blocks.
    """
    n = min(shift.n_a, shift.n_b)
    family = max(family, 1)
    least = _least(family * shift.looks, paired=shift.paired)
    if alone:
        wanted = abs(statistics.NormalDist().inv_cdf(FALSE_ALARMS / (family * shift.looks) / 2)) + OFTEN
        error = (shift.half_width or 0.0) / normal_quantile(shift.looks)
        needed = math.ceil(n * (wanted * error / shift.middle) ** 2 - ROUNDING)
    elif shift.half_width is not None and worse is not None:
        wide = min(limit, max(limit - worse, worse if worse > floor else 0.0))
        if wide <= 0 or n * (shift.half_width / wide) ** 2 > MOST_BLOCKS:
            return None
        needed = math.ceil(n * (shift.half_width / wide) ** 2 - ROUNDING)
    else:
        needed = least_for_interval(shift.looks)
    needed = max(needed, least, n + 1)
    return None if needed > MOST_BLOCKS else needed - n


def _least(family: int, *, paired: bool) -> int:
    """Return the fewest blocks in which ranks can show anything at all after correction for so many comparisons: the
    smallest p is 2 / 2^n of n pairs, and 2 / (2n choose n) of two sets."""
    n = LEAST_PER_SIDE
    while 2 / (2**n if paired else math.comb(2 * n, n)) > FALSE_ALARMS / family:
        n += 1
    return n

"""From a ladder's runs to what each factor explains."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from collectors.errors import TandemError
from collectors.explain.model import METRICS, Chain, Explanation, Metric, RoundExplained, RungRuns, Step
from collectors.explain.runs import Used, use
from collectors.explain.words import NAMES, factor_words, notes, sentences
from collectors.jsonio import Fields
from collectors.replicates import interval_note, spread
from collectors.results import PlannedRound, ResultsFolder
from collectors.run import Run
from collectors.statistics import Ratio, ratio_by_block

CLEAR_RATIO: Final = 1.1
"""Without an interval a whole below this many times, either way, is too small to be divided into shares."""


def is_ladder(folder: ResultsFolder) -> bool:
    """Say whether the campaign is of kind ladder."""
    return folder.plan.document.get("kind") == "ladder"


def explain(
    folder: ResultsFolder, runs: Sequence[Run], *, strict: bool = False, only: str | None = None
) -> Explanation:
    """Return what each factor of a ladder explains, in all rounds or `only` one.

    `runs` are the campaign's as they were recorded, without what peers have against each other: rungs differ on
    purpose. TandemError where the campaign is no ladder, its ladder cannot be read, or it has no such round.
    """
    plan = folder.plan
    if not is_ladder(folder):
        raise TandemError(
            f"{folder.directory}: the campaign {plan.campaign!r} is no ladder, so its rows differ in more than one "
            "thing at a time; allowed: the results of a campaign of kind ladder, such as ladder-2015"
        )
    if only is not None and only not in plan.rounds:
        raise TandemError(f"{folder.directory}: there is no round {only!r}; its rounds: {', '.join(plan.rounds)}")
    ladder = _ladder(folder)
    return Explanation(
        campaign=plan.campaign,
        description=plan.description,
        created_utc=plan.created_utc,
        blocks=plan.blocks,
        strict=strict,
        interval_note=interval_note(plan.blocks, looks=plan.looks),
        rounds=tuple(
            _round(folder, round_, ladder, runs, strict=strict)
            for name, round_ in plan.rounds.items()
            if only in (None, name)
        ),
    )


def _ladder(folder: ResultsFolder) -> list[tuple[str, str | None]]:
    """Return the rungs, service and factor; ReadError where the plan's ladder is damaged."""
    top = Fields(folder.plan.document, folder.directory / "campaign.json")
    rungs = []
    for index, row in enumerate(top.rows("ladder")):
        service, factor = row.text("service"), row.optional_text("factor")
        if service not in folder.plan.services:
            raise row.fail("service", "a service of this plan")
        if index and factor is None:
            raise row.fail("factor", "text")
        rungs.append((service, factor))
    return rungs


def _round(
    folder: ResultsFolder,
    round_: PlannedRound,
    ladder: Sequence[tuple[str, str | None]],
    runs: Sequence[Run],
    *,
    strict: bool,
) -> RoundExplained:
    planned = [each for each in folder.plan.runs if each.cell.round == round_.name]
    looks = folder.plan.looks
    found: dict[str, Used] = {}
    rungs = []
    for service, factor in ladder:
        own = [run for run in runs if run.cell.round == round_.name and run.cell.service == service]
        count = sum(1 for each in planned if each.cell.service == service)
        found[service] = used = use(own, count, loop=round_.loop, strict=strict)
        rungs.append(
            RungRuns(
                service=service, factor=factor, planned=count, used=used.used, left_out=used.left_out,
                disturbed=used.disturbed, no_p99=used.no_p99,
                medians={metric: spread(list(used.values[metric].values()), looks=looks) for metric in METRICS},
            )
        )  # fmt: skip
    chains = tuple(
        _chain(metric, ladder, {name: each.values[metric] for name, each in found.items()}, round_.loop, looks)
        for metric in METRICS
    )
    return RoundExplained(
        round=round_.name,
        loop=round_.loop,
        endpoint=next((each.cell.endpoint for each in planned), ""),
        sentence=round_.sentence,
        rungs=tuple(rungs),
        chains=chains,
        notes=notes(rungs, chains, round_, [name for name, each in found.items() if each.kept_up], strict=strict),
    )


def _chain(
    metric: Metric,
    ladder: Sequence[tuple[str, str | None]],
    values: Mapping[str, Mapping[int, float]],
    loop: str,
    looks: int,
) -> Chain:
    present = [index for index, (service, _) in enumerate(ladder) if values[service]]
    steps = [_step(ladder, values, (first, second), looks) for first, second in pairwise(present)]
    whole = _step(ladder, values, (present[0], present[-1]), looks) if len(present) > 1 else None
    remainder = _remainder(steps, whole)
    of = _divisor(whole)
    chain = Chain(
        metric=metric,
        name=NAMES[metric, loop],
        steps=tuple(dataclasses.replace(step, share=_share(step.ratio, of)) for step in steps),
        whole=None if whole is None else dataclasses.replace(whole, share=None if of is None else 1.0),
        remainder=remainder,
        remainder_share=None if of is None or remainder is None else math.log(remainder) / of,
        missing=tuple(service for service, _ in ladder if not values[service]),
    )
    return dataclasses.replace(chain, sentences=sentences(chain))


def _step(
    ladder: Sequence[tuple[str, str | None]],
    values: Mapping[str, Mapping[int, float]],
    between: tuple[int, int],
    looks: int,
) -> Step:
    first, second = between
    before, after = ladder[first][0], ladder[second][0]
    return Step(
        factors=tuple(factor_words(factor) for _, factor in ladder[first + 1 : second + 1]),
        before=before,
        after=after,
        skipped=tuple(service for service, _ in ladder[first + 1 : second] if not values[service]),
        before_value=_median(values[before]),
        after_value=_median(values[after]),
        ratio=ratio_by_block(values[before], values[after], looks=looks),
    )


def _median(values: Mapping[int, float]) -> float:
    return statistics.median(values.values())


def _remainder(steps: Sequence[Step], whole: Step | None) -> float | None:
    """Return what the whole is over the product of its steps; a step without a ratio stays in it."""
    if whole is None or whole.ratio is None:
        return None
    return math.exp(whole.ratio.log - math.fsum(step.ratio.log for step in steps if step.ratio is not None))


def _divisor(whole: Step | None) -> float | None:
    """Return the logarithm that shares are shares of; None where the whole is no clear difference."""
    if whole is None or whole.ratio is None:
        return None
    ratio = whole.ratio
    clear = ratio.shown if ratio.shown is not None else abs(ratio.log) >= math.log(CLEAR_RATIO)
    return ratio.log if clear else None


def _share(ratio: Ratio | None, of: float | None) -> float | None:
    return None if ratio is None or of is None else ratio.log / of

"""`until: p99 interval < 5%`: how a campaign says when it stops, and after which blocks it is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.document import Item, listed, unknown
from collectors.plan.feasibility import recorded
from collectors.plan.load import parse
from collectors.plan.model import Condition, Round, Until
from collectors.replicates import interval_rank, least_for_interval

METRICS: Final = ("rate", "p50", "p99", "cpu")
"""What may be asked for: the metrics of a comparison but the share of failed requests, which is mostly 0."""
FORM: Final = "METRIC interval < N%, as in p99 interval < 5%, or p99 interval < 5% in ROUND; commas between several"
FEWEST: Final = 2
_CONDITION: Final = re.compile(r"(\w+)( interval)? ?< ?(\d{1,4}(?:\.\d{1,4})?) ?%(?: in (\S+))?")


def read_until(fields: Mapping[str, Item], blocks: int, rounds: Sequence[Round]) -> Until | None:
    """When the campaign stops, None where its number of blocks is fixed; PlanError for what cannot be asked."""
    if "until" not in fields:
        if "at_most_blocks" in fields:
            raise fields["at_most_blocks"].refuse("is given without until", "both, or blocks alone")
        return None
    item = fields["until"]
    if "noise" in fields and fields["noise"].boolean():
        raise item.refuse("is given beside noise: true, and a floor from blocks chosen by their noise is too low",
                          "a noise floor with a fixed number of blocks")
    text = " ".join(item.text().split())
    conditions: list[Condition] = []
    for part in text.split(","):
        condition = _condition(item, part.strip(), rounds)
        if any(set(each.rounds) & set(condition.rounds) and each.metric == condition.metric for each in conditions):
            raise item.refuse(f"asks twice for {condition.metric} of one round", "each metric once for a round")
        conditions.append(condition)
    most = min(max(c.AT_MOST_BLOCKS, 2 * blocks), c.BLOCKS_MAX)
    if "at_most_blocks" in fields:
        most = fields["at_most_blocks"].integer(max(blocks, least_for_interval()), c.BLOCKS_MAX)
    return Until(text=text, conditions=tuple(conditions), looks=planned_looks(blocks, most))


def override_until(document: Item, until: str | None, at_most_blocks: str | None) -> Item:
    """The campaign's document with `--until` and `--at-most-blocks` put in."""
    if until is not None:
        document = document.put(("until",), Item(value=until, name="until", where=f"--until {until}"))
    if at_most_blocks is not None:
        where = f"--at-most-blocks {at_most_blocks}"
        document = document.put(("at_most_blocks",), parse(at_most_blocks, where, name="at_most_blocks", lines=False))
    return document


def planned_looks(blocks: int, most: int) -> tuple[int, ...]:
    """After how many blocks to look: first after `blocks`, or as many as an interval takes; last after `most`.

    Between them in equal ratios, since an interval's width falls with the square root of the blocks; each is moved to
    the fewest blocks that have its ranks, and other ranks than the look before: with more blocks between the same ranks
    an interval is no narrower, only surer. As many looks as there is room for, at most LOOKS_MOST.
    """
    for count in range(c.LOOKS_MOST, FEWEST - 1, -1):
        first = max(blocks, least_for_interval(count))
        found = [first]
        for step in range(1, count - 1):
            found.append(_moved(round(first * (most / first) ** (step / (count - 1))), found[-1], count))
        found.append(most)
        ranks = [interval_rank(each, count) or 0 for each in found]
        if all(one < other for one, other in pairwise(found if count == FEWEST else ranks)):
            return tuple(found)
    return (most,)


def _moved(wanted: int, last: int, looks: int) -> int:
    rank = max(interval_rank(wanted, looks) or 0, (interval_rank(last, looks) or 0) + 1)
    found = last + 1
    while (interval_rank(found, looks) or 0) < rank:
        found += 1
    return found


def _condition(item: Item, text: str, rounds: Sequence[Round]) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise item.refuse(item.shown(), FORM)
    metric, _, share, named = found.groups()
    if metric == "errors":
        raise item.refuse("asks for the interval of errors, whose median is mostly 0", listed(METRICS))
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS, f"{item.where}: {item.name}")
    if not 0 < float(share) < 100:
        raise item.refuse(f"asks for an interval within {share} % of the median", "above 0% and below 100%")
    if named is not None and named not in (names := [load.name for load in rounds]):
        raise unknown("round", named, names, f"{item.where}: {item.name}")
    chosen = [load for load in rounds if named in (None, load.name)]
    lacks = {load.name: why for load in chosen if (why := _lacks(load, metric)) is not None}
    if len(lacks) == len(chosen):
        whys = "; ".join(f"{name}: {why}" for name, why in lacks.items())
        raise PlanError(f"{item.where}: {item.name} asks for {metric} where no round has it ({whys}); allowed: {FORM}")
    kept = tuple(load.name for load in chosen if load.name not in lacks)
    return Condition(metric=metric, below=round(float(share) / 100, 8), rounds=kept)


def _lacks(load: Round, metric: str) -> str | None:
    """Why a round has no such figure to wait for, None where it has: it is of memory, or too short for a percentile."""
    if load.measures is not None:
        return f"it measures {load.measures}"
    if metric not in c.SAMPLES_FOR:
        return None
    count, least = recorded(load), c.SAMPLES_FOR[metric]
    if count is not None and count < least:
        return f"{count} request(s) in a run, and {metric} needs {least}"
    if load.generator == "h2load" and load.duration_s > c.H2LOAD_LOG_MAX_S:
        return "its runs are too long for h2load's log, so they have no percentiles"
    return None

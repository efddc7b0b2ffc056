"""What a comparison says in sentences, and a delta in the cells of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from collectors.compare.metrics import METRICS
from collectors.compare.model import CellCompared, ComparisonOutcome, Delta, Design, Difference
from collectors.compare.sides import counted
from collectors.explain.words import TIMES, times
from collectors.units import DASH, show_share, significant

NAMED: Final = 3
"""Findings that a sentence names; the table has all."""
VALUE_WIDTH: Final = 60
DESIGN: Final[Mapping[Design, str]] = {
    "interleaved": "measured side by side, compared within blocks",
    "apart": "measured one after the other, compared as two independent sets",
}
ON_RECORD_NOT: Final = "not on record"


def not_comparable(wrong: Sequence[Difference]) -> str:
    """Return why two campaigns are not compared, in one sentence; the list stands beside it."""
    never = [each for each in wrong if each.never]
    if never:
        first = never[0]
        return (
            f"not comparable, whatever is allowed: {first.key} is {shown(first.a)} in A and {shown(first.b)} in B"
            f"{_more(never)}"
        )
    keys = ", ".join(each.key for each in wrong[:NAMED]) + _more(wrong)
    count = f"{len(wrong)} thing{'' if len(wrong) == 1 else 's'}"
    advice = "declare what is under test with --allow KEY"
    return f"not comparable: A and B differ in {count} not declared ({keys}); {advice}"


def _more(found: Sequence[object]) -> str:
    return f" and {len(found) - NAMED} more" if len(found) > NAMED else ""


def shown(value: str | None) -> str:
    """Return a value of an environment, cut to what a line can hold."""
    if value is None:
        return ON_RECORD_NOT
    return value if len(value) <= VALUE_WIDTH else value[: VALUE_WIDTH - 1] + "…"


def outcome_sentence(outcome: ComparisonOutcome, cells: Sequence[CellCompared], invalid: Mapping[str, int]) -> str:
    """Return what came out, in one sentence."""
    deltas = [(cell, delta) for cell in cells for delta in cell.deltas]
    worse, better, open_ = (
        [each for each in deltas if each[1].verdict in kinds]
        for kinds in (("slower",), ("faster",), ("cannot-tell", None))
    )
    parts = []
    if worse:
        parts.append(f"B is worse in {_listed(worse)}")
    if better:
        parts.append(f"{'better' if worse else 'B is better'} in {_listed(better)}")
    if outcome == "same-or-better" and not parts:
        parts.append("no change is shown")
    if open_:
        parts.append(f"cannot tell in {len(open_)} of {len(deltas)} comparisons{_blocks(open_)}")
    if invalid:
        unjudged = sum(1 for cell in cells if cell.invalid is not None)
        parts.append(f"{unjudged} of {len(cells)} cells cannot be judged, invalid runs: {counted(invalid)}")
    return "; ".join(parts) or "nothing was compared"


def _listed(found: Sequence[tuple[CellCompared, Delta]]) -> str:
    named = "; ".join(f"{delta.name} of {cell.label} ({effect(delta)})" for cell, delta in found[:NAMED])
    return f"{named}{_more(found)}"


def _blocks(found: Sequence[tuple[CellCompared, Delta]]) -> str:
    wanted = [delta.more_blocks for _, delta in found if delta.more_blocks is not None]
    if not wanted:
        return ""
    others = len(found) - len(wanted)
    which = f"all but {others}" if others else "the most open one"
    return f" (about {max(wanted)} more blocks would answer {which})"


def effect(delta: Delta) -> str:
    """Return B / A with the sign of multiplication, of errors B - A in percentage points."""
    return DASH if delta.effect is None else _scaled(delta, delta.effect)


def interval(delta: Delta) -> str:
    """Return the 95 % interval of the effect, a dash where there is none."""
    if delta.low is None or delta.high is None:
        return DASH
    return f"{_scaled(delta, delta.low)} to {_scaled(delta, delta.high)}"


def floor(delta: Delta) -> str:
    """Return the noise floor, a dash where it is not known."""
    if delta.floor is None:
        return DASH
    return f"{significant(100 * delta.floor, 2)} pp" if delta.scale == "difference" else show_share(delta.floor)


def p_value(p: float | None) -> str:
    """Return a p value as it is read: two digits, or what it is below."""
    if p is None:
        return DASH
    return "<0.0001" if p < 0.0001 else significant(p, 2)


def value(delta: Delta, which: str) -> str:
    """Return the median of a side, `a` or `b`, with its unit."""
    return METRICS[delta.metric].show(delta.a if which == "a" else delta.b)


def _scaled(delta: Delta, number: float) -> str:
    if delta.scale == "ratio":
        return times(number) if abs(number - 1) > 5e-4 else f"{TIMES}1"
    return "0" if number == 0 else f"{'+' if number > 0 else '-'}{significant(abs(100 * number), 2)} pp"

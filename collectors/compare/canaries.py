"""The machines' canaries of two campaigns side by side: did the machine change, or the daemon?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from collectors import limits
from collectors.canary import CanaryRow, canary_rows, moved, shown
from collectors.compare.metrics import METRICS
from collectors.compare.model import CanaryCompared, CellCompared, Delta
from collectors.explain.words import times
from collectors.results import ResultsFolder
from collectors.units import DASH

HEAD: Final = ("machine", "canary", "unit", "A", "B", "B / A", "")
LEFT: Final = frozenset({0, 1, 2, 6})


def compare_canaries(a: ResultsFolder, b: ResultsFolder) -> tuple[CanaryCompared, ...]:
    """Return the canaries that both campaigns measured, each the geometric mean of before and after."""
    theirs = {(row.machine, row.name): row for row in canary_rows(b)}
    pairs = ((row, theirs.get((row.machine, row.name))) for row in canary_rows(a))
    return tuple(_compared(mine, other) for mine, other in pairs if other is not None)


def _compared(a: CanaryRow, b: CanaryRow) -> CanaryCompared:
    known = a.value is not None and b.value is not None and a.work == b.work
    ratio = round(b.value / a.value, 6) if known and a.value and b.value else None
    return CanaryCompared(
        machine=a.machine, name=a.name, label=a.label, unit=a.unit, a=a.value, b=b.value, ratio=ratio,
        limit=limits.CANARY_CHANGE[a.name], changed=ratio is not None and moved(a.name, ratio),
    )  # fmt: skip


def machine_sentence(canaries: Iterable[CanaryCompared], cells: Sequence[CellCompared]) -> str | None:
    """Return what the canaries say of the machines, None where none of them moved.

    The daemon's change is the median of the claimed ones (slower before faster), as logarithms of its speed. A canary
    that moved the same way by at least CANARY_SHARE_OF_CHANGE of it is named as the change's like.
    """
    found = [each for each in canaries if each.changed and each.ratio is not None]
    if not found:
        return None
    deltas = [delta for cell in cells for delta in cell.deltas]
    change = _change(deltas)
    if change is None and any(delta.verdict in {"slower", "faster"} for delta in deltas):
        return f"{_listed(found)} than in A: the machine changed; of the daemons only failed requests did"
    if change is None:
        return f"{_listed(found)} than in A: the machine changed, though no change of a daemon is claimed"
    like = [each for each in found if _log(each) * change > 0]
    alike = [each for each in like if abs(_log(each)) >= limits.CANARY_SHARE_OF_CHANGE * abs(change)]
    if alike:
        return f"{_listed(alike)} than in A: the machine changed, not only the daemon"
    if like:
        return f"{_listed(like)} than in A: the machine changed, but by less than half of what the daemon did"
    return f"{_listed(found)} than in A: the machine changed, but not the way the daemon did"


def canary_table(canaries: Sequence[CanaryCompared]) -> list[tuple[str, ...]]:
    """Return the rows of the table."""
    return [
        (
            each.machine, each.name, each.unit, shown(each.a), shown(each.b),
            DASH if each.ratio is None else times(each.ratio), _remark(each),
        )
        for each in canaries
    ]  # fmt: skip


def _remark(each: CanaryCompared) -> str:
    if each.ratio is None:
        return "measured otherwise in A than in B"
    return f"beyond {each.limit:.0%}: the machine changed" if each.changed else f"within {each.limit:.0%}"


def _change(deltas: Sequence[Delta]) -> float | None:
    """Return by how much (log of B's speed over A's) the daemons changed where that is claimed."""
    own = [delta for delta in deltas if delta.scale == "ratio" and delta.effect]
    for verdict in ("slower", "faster"):
        found = [_speed(delta) for delta in own if delta.verdict == verdict]
        if found:
            return statistics.median(found)
    return None


def _speed(delta: Delta) -> float:
    """Return a change as the logarithm of a speed: of latencies and CPU time less is faster."""
    change = math.log(delta.effect or 1)
    return change if METRICS[delta.metric].more_is_better else -change


def _log(each: CanaryCompared) -> float:
    return math.log(each.ratio or 1)


def _listed(found: Sequence[CanaryCompared]) -> str:
    parts = []
    for each in found:
        ratio = each.ratio or 1
        parts.append(f"{each.label} is {abs(100 * (ratio - 1)):.0f} % {'slower' if ratio < 1 else 'faster'}")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

"""Simulated campaigns that stop early: after how many blocks, and what their correction for looking is worth.

The looks, the intervals and the rule are those of real campaigns (`until: p99 interval < N%`). Beside the rule itself
stands the worst one that a reader of the tables can follow: stop as soon as a change is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.noise_model import BASE, Cell, Tally, compared, true_ratio
from collectors.compare.metrics import MetricName
from collectors.compare.model import Delta
from collectors.plan.until import planned_looks
from collectors.replicates import spread
from collectors.stopping import half_width

METRIC: Final[MetricName] = "p99"
CLAIMS: Final = frozenset({"faster", "slower"})


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When a campaign stops: its p99 interval is narrower than `below` in every cell, or, where it `peeks`, any change
    is claimed. `corrected`: intervals and p are corrected for the number of looks. `medians`: what is tallied are the
    intervals of the cells' medians and not the ratios of two sides; their truth is known where noise is symmetric."""

    below: float
    least: int
    most: int
    corrected: bool = True
    peeks: bool = False
    medians: bool = False

    @property
    def looks(self) -> tuple[int, ...]:
        """Return the numbers of blocks after which it is looked at."""
        return planned_looks(self.least, self.most)

    @property
    def counted(self) -> int:
        """Return for how many looks figures are corrected."""
        return len(self.looks) if self.corrected else 1

    @property
    def words(self) -> str:
        """Return the rule in words."""
        rule = f"until {METRIC} interval < {self.below:.0%}{' or a change is claimed' if self.peeks else ''}"
        what = "medians, " if self.medians else ""
        return f"{what}{rule}, {'corrected' if self.corrected else 'not corrected'}"


def add_stopped(found: Tally, pairs: Sequence[tuple[Cell, Cell]], stop: Stop, metrics: Sequence[MetricName]) -> int:
    """Stop a campaign of identical sides, that was drawn with the most blocks, and tally it as it is then; return after
    how many blocks that is."""
    for blocks in stop.looks:
        cells = [(_first(a, blocks), _first(b, blocks)) for a, b in pairs]
        deltas = compared(cells, "interleaved", metrics=metrics, looks=stop.counted)
        claimed = stop.peeks and any(delta.verdict in CLAIMS for delta in deltas)
        if claimed or _narrow(cells, stop) or blocks == stop.most:
            break
    found.add(_medians(cells, stop) if stop.medians else deltas, true_ratio(0.0))
    return blocks


def _first(cell: Cell, blocks: int) -> Cell:
    return {name: {block: value for block, value in own.items() if block <= blocks} for name, own in cell.items()}


def _narrow(cells: Sequence[tuple[Cell, Cell]], stop: Stop) -> bool:
    widths = [half_width(spread(list(cell[METRIC].values()), looks=stop.counted)) for pair in cells for cell in pair]
    return all(width is not None and width < stop.below for width in widths)


def _medians(cells: Sequence[tuple[Cell, Cell]], stop: Stop) -> list[Delta]:
    """Return the medians over their true values, with their intervals, in the form of comparisons."""
    true = BASE[METRIC][0]
    spreads = [spread(list(cell[METRIC].values()), looks=stop.counted) for pair in cells for cell in pair]
    return [
        Delta(metric=METRIC, name=METRIC, scale="ratio", n_a=each.n, n_b=each.n, words="", effect=each.median / true,
              low=None if each.low is None else each.low / true, high=None if each.high is None else each.high / true)
        for each in spreads if each is not None
    ]  # fmt: skip

"""A noise floor as text for a terminal."""

from __future__ import annotations

import textwrap
from typing import Final

from collectors.compare.floor import BLOCKS_SHOWN, FloorRow, NoiseFloor
from collectors.compare.metrics import METRICS
from collectors.grid import grid
from collectors.units import DASH, show_share, significant

WIDTH: Final = 120
HEAD: Final = ("round", "metric", "sides", "A/A", "values", "CV", "floor", *(f"n={n}" for n in BLOCKS_SHOWN))

_FLOOR: Final = (
    "floor: the largest difference between two sides of the same daemon, over A/A comparisons of at least so many "
    "values a side; interleaved sides share their blocks, sides apart follow each other"
)
_SMALLEST: Final = "n: the smallest effect that so many blocks a side show in 90 % of campaigns, by a single comparison"
NOTES: Final = (_FLOOR, _SMALLEST)


def floor_text(floor: NoiseFloor, *, width: int = WIDTH) -> str:
    """Return the floor for a terminal."""
    names = ", ".join(f"{machine} {facts.get('hostname', DASH)}" for machine, facts in floor.machines.items())
    lines = [f"{floor.campaign} of {floor.created_utc}, {floor.blocks} blocks: {names}"]
    if floor.left_out:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(floor.left_out.items()))
        lines.append(f"runs that do not count: {counts}")
    lines += ["", *grid(HEAD, [_row(row) for row in floor.rows], left={0, 1, 2}), ""]
    for note in NOTES:
        lines += textwrap.wrap(note, width, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _row(row: FloorRow) -> tuple[str, ...]:
    return (
        row.round,
        METRICS[row.metric].words(row.loop),
        row.design,
        str(row.comparisons),
        str(row.values),
        show_share(row.cv),
        _share(row, row.largest),
        *(_share(row, row.detectable[str(n)]) if str(n) in row.detectable else DASH for n in BLOCKS_SHOWN),
    )


def _share(row: FloorRow, value: float) -> str:
    if METRICS[row.metric].scale == "difference":
        return f"{significant(100 * value, 2)} pp"
    return show_share(value)

"""Memory and connections as text for a terminal, as Markdown, and as cells for the page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from collectors.grid import escaped, grid, markdown_grid
from collectors.memory.model import PER, Held, MemoryRow, MemoryTable
from collectors.replicates import Spread
from collectors.units import DASH, show_bytes, significant

TITLE: Final = "Memory and connections"
MIB: Final = 1024 * 1024
HEAD: Final = (
    "app", "endpoint", "open", "memory", "then", f"MiB/{PER}", "kernel", "RSS", "threads", "then", f"/{PER}",
    "processes",
)  # fmt: skip
HEAD_NOTE: Final = (
    f"open: connections that the daemon had, of those asked; memory, threads: without one, then with them; MiB/{PER}, "
    f"/{PER}: their growth per {PER:,} open connections; kernel: the growth of what the kernel holds, in MiB"
)
LEFT: Final = frozenset({0, 1})
DISPENSABLE: Final = ("kernel", "RSS", "processes", "memory")
"""Columns that a narrow terminal is not shown; Markdown and the page have them all."""


def text(tables: Sequence[MemoryTable], *, width: int) -> list[str]:
    """Return the lines for a terminal, none where no round measured memory."""
    lines = []
    for table in tables:
        lines += ["", f"{TITLE}, {table.round}:"]
        lines += _fitted([row_cells(row) for row in table.rows], width)
        for line in (*remarks(table), HEAD_NOTE, *table.notes):
            lines += textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    ")
    return lines


def markdown(tables: Sequence[MemoryTable]) -> list[str]:
    """Return the lines of a Markdown section, none where no round measured memory."""
    lines = []
    for table in tables:
        lines += ["", f"## {TITLE}: {table.round}", "", f"{table.sentence}.", ""]
        lines += markdown_grid(HEAD, [row_cells(row) for row in table.rows], left=LEFT)
        lines += ["", *(f"- {escaped(line)}" for line in (*remarks(table), HEAD_NOTE, *table.notes))]
    return lines


def _fitted(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of the table, less wide by the columns that a terminal can best do without."""
    columns = list(range(len(HEAD)))
    for name in ("", *DISPENSABLE):
        columns = [column for column in columns if HEAD[column] != name]
        shown = [[row[column] for column in columns] for row in (HEAD, *rows)]
        lines = grid(shown[0], shown[1:], left=LEFT)
        if max(map(len, lines)) <= width:
            break
    return lines


def row_cells(row: MemoryRow) -> tuple[str, ...]:
    """Return one row's cells, as many as there are headings."""
    idle, loaded = row.idle, row.loaded
    return (
        row.service,
        f"/{row.endpoint}",
        f"{_number(loaded, 'accepted')} of {row.asked}",
        _bytes(idle),
        _bytes(loaded),
        _growth(row.anon_growth_bytes, MIB),
        _growth(row.kernel_growth_bytes, MIB),
        DASH if loaded is None else show_bytes(loaded.rss_bytes),
        _number(idle, "threads"),
        _number(loaded, "threads"),
        _growth(row.threads_growth, 1),
        _processes(idle, loaded),
    )


def remarks(table: MemoryTable) -> list[str]:
    """Return what must be said of single rows: why there is nothing, or what was not held."""
    return [
        f"{row.service} /{row.endpoint}: {row.remark or row.outcome}"
        for row in table.rows
        if row.remark or row.loaded is None
    ]


def _number(held: Held | None, name: str) -> str:
    return DASH if held is None else _whole(float(getattr(held, name)))


def _whole(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def _bytes(held: Held | None) -> str:
    return DASH if held is None else show_bytes(held.anon_bytes)


def _processes(idle: Held | None, loaded: Held | None) -> str:
    if idle is None or loaded is None:
        return DASH
    before, after = _whole(idle.processes), _whole(loaded.processes)
    return after if before == after else f"{before} to {after}"


def _growth(value: Spread | None, unit: float) -> str:
    """Return growth per 1,000 connections, with its interval where there is one."""
    if value is None:
        return DASH
    shown = significant(value.median / unit)
    if value.low is None or value.high is None:
        return shown
    return f"{shown} ({significant(value.low / unit)} to {significant(value.high / unit)})"

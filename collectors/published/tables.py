"""Published figures beside measured ones, as text for a terminal, as Markdown, and as cells for the page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from collectors.explain.words import times
from collectors.grid import escaped, grid, markdown_grid
from collectors.published.model import Beside, Correction, Figure, Pair, RowBeside, TableBeside
from collectors.units import DASH, show_latency, show_rate, significant

_HEADS: Final[dict[Figure, str]] = {"rate": "req/s", "mean": "mean", "p50": "p50", "p99": "p99", "max": "max"}
_WORDS: Final[dict[Figure, str]] = {**_HEADS, "rate": "requests per second", "mean": "the mean latency"}


def text(found: Beside, *, width: int) -> list[str]:
    """Return the lines for a terminal."""
    lines = textwrap.wrap(f"Published beside measured: {found.title}", width, subsequent_indent="  ")
    lines += _wrapped(f"from {found.source}", width)
    for table in found.tables:
        lines += ["", f"{table.title}"]
        lines += _wrapped(f"there: {table.there}", width)
        lines += _wrapped(f"here:  {here_words(table)}", width)
        columns = _narrow(table.columns)
        head = head_cells(columns)
        left = {0, len(head) - 1}
        lines += grid(head, [row_cells(columns, row) for row in table.rows], left=left, width=width)
        lines += _wrapped(ratio_words(table), width)
        for line in remarks(table):
            lines += _wrapped(line, width)
    for note in found.notes:
        lines += _wrapped(note, width)
    return lines


def markdown(found: Beside) -> list[str]:
    """Return the lines of a Markdown section."""
    lines = ["## Published beside measured", "", f"{escaped(found.title)}, from {escaped(found.source)}."]
    for table in found.tables:
        head = head_cells(table.columns)
        lines += ["", f"### {escaped(table.title)}", "", f"- there: {escaped(table.there)}"]
        lines += [f"- here: {escaped(here_words(table))}", ""]
        lines += markdown_grid(head, [row_cells(table.columns, row) for row in table.rows], left={0, len(head) - 1})
        lines += ["", *(f"- {escaped(line)}" for line in (ratio_words(table), *remarks(table)))]
    return lines + (["", *(f"- {escaped(note)}" for note in found.notes)] if found.notes else [])


def here_words(table: TableBeside) -> str:
    """Return the load here, or why there is none to stand beside."""
    return table.here if table.here is not None else f"not repeated, so nothing stands beside it: {table.why_not}"


def ratio_words(table: TableBeside) -> str:
    """Return what the columns are."""
    return (
        f"each published figure has the one measured here beside it; the ratio is of {_WORDS[table.compared]}, over "
        f"{table.reference}'s"
    )


def head_cells(columns: Sequence[Figure]) -> tuple[str, ...]:
    """Return the headings of a table with these figures."""
    return ("row", *(head for name in columns for head in (_HEADS[name], "here")), "ratio", "here", "verdict here")


def row_cells(columns: Sequence[Figure], row: RowBeside) -> tuple[str, ...]:
    """Return one row's cells, as many as there are headings."""
    pairs = [(name, row.figures[name]) for name in columns]
    cells = [cell for name, pair in pairs for cell in (show_there(name, pair), pair.here_shown)]
    return (row.name, *cells, ratio_there(row), ratio_here(row), row.verdict)


def show_there(name: Figure, pair: Pair) -> str:
    """Return a published figure with its unit, a range where it is one."""
    if pair.there_low is None or pair.there_high is None:
        return DASH
    show = show_rate if name == "rate" else show_latency
    low, high = show(pair.there_low), show(pair.there_high)
    return low if low == high else f"{low}-{high}"


def ratio_there(row: RowBeside) -> str:
    """Return the published ratio to the reference."""
    return " to ".join(map(times, row.ratio_there)) or DASH


def ratio_here(row: RowBeside) -> str:
    """Return the measured ratio to the reference, with its interval where there is one."""
    ratio = row.ratio_here
    if ratio is None:
        return DASH
    if ratio.low is None or ratio.high is None:
        return times(ratio.ratio)
    return f"{times(ratio.ratio)} ({significant(ratio.low)}-{significant(ratio.high)})"


def remarks(table: TableBeside) -> list[str]:
    """Return what is wrong in the published table, row by row, and what its numbers are worth."""
    lines = [correction_words(each) for each in table.corrections]
    for row in table.rows:
        said = [f"errors there: {row.errors_there}" if row.errors_there else "", row.note or ""]
        if any(said):
            lines.append(f"{row.name}: {'; '.join(each for each in said if each)}")
    return lines + list(table.notes)


def correction_words(correction: Correction) -> str:
    """Return a correction as a sentence."""
    return (
        f"published wrong: {correction.row}, {correction.what}: printed {correction.printed}, is {correction.correct}: "
        f"{correction.why}"
    )


def _narrow(columns: Sequence[Figure]) -> tuple[Figure, ...]:
    """Return the figures that a terminal has room for."""
    left_out = {"max", "mean"} if "p50" in columns else {"max"}
    return tuple(name for name in columns if name not in left_out)


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    ")

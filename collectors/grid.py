"""Lines of columns for a terminal, and the same rows as a Markdown table."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

GAP = 2


def grid(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,), width: int | None = None
) -> list[str]:
    """Return head and rows as lines, columns as wide as their widest cell, those not in `left` aligned to the right.

    With a `width` the last column is wrapped into what the others leave of it, and is aligned to the left.
    """
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    found = []
    for line in lines:
        last = len(head) - 1 if width is not None else len(head)
        cells = [
            cell.ljust(widths[column]) if column in left else cell.rjust(widths[column])
            for column, cell in enumerate(line[:last])
        ]
        start = (" " * GAP).join(cells)
        if width is None:
            found.append(start.rstrip())
            continue
        start += " " * GAP
        words = textwrap.wrap(line[-1], max(width - len(start), 12), break_long_words=False) or [""]
        found += [f"{start}{words[0]}".rstrip(), *(" " * len(start) + each for each in words[1:])]
    return found


def markdown_grid(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> list[str]:
    """Return head and rows as the lines of a Markdown table."""
    rule = "|".join("---" if column in left else "---:" for column in range(len(head)))
    return [_row(head), f"|{rule}|", *map(_row, rows)]


def escaped(text: str) -> str:
    """Return a text that Markdown takes for nothing but text."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escaped, cells)) + " |"

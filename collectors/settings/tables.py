"""What the profiles changed, as text for a terminal, as Markdown, and as cells for the page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from collectors.grid import escaped, grid, markdown_grid
from collectors.settings.model import ProfilesTable
from collectors.units import DASH

TITLE: Final = "What the profiles change"
NOT_APPLIED: Final = "Not applied on these machines"
NOT_APPLIED_HEAD: Final = ("profile", "setting", "machine", "why")
LEFT: Final = frozenset(range(16))
WIDE: Final = 24


def text(table: ProfilesTable | None, *, width: int) -> list[str]:
    """Return the lines for a terminal, none for a campaign of one profile."""
    if table is None:
        return []
    rows = [[textwrap.shorten(cell, WIDE * 2, placeholder="…") for cell in row] for row in changed_rows(table)]
    lines = ["", f"{TITLE}, as read back in the runs:"]
    lines += [f"  {line}" for line in grid(head(table), rows, left=LEFT)] if rows else ["  nothing on these machines"]
    for line in notes(table):
        lines += textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    ")
    if table.not_applied:
        lines += [f"{NOT_APPLIED}:"]
        lines += [f"  {line}" for line in grid(NOT_APPLIED_HEAD, not_applied_rows(table), left=LEFT, width=width - 2)]
    return lines


def markdown(table: ProfilesTable | None) -> list[str]:
    """Return the lines of a Markdown section, none for a campaign of one profile."""
    if table is None:
        return []
    lines = ["", f"## {TITLE}", ""]
    rows = changed_rows(table)
    lines += markdown_grid(head(table), rows, left=LEFT) if rows else ["Nothing on these machines."]
    lines += ["", *(f"- {escaped(line)}" for line in notes(table))] if notes(table) else []
    if table.not_applied:
        lines += ["", f"### {NOT_APPLIED}", ""]
        lines += markdown_grid(NOT_APPLIED_HEAD, not_applied_rows(table), left=LEFT)
    return lines


def head(table: ProfilesTable) -> tuple[str, ...]:
    """Return the headings: a column for each profile."""
    return ("setting", "machine", *table.profiles)


def changed_rows(table: ProfilesTable) -> list[Sequence[str]]:
    """Return a row of cells for each setting that is not the same in all profiles."""
    return [
        (row.setting, row.machines, *(row.values.get(name) or DASH for name in table.profiles))
        for row in table.rows
        if row.differs
    ]


def not_applied_rows(table: ProfilesTable) -> list[Sequence[str]]:
    """Return a row of cells for each setting that a machine could not have."""
    return [(row.profile, row.setting, row.machines, row.why) for row in table.not_applied]


def notes(table: ProfilesTable) -> list[str]:
    """Return what is the same in all profiles."""
    same = dict.fromkeys(row.setting for row in table.rows if not row.differs)
    return [f"the same in all profiles: {', '.join(same)}"] if same else []

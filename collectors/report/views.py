"""What the page shows of a ladder and of published figures: drawings and cells, ready to be set."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from collectors.explain import tables as explain_tables
from collectors.explain.model import Explanation, RoundExplained
from collectors.memory import tables as memory_tables
from collectors.memory.model import MemoryTable
from collectors.published import tables as published_tables
from collectors.published.model import Beside, TableBeside
from collectors.report.waterfall import waterfall
from collectors.settings import tables as settings_tables
from collectors.settings.model import ProfilesTable


@dataclass(frozen=True, kw_only=True)
class CellTable:
    """A table of texts; the columns in `left` are not numbers."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Collection[int]


@dataclass(frozen=True, kw_only=True)
class ExplainedView:
    """One round of a ladder: its waterfall, its rungs, a table for each metric."""

    explained: RoundExplained
    chart: Markup | None
    tables: tuple[CellTable, ...]


@dataclass(frozen=True, kw_only=True)
class MemoryView(CellTable):
    """One round that measured memory, as a table with what must be said of it."""

    sentence: str
    notes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class BesideView:
    """One published table with its cells."""

    beside: TableBeside
    here: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str]


def explained_views(explanation: Explanation | None) -> list[ExplainedView]:
    """Return a view of each round of a ladder, none for another campaign."""
    views = []
    for number, each in enumerate(() if explanation is None else explanation.rounds, 1):
        drawn = waterfall(each, number=number)
        rungs = CellTable(
            name="rungs", head=explain_tables.RUNGS_HEAD, rows=explain_tables.rung_rows(each),
            left=explain_tables.RUNGS_LEFT,
        )  # fmt: skip
        chains = (
            CellTable(
                name=chain.name, head=explain_tables.HEAD, rows=explain_tables.chain_rows(chain),
                left=explain_tables.LEFT,
            )
            for chain in each.chains
        )  # fmt: skip
        chart = None if drawn is None else Markup(drawn)  # noqa: S704 - whoever drew it has escaped it
        views.append(ExplainedView(explained=each, chart=chart, tables=(rungs, *chains)))
    return views


def beside_views(published: Beside | None) -> list[BesideView]:
    """Return a view of each published table, none where the campaign names no publication."""
    return [
        BesideView(
            beside=table,
            here=published_tables.here_words(table),
            head=published_tables.head_cells(table.columns),
            rows=[published_tables.row_cells(table.columns, row) for row in table.rows],
            remarks=(published_tables.ratio_words(table), *published_tables.remarks(table)),
        )
        for table in (() if published is None else published.tables)
    ]


def memory_views(tables: Sequence[MemoryTable]) -> list[MemoryView]:
    """Return a view of each round that measured memory."""
    return [
        MemoryView(
            name=table.round,
            sentence=table.sentence,
            head=memory_tables.HEAD,
            rows=[memory_tables.row_cells(row) for row in table.rows],
            left=memory_tables.LEFT,
            notes=(*memory_tables.remarks(table), memory_tables.HEAD_NOTE, *table.notes),
        )
        for table in tables
    ]


def profile_tables(table: ProfilesTable | None) -> list[CellTable]:
    """Return what the profiles change and what could not be applied, none for a campaign of one profile."""
    if table is None:
        return []
    changed = CellTable(
        name=f"{settings_tables.TITLE}, as read back in the runs", head=settings_tables.head(table),
        rows=settings_tables.changed_rows(table), left=settings_tables.LEFT,
    )  # fmt: skip
    absent = CellTable(
        name=settings_tables.NOT_APPLIED, head=settings_tables.NOT_APPLIED_HEAD,
        rows=settings_tables.not_applied_rows(table), left=settings_tables.LEFT,
    )  # fmt: skip
    return [each for each in (changed, absent) if each.rows]

"""A campaign's figures beside published ones: the same round, the same loop, the same path, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collectors.cells import got_cell, latency_cell, latency_us
from collectors.published.model import (
    FIGURES,
    Beside,
    Figure,
    Pair,
    PublishedRow,
    PublishedSet,
    PublishedTable,
    RowBeside,
    TableBeside,
)
from collectors.results import PlannedRound, ResultsFolder
from collectors.run import Run
from collectors.statistics import Ratio, ratio_by_block
from collectors.summary import Row, Table
from collectors.units import DASH

_COLUMN = {"mean": "mean", "p50": "50", "p99": "99", "max": "max"}
NOT_HERE = "not in this campaign"


def beside(
    name: str, published: PublishedSet, folder: ResultsFolder, tables: Sequence[Table], runs: Sequence[Run]
) -> Beside:
    """Return the published tables, each with the rows measured here in the round that repeats it."""
    measured = {table.round: table for table in tables}
    return Beside(
        name=name,
        title=published.title,
        source=published.source,
        tables=tuple(
            _table(each, folder.plan.rounds.get(each.round), measured, runs, folder.plan.looks)
            for each in published.tables
        ),
        notes=published.notes,
    )


def _table(
    there: PublishedTable, round_: PlannedRound | None, measured: Mapping[str, Table], runs: Sequence[Run], looks: int
) -> TableBeside:
    why_not = _why_not(there, round_)
    rows = measured[there.round].rows if why_not is None and there.round in measured else ()
    found = {each.name: _measured(each, there, rows) for each in there.rows}
    reference = next(each for each in there.rows if each.name == there.reference)
    return TableBeside(
        title=there.title,
        round=there.round,
        there=there.load,
        here=round_.sentence if why_not is None and round_ is not None else None,
        why_not=why_not,
        compared=there.compared,
        reference=there.reference,
        columns=tuple(name for name in FIGURES if any(each.figure(name) for each in there.rows)),
        rows=tuple(
            _row(each, there, found[each.name], reference, found[there.reference], runs=runs, looks=looks)
            for each in there.rows
        ),
        corrections=there.corrections,
        notes=there.notes,
    )


def _why_not(there: PublishedTable, round_: PlannedRound | None) -> str | None:
    """Return why a table stands alone: its round was not repeated, or under another kind of load."""
    if round_ is None:
        return f"this campaign has no round {there.round}"
    if round_.loop != there.loop:
        return f"the round {there.round} is of the {round_.loop} loop here and of the {there.loop} loop there"
    if round_.path != there.path:
        words = {"link": "through the link", "localhost": "on the server's own localhost"}
        return f"the round {there.round} runs {words.get(round_.path, round_.path)} here and {words[there.path]} there"
    return None


def _measured(row: PublishedRow, there: PublishedTable, rows: Sequence[Row]) -> Row | None:
    endpoint = row.endpoint or there.endpoint
    for service in row.services:
        for each in rows:
            if (each.cell.service, each.cell.endpoint) == (service, endpoint):
                return each
    return None


def _row(
    row: PublishedRow,
    there: PublishedTable,
    here: Row | None,
    reference: PublishedRow,
    reference_here: Row | None,
    *,
    runs: Sequence[Run],
    looks: int,
) -> RowBeside:
    is_reference = row.name == reference.name
    return RowBeside(
        name=row.name,
        service=None if here is None else here.cell.service,
        endpoint=row.endpoint or there.endpoint,
        figures={name: _pair(row.figure(name), here, name) for name in FIGURES},
        ratio_there=() if is_reference else _ratio_there(row, reference, there.compared),
        ratio_here=None if is_reference else _ratio_here(here, reference_here, there.compared, runs, looks),
        verdict=NOT_HERE if here is None else here.verdict + ("" if here.ranked else " (not ranked)"),
        errors_there=row.errors,
        note=row.note,
    )


def _pair(there: tuple[float, float] | None, here: Row | None, name: Figure) -> Pair:
    low, high = there or (None, None)
    if here is None:
        return Pair(there_low=low, there_high=high, here=None, here_shown=DASH)
    if name == "rate":
        rate = here.completed_per_s
        return Pair(
            there_low=low, there_high=high, here=None if rate is None else rate.median, here_shown=got_cell(here)
        )
    column = _COLUMN[name]
    return Pair(
        there_low=low, there_high=high, here=latency_us(here, column), here_shown=latency_cell(here, column)
    )


def _ratio_there(row: PublishedRow, reference: PublishedRow, compared: Figure) -> tuple[float, ...]:
    one, other = row.figure(compared), reference.figure(compared)
    if one is None or other is None:
        return ()
    low, high = one[0] / other[1], one[1] / other[0]
    return (low,) if low == high else (low, high)


def _ratio_here(
    here: Row | None, reference: Row | None, compared: Figure, runs: Sequence[Run], looks: int
) -> Ratio | None:
    if here is None or reference is None:
        return None
    return ratio_by_block(_by_block(reference, compared, runs), _by_block(here, compared, runs), looks=looks)


def _by_block(row: Row, compared: Figure, runs: Sequence[Run]) -> dict[int, float]:
    wanted = set(row.runs)
    found = {}
    for run in runs:
        value = _value(run, compared) if run.id in wanted and run.outcome == "measured" else None
        if value is not None and value > 0:
            found[run.block] = value
    return found


def _value(run: Run, compared: Figure) -> float | None:
    if run.load is None:
        return None
    if compared == "rate":
        return run.load.completed_per_s
    latency = run.load.latency
    if compared in {"mean", "max"}:
        return latency.mean_us if compared == "mean" else latency.max_us
    return latency.percentile_us(_COLUMN[compared])

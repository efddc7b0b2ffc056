"""A campaign's memory tables: one for each round that measures it, a row for each daemon and endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from collectors.memory.figures import held
from collectors.memory.model import Held, MemoryRow, MemoryTable, RunMemory
from collectors.replicates import Spread, spread
from collectors.results import PlannedRound, ResultsFolder
from collectors.run import Run
from collectors.summary import Row, Table
from collectors.units import significant

NEARLY_ALL: Final = 0.99
"""A daemon that has this share of the connections that were opened holds them all, one or the other being replaced."""
SOURCE_NOTES: Final = {
    "group": (
        "memory is the anonymous memory that the server's kernel charges to the daemon's control group (memory.stat); "
        "kernel is what it holds for the group itself: stacks of threads, page tables, sockets and their buffers"
    ),
    "processes": (
        "the server's kernel charges no memory to control groups, so memory is summed over the processes in the "
        "daemon's group, a page that n of them share counted 1/n in each (Pss_Anon of smaps_rollup); what the kernel "
        "holds for them is not known"
    ),
}
RSS_NOTE: Final = (
    "RSS is the sum over the daemon's processes as ps shows it: what they share, their libraries first of all, is "
    "counted in each of them"
)
LOOK_NOTE: Final = "looking took at most {share:.2%} of one of the server's cores"


def memory_tables(folder: ResultsFolder, tables: Sequence[Table], runs: Sequence[Run]) -> tuple[MemoryTable, ...]:
    """Return a table for each round that measures memory, none where no round does."""
    by_id = {run.id: run for run in runs}
    rounds, looks = folder.plan.rounds, folder.plan.looks
    return tuple(
        _table(rounds[table.round], table, [[by_id[name] for name in row.runs] for row in table.rows], looks)
        for table in tables
        if rounds[table.round].measures == "memory"
    )


def _table(round_: PlannedRound, table: Table, runs: Sequence[Sequence[Run]], looks: int) -> MemoryTable:
    rows = tuple(_row(round_, row, of_row, looks) for row, of_row in zip(table.rows, runs, strict=True))
    shares = [run.memory.cost_share for of_row in runs for run in of_row if run.memory is not None]
    notes = [SOURCE_NOTES[name] for name in SOURCE_NOTES if any(row.source == name for row in rows)]
    if shares:
        notes += [RSS_NOTE, LOOK_NOTE.format(share=max(shares))]
    return MemoryTable(round=table.round, sentence=table.sentence, rows=rows, notes=tuple(notes))


def _row(round_: PlannedRound, row: Row, runs: Sequence[Run], looks: int) -> MemoryRow:
    found = [run.memory for run in runs if run.memory is not None]
    cell, asked = row.cell, round_.connections
    if not found:
        why = [each.advice for run in runs for each in run.findings if each.kind == "no-telemetry"]
        remark = next(iter((*row.reasons, *why)), None)
        return MemoryRow(
            service=row.name, endpoint=cell.endpoint, replicates=0, outcome=row.outcome, asked=asked, remark=remark
        )
    loaded = held([each.loaded for each in found])
    closes = any(run.contract is not None and run.contract.keep_alive is False for run in runs)
    return MemoryRow(
        service=row.name,
        endpoint=cell.endpoint,
        replicates=len(found),
        outcome=row.outcome,
        asked=asked,
        source=found[0].source,
        idle=held([each.idle for each in found]),
        loaded=loaded,
        anon_growth_bytes=_spread([each.anon_growth_bytes for each in found], looks),
        kernel_growth_bytes=_spread([each.kernel_growth_bytes for each in found], looks),
        threads_growth=_spread([each.threads_growth for each in found], looks),
        remark=_remark(round_, loaded, found, closes=closes),
    )


def _spread(values: Sequence[float | None], looks: int) -> Spread | None:
    """Return median and interval where every block has a value: those that happened to would flatter."""
    known = [value for value in values if value is not None]
    return spread(known, looks=looks) if len(known) == len(values) else None


def _remark(round_: PlannedRound, loaded: Held, found: Sequence[RunMemory], *, closes: bool) -> str | None:
    """Return why a daemon did not hold the connections that were asked of it, None where it held them."""
    if loaded.accepted >= NEARLY_ALL * round_.connections:
        return None
    parts = [f"had {round(loaded.accepted, 1):g} of {round_.connections} connections open"]
    if closes:
        parts.append("it closes each after its reply")
    elif round_.rate_per_s is not None:
        parts.append(f"each is used every {significant(round_.connections / round_.rate_per_s)} s")
    if loaded.waiting >= 1:
        parts.append(f"{round(loaded.waiting, 1):g} waited to be accepted")
    if not all(each.enough for each in found):
        parts.append("too few to tell what one needs")
    return "; ".join(parts)

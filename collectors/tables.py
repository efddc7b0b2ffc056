"""A summary as text for a terminal, as Markdown, and as CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Sequence
from typing import Final

from collectors.canary import canary_markdown, canary_text
from collectors.cells import (
    LATENCY_COLUMNS,
    asked_cell,
    cpu_cell,
    errors_cell,
    got_cell,
    heading,
    latency_cell,
    latency_us,
    share_cell,
)
from collectors.explain.tables import markdown as explanation_markdown
from collectors.grid import escaped
from collectors.memory.tables import markdown as memory_markdown
from collectors.memory.tables import text as memory_text
from collectors.model import ERROR_KINDS
from collectors.published.tables import markdown as published_markdown
from collectors.published.tables import text as published_text
from collectors.settings.tables import markdown as profiles_markdown
from collectors.settings.tables import text as profiles_text
from collectors.summary import Row, Summary, Table
from collectors.units import DASH

WIDTH: Final = 120
HEADINGS: Final = (
    "app",
    "endpoint",
    "asked/s",
    "got/s",
    "failed",
    *map(heading, LATENCY_COLUMNS),
    "cpu",
    "verdict",
)
LEFT: Final = frozenset({"app", "endpoint", "verdict"})


def text(summary: Summary, *, width: int = WIDTH) -> str:
    """Return the summary for a terminal, at most `width` columns wide."""
    lines = [f"{summary.campaign}: {summary.description}" if summary.description else summary.campaign]
    machines = f"{summary.label}, " if summary.label else ""
    lines.append(
        f"{machines}{_profiles(summary)}, data set {summary.dataset}, {summary.workers} workers, "
        f"{summary.replicates_note}"
    )
    lines += _wrapped(summary.outcome, width)
    lines += [] if summary.stopping is None else _wrapped(summary.stopping, width)
    if summary.link_before is not None:
        lines += _wrapped(f"link: {summary.link_before.sentence}", width)
        lines += _wrapped(floor_line(summary), width)
    for finding in summary.warnings:
        lines += _wrapped(f"! {finding.advice}", width, indent="  ")
    lines += profiles_text(summary.profiles, width=width)
    for table in summary.tables:
        lines += ["", f"{table.round}: {table.sentence}", *_grid(table, width)]
    lines += memory_text(summary.memory, width=width)
    lines += canary_text(summary.canaries)
    lines += _explained(summary, width)
    if summary.published is not None:
        lines += ["", *published_text(summary.published, width=width)]
    return "\n".join(lines) + "\n"


def _profiles(summary: Summary) -> str:
    return f"profile {summary.profile}" if summary.profiles is None else f"profiles {summary.profile}"


def _explained(summary: Summary, width: int) -> list[str]:
    """What a ladder's factors explain, in sentences; their tables are `tandem explain`'s."""
    if summary.explanation is None:
        return []
    lines = ["", "What explains the difference (tandem explain DIR has each factor with its interval):"]
    for each in summary.explanation.rounds:
        for chain in each.chains:
            for sentence in chain.sentences:
                lines += _wrapped(f"{each.round}: {sentence}", width, indent="  ")
    return lines


def floor_line(summary: Summary) -> str:
    """Return what generator and link cost by themselves, in one line."""
    return f"the generator and the link alone: {DASH if summary.floor is None else summary.floor.sentence}"


def _grid(table: Table, width: int) -> list[str]:
    cells = [_text_cells(row) for row in table.rows]
    widths = [
        max(len(heading), *(len(row[index]) for row in cells), 0) if cells else len(heading)
        for index, heading in enumerate(HEADINGS)
    ]
    lines = [_line(HEADINGS, widths, width)]
    for row, shown in zip(table.rows, cells, strict=True):
        lines.append(_line(shown, widths, width))
        for remark in _remarks(row):
            lines += _wrapped(remark, width, indent="    ")
    for note in table.notes:
        lines += _wrapped(note, width, indent="  ")
    return lines


def _text_cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        f"/{row.cell.endpoint}",
        asked_cell(row),
        got_cell(row),
        share_cell(row),
        *(latency_cell(row, column) for column in LATENCY_COLUMNS),
        cpu_cell(row),
        row.verdict,
    )


def _line(cells: Sequence[str], widths: Sequence[int], width: int) -> str:
    parts = [
        cell.ljust(wide) if heading in LEFT else cell.rjust(wide)
        for cell, wide, heading in zip(cells, widths, HEADINGS, strict=True)
    ]
    head = " ".join(parts[:-1])
    room = width - len(head) - 2
    words = textwrap.wrap(cells[-1], max(room, 12), break_long_words=False) or [""]
    rest = [" " * (len(head) + 2) + each for each in words[1:]]
    return "\n".join([f"{head}  {words[0]}".rstrip(), *rest])


def _remarks(row: Row) -> list[str]:
    remarks = [*row.reasons, *row.gaps]
    if row.errors:
        remarks.append(f"errors: {errors_cell(row)}")
    return remarks


def _wrapped(line: str, width: int, *, indent: str = "") -> list[str]:
    return textwrap.wrap(line, width, initial_indent=indent, subsequent_indent=indent + "  ") or [""]


def markdown(summary: Summary) -> str:
    """Return the summary as a Markdown document."""
    lines = [f"# {summary.campaign}", ""]
    if summary.description:
        lines += [summary.description, ""]
    lines += [f"**{summary.outcome}.**", "", f"- planned {summary.created_utc}, seed {summary.seed}"]
    if summary.label:
        lines.append(f"- machines: {summary.label}")
    lines += [
        f"- {_profiles(summary)}, data set {summary.dataset}, {summary.workers} workers",
        f"- {summary.replicates_note}",
        *([] if summary.stopping is None else [f"- {escaped(summary.stopping)}"]),
    ]
    if summary.link_before is not None:
        lines += [f"- link before: {summary.link_before.sentence}", f"- {escaped(floor_line(summary))}"]
    if summary.link_after is not None:
        lines.append(f"- link after: {summary.link_after.sentence}")
    if summary.warnings:
        lines += ["", "## Know first", "", *(f"- {escaped(finding.advice)}" for finding in summary.warnings)]
    lines += profiles_markdown(summary.profiles)
    for table in summary.tables:
        lines += ["", *_markdown_table(table)]
    lines += memory_markdown(summary.memory)
    lines += canary_markdown(summary.canaries)
    if summary.explanation is not None:
        lines += ["", *explanation_markdown(summary.explanation, level=2).splitlines()]
    if summary.published is not None:
        lines += ["", *published_markdown(summary.published)]
    return "\n".join(lines) + "\n"


def _markdown_table(table: Table) -> list[str]:
    columns = ("app", "endpoint", "asked/s", "got/s", "errors", "failed", *map(heading, LATENCY_COLUMNS))
    columns = (*columns, "server CPU", "verdict")
    lines = [f"## {table.round}", "", f"{table.sentence}.", "", "| " + " | ".join(columns) + " |"]
    lines.append("|" + "|".join("---" if name in {*LEFT, "errors"} else "---:" for name in columns) + "|")
    for row in table.rows:
        head, verdict = _text_cells(row)[:4], row.verdict + ("" if row.ranked else " (not ranked)")
        cells = (*head, errors_cell(row), *_text_cells(row)[4:-1], verdict)
        lines.append("| " + " | ".join(escaped(cell) for cell in cells) + " |")
    remarks = [
        f"{row.name} /{row.cell.endpoint}: {each}" for row in table.rows for each in (*row.reasons, *row.gaps)
    ]
    notes = [*remarks, *table.notes]
    return lines + (["", *(f"- {escaped(note)}" for note in notes)] if notes else [])


def comma_separated(summary: Summary) -> str:
    """Return every row as CSV: plain numbers, the unit in the column's name, empty where not measured."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_csv_columns())
    for table in summary.tables:
        for row in table.rows:
            writer.writerow(["" if cell is None else cell for cell in _csv_cells(table, row)])
    return stream.getvalue()


def _csv_columns() -> list[str]:
    return [
        "round",
        "loop",
        "service",
        "app",
        "variant",
        "endpoint",
        "profile",
        "outcome",
        "verdict",
        "ranked",
        "replicates",
        "asked_per_s",
        "completed_per_s",
        "completed_low_per_s",
        "completed_high_per_s",
        "error_share",
        *(f"errors_{kind}" for kind in ERROR_KINDS),
        "latency_label",
        "latency_samples",
        *(f"latency_{heading(column).replace('.', '_')}_us" for column in LATENCY_COLUMNS),
        "latency_at_least",
        "latency_truncated",
        "server_cpu_share",
        "server_busiest_core_share",
        "cpu_per_request_us",
        "daemon_memory_bytes",
        "reply_bytes",
        "runs",
    ]


def _csv_cells(table: Table, row: Row) -> list[object]:
    cell, got, latency = row.cell, row.completed_per_s, row.latency
    return [
        table.round,
        table.loop,
        cell.service,
        cell.app,
        cell.variant,
        cell.endpoint,
        cell.profile,
        row.outcome,
        row.verdict,
        str(row.ranked).lower(),
        row.replicates,
        row.rate_asked_per_s,
        got.median if got else None,
        got.low if got else None,
        got.high if got else None,
        row.error_share,
        *(row.errors.get(kind, 0) if got else None for kind in ERROR_KINDS),
        row.label if latency else None,
        latency.recorded if latency else None,
        *(latency_us(row, column) for column in LATENCY_COLUMNS),
        " ".join(latency.at_least) if latency else None,
        str(latency.truncated).lower() if latency else None,
        row.server_cpu_share,
        row.server_busiest_core_share,
        row.cpu_per_request_us,
        row.daemon_memory_bytes,
        row.reply_bytes,
        " ".join(row.runs),
    ]

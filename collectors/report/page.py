"""From a Summary and its Runs to the text of report.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from collectors import canary, cells, limits, units
from collectors.model import Evidence, Finding, MachineFigures
from collectors.report import machines
from collectors.report.charts import chart
from collectors.report.curve_chart import curve_chart
from collectors.report.curves import Curves, curves
from collectors.report.views import beside_views, explained_views, memory_views, profile_tables
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.settings import tables as settings_tables
from collectors.summary import Row, Summary, Table
from collectors.words import OUTCOMES, VERDICTS

HERE = Path(__file__).parent
GRAVE = frozenset(
    {
        "link",
        "link-drift",
        "link-not-checked",
        "durability",
        "not-restored",
        "missing-runs",
        "settings-remaining",
        "settings-drifted",
        "settings-others_changed",
        "environment-changed",
        "canary-drift",
        *OUTCOMES,
    }
)
"""Kinds of findings that stand out; the others are notes."""


@dataclass(frozen=True, kw_only=True)
class _RowView:
    """A row with the runs behind it."""

    row: Row
    runs: tuple[Run, ...]
    anchor: str


@dataclass(frozen=True, kw_only=True)
class _TableView:
    """A table with its drawings; `curves` has the curves' notes, `curve_chart` their drawing."""

    table: Table
    rows: tuple[_RowView, ...]
    chart: Markup | None
    curves: Curves
    curve_chart: Markup | None


def page(folder: ResultsFolder, summary: Summary, runs: Sequence[Run]) -> str:
    """Return the page. The same folder gives the same text, byte for byte."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(_filters())
    grave = [finding for finding in summary.warnings if finding.kind in GRAVE]
    return environment.get_template("page.html.j2").render(
        summary=summary,
        plan=folder.plan,
        style=Markup((HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own style sheet
        tables=[_table(folder, table, runs, number) for number, table in enumerate(summary.tables, 1)],
        explained=explained_views(summary.explanation),
        beside=beside_views(summary.published),
        memory=memory_views(summary.memory),
        grave=grave,
        notes=_grouped([finding for finding in summary.warnings if finding.kind not in GRAVE]),
        counts=_counts(runs),
        facts=machines.facts(folder),
        profiles=profile_tables(summary.profiles),
        profile_notes=[] if summary.profiles is None else settings_tables.notes(summary.profiles),
        applied=machines.changes(folder, "applied") if summary.profiles is None else (),
        unavailable=machines.changes(folder, "unavailable") if summary.profiles is None else (),
        refused=machines.changes(folder, "refused"),
        noted=[
            ("Changed along with them", machines.changes(folder, "side_effects") if summary.profiles is None else ()),
            ("Changed by others during the campaign", machines.changes(folder, "drifted")),
            ("Other settings that changed during the campaign", machines.changes(folder, "others_changed")),
            ("Not put back", machines.changes(folder, "remaining")),
        ],
        restored=machines.restored(folder),
        database=machines.database(folder),
        plan_profiles=folder.plan.profiles,
        versions=_mapping(folder.plan.document.get("versions")),
        files=_files(folder.directory),
        verdict_words=VERDICTS,
        outcome_words=OUTCOMES,
        columns=cells.LATENCY_COLUMNS,
        canary_head=canary.HEAD,
        limits=limits,
    )


def _filters() -> dict[str, object]:
    return {
        "latency": units.show_latency,
        "rate": units.show_rate,
        "share": units.show_share,
        "bytes": units.show_bytes,
        "heading": cells.heading,
        "cell_asked": cells.asked_cell,
        "cell_got": cells.got_cell,
        "cell_errors": cells.errors_cell,
        "cell_share": cells.share_cell,
        "cell_cpu": cells.cpu_cell,
        "cell_latency": cells.latency_cell,
        "dash": lambda value: units.DASH if value is None or value == "" else value,
        "evidence_value": evidence_value,
        "evidence_limit": evidence_limit,
        "counters": counters,
        "capitalised": lambda sentence: sentence[:1].upper() + sentence[1:],
        "canary_cells": canary.canary_cells,
    }


def evidence_value(evidence: Evidence) -> str:
    """Return the measured value of an evidence with its unit."""
    return units.show_quantity(evidence.value, evidence.unit)


def evidence_limit(evidence: Evidence) -> str:
    """Return the limit of an evidence with its unit and direction."""
    if evidence.limit is None or isinstance(evidence.limit, str):
        return units.DASH if evidence.limit is None else evidence.limit
    sign = "at least" if evidence.unit.endswith("at least") else "at most"
    return f"{sign} {units.show_quantity(evidence.limit, evidence.unit)}"


def counters(figures: MachineFigures) -> list[tuple[str, str]]:
    """Return a machine's figures of one run as names and texts, what was not measured left out."""
    busiest = None
    if figures.busiest_core_share is not None:
        busiest = f"{figures.busiest_core_share:.1%} (core {figures.busiest_core})"
    rows: list[tuple[str, object]] = [
        ("time between the snapshots", f"{figures.interval_s:.1f} s"),
        ("cores", ", ".join(map(str, figures.cores))),
        ("CPU, mean of the cores", _percent(figures.cpu_mean_share)),
        ("CPU, busiest core", busiest),
        ("CPU in softirq", _percent(figures.softirq_share)),
        ("taken by the hypervisor", _percent(figures.steal_share)),
        ("daemon's CPU time", None if figures.daemon_cpu_s is None else f"{figures.daemon_cpu_s:.2f} s"),
        ("daemon's memory", _bytes(figures.daemon_memory_bytes)),
        ("daemon's memory, peak", _bytes(figures.daemon_memory_peak_bytes)),
        ("daemon's processes", figures.daemon_tasks),
        (f"received on {figures.interface}", _bytes(figures.wire_rx_bytes)),
        (f"sent on {figures.interface}", _bytes(figures.wire_tx_bytes)),
        ("dropped packets", figures.wire_drops),
        ("listen queue overflows", figures.listen_overflows),
        ("listen queue drops", figures.listen_drops),
        ("segments sent again", figures.retransmitted_segments),
        ("pages swapped", figures.swapped_pages),
        ("wall clock against monotonic clock", f"{figures.clock_step_ms:+.2f} ms"),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]


def _percent(share: float | None) -> str | None:
    return None if share is None else units.show_share(share)


def _bytes(value: int | None) -> str | None:
    return None if value is None else units.show_bytes(value)


def _table(folder: ResultsFolder, table: Table, runs: Sequence[Run], number: int) -> _TableView:
    services = list(folder.plan.services)
    by_id = {run.id: run for run in runs}
    rows = tuple(
        _RowView(
            row=row,
            runs=tuple(by_id[run_id] for run_id in row.runs),
            anchor=f"{row.cell.round}-{row.cell.endpoint}-{row.name.replace(', ', '-')}",
        )
        for row in table.rows
    )
    found = curves(folder, table, runs)
    return _TableView(
        table=table,
        rows=rows,
        chart=_drawing(chart(table, services, number=number)),
        curves=found,
        curve_chart=_drawing(curve_chart(found, services, number=number)),
    )


def _drawing(svg: str | None) -> Markup | None:
    return None if svg is None else Markup(svg)  # noqa: S704 - whoever drew it has escaped it


def _counts(runs: Sequence[Run]) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for run in runs:
        for kind in run.kinds if run.outcome == "measured" else (run.outcome,):
            found[kind] = found.get(kind, 0) + 1
    order: list[str] = [*VERDICTS, *OUTCOMES]
    return sorted(found.items(), key=lambda item: order.index(item[0]))


def _grouped(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.advice for finding in findings))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _files(directory: Path) -> list[str]:
    """Return the campaign's own files that a reader may open, relative to the page."""
    names = ("summary.json", "summary.md", "summary.csv", "campaign.json", "journal.jsonl", "MANIFEST.sha256")
    found = [name for name in names if name in {"MANIFEST.sha256"} or (directory / name).is_file()]
    for folder in ("link", "machines"):
        found += [
            path.relative_to(directory).as_posix() for path in sorted((directory / folder).rglob("*")) if path.is_file()
        ]
    return found

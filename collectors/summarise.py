"""From recorded runs to a Summary: one direction, no clock, the same bytes again from the same folder."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from collectors.canary import canary_findings, canary_rows
from collectors.explain import explain, is_ladder
from collectors.limits import SHOWN_PERCENTILES
from collectors.load_runs import load_runs
from collectors.memory.compute import memory_tables
from collectors.model import PRECEDENCE, Latency, LoadResult, Verdict
from collectors.peers import with_peers
from collectors.published.compare import beside
from collectors.published.model import Beside
from collectors.published.read import read_published
from collectors.replicates import all_median, interval_note, spread
from collectors.results import PlannedRound, PlannedRun, ResultsFolder
from collectors.run import Run
from collectors.settings.compute import profiles_table
from collectors.stopping import stopping_sentence
from collectors.summary import LatencyLabel, Row, Summary, Table, errors_by_kind
from collectors.warnings import machine_label, warnings

BACKLOG_NOTE: Final = (
    "† backlog: how long requests waited because the daemon could not keep up; it grows with the length of the run"
)
TRUNCATED_NOTE: Final = (
    "‡ truncated: replies slower than the timeout are missing from the latencies, so they look better than they were"
)
AT_LEAST_NOTE: Final = "≥ at least: requests without an answer are among the slowest, their true latency is not known"
SERVICE_NOTE: Final = (
    "latencies are service times of a closed loop: each connection waits for its answer before it asks "
    "again, so they "
    "hide what a stall does to others; for calibration only"
)

LADDER_NOTE: Final = (
    "the rows are rungs of a ladder: each changes one thing of the one before on purpose, so differing replies and "
    "connections are no fault of a row; what each factor explains stands in a table of its own"
)
PACED_SERVICE_NOTE: Final = (
    "latencies are service times at a given rate: they count from the sending, and nothing is sent while a "
    "connection is taken, so they are not free of coordinated omission and never rank with those of an open "
    "loop that counts from the intended send time"
)


def summarise(folder: ResultsFolder) -> tuple[Summary, tuple[Run, ...]]:
    """Return the summary and the runs behind it (with the verdicts that only peers can give).

    The rungs of a ladder are no peers: they differ on purpose, and each is held against the one before it.
    """
    loaded, missing = load_runs(folder)
    ladder = is_ladder(folder)
    runs = loaded if ladder else with_peers(loaded)
    tables = tuple(_table(folder, round_, runs) for round_ in folder.plan.rounds.values())
    before, after = folder.link_before, folder.link("after")
    plan, canaries = folder.plan, canary_rows(folder)
    summary = Summary(
        campaign=plan.campaign,
        description=plan.description,
        created_utc=plan.created_utc,
        label=machine_label(folder),
        profile=plan.profile,
        dataset=plan.dataset,
        workers=plan.workers,
        blocks=plan.blocks,
        seed=plan.seed,
        outcome=_outcome(runs, len(plan.runs)),
        replicates_note=interval_note(plan.blocks, looks=plan.looks),
        warnings=(*warnings(folder, runs, missing, before, after), *canary_findings(folder, canaries)),
        link_before=before,
        link_after=after,
        tables=tables,
        missing_runs=missing,
        floor=folder.floor,
        explanation=explain(folder, loaded) if ladder else None,
        published=_published(folder, tables, runs),
        memory=memory_tables(folder, tables, runs),
        profiles=profiles_table(folder, runs),
        canaries=canaries,
        stopping=stopping_sentence(folder),
    )
    return summary, runs


def _published(folder: ResultsFolder, tables: Sequence[Table], runs: Sequence[Run]) -> Beside | None:
    name = folder.plan.document.get("published")
    return None if not isinstance(name, str) else beside(name, read_published(name), folder, tables, runs)


def _outcome(runs: Sequence[Run], total: int) -> str:
    measured = [run for run in runs if run.outcome == "measured"]
    parts = [f"{len(measured)} of {total} runs measured"]
    for kind in reversed(PRECEDENCE):
        count = sum(1 for run in measured if kind in run.kinds)
        if count:
            parts.append(f"{count} with errors" if kind == "errors" else f"{count} {kind}")
    unranked = sum(1 for run in measured if not run.ranked)
    if unranked:
        parts.append(f"{unranked} shown but not ranked")
    return ", ".join(parts)


def _table(folder: ResultsFolder, round_: PlannedRound, runs: Sequence[Run]) -> Table:
    planned: dict[tuple[str, str, str], list[PlannedRun]] = {}
    for each in folder.plan.runs:
        if each.cell.round == round_.name:
            planned.setdefault((each.cell.endpoint, each.cell.service, each.cell.profile), []).append(each)
    services, profiles = list(folder.plan.services), [each.name for each in folder.plan.profiles]
    endpoints = _endpoint_order(folder, round_)
    orders = (endpoints, services, profiles)
    keys = sorted(planned, key=lambda key: tuple(map(_place, orders, key)))
    by_id = {run.id: run for run in runs}
    several = len(folder.plan.profiles) > 1
    rows = tuple(
        _row(
            planned[key], [by_id[p.id] for p in planned[key] if p.id in by_id], round_,
            several=several, looks=folder.plan.looks,
        )
        for key in keys
    )  # fmt: skip
    return Table(
        round=round_.name,
        loop=round_.loop,
        sentence=round_.sentence,
        rows=rows,
        notes=(*_table_notes(rows, round_), *((LADDER_NOTE,) if is_ladder(folder) and rows else ())),
    )


def _endpoint_order(folder: ResultsFolder, round_: PlannedRound) -> list[str]:
    rounds = folder.plan.document.get("rounds")
    entry = rounds.get(round_.name) if isinstance(rounds, dict) else None
    names = entry.get("endpoints") if isinstance(entry, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def _place(names: Sequence[str], name: str) -> tuple[int, str]:
    return (names.index(name) if name in names else len(names), name)


def _row(
    planned: Sequence[PlannedRun], runs: Sequence[Run], round_: PlannedRound, *, several: bool, looks: int
) -> Row:
    cell = planned[0].cell
    measured = [run for run in runs if run.outcome == "measured" and run.load is not None]
    with_load = measured or [run for run in runs if run.load is not None]
    loads = [run.load for run in with_load if run.load is not None]
    kinds = [kind for kind in PRECEDENCE if any(kind in run.kinds for run in runs)]
    outcomes = list(dict.fromkeys(run.outcome for run in runs if run.outcome != "measured"))
    label = _label(loads, kinds)
    return Row(
        cell=cell,
        runs=tuple(run.id for run in runs),
        path=round_.path,
        outcome=_row_outcome(planned, runs, outcomes),
        verdict=_verdict_text(planned, runs, measured, outcomes, [k for k in kinds if k != "valid" or len(kinds) == 1]),
        ranked=len(runs) == len(planned) and all(run.ranked for run in runs),
        replicates=len(measured),
        rate_asked_per_s=round_.rate_per_s,
        completed_per_s=spread([load.completed_per_s for load in loads], looks=looks),
        error_share=_median(load.error_share for load in loads),
        errors=errors_by_kind(tuple(load.errors for load in loads)),
        label=label,
        latency=_latency([load.latency for load in loads]),
        server_cpu_share=_median(run.server.cpu_mean_share for run in with_load if run.server),
        server_busiest_core_share=_median(run.server.busiest_core_share for run in with_load if run.server),
        cpu_per_request_us=_median(run.cpu_per_request_us for run in with_load),
        daemon_memory_bytes=_whole(_median(_memory(run) for run in with_load)),
        reply_bytes=_whole(_median(run.contract.reply_bytes for run in with_load if run.contract)),
        reasons=tuple(dict.fromkeys(run.outcome_reason for run in runs if run.outcome_reason)),
        gaps=_gaps([load.latency for load in loads]),
        verdicts=_verdicts(runs),
        notes=tuple(dict.fromkeys(note for load in loads for note in load.notes)),
        several=several,
    )


def _row_outcome(planned: Sequence[PlannedRun], runs: Sequence[Run], outcomes: Sequence[str]) -> str:
    if not runs:
        return "not-run"
    if outcomes:
        return ", ".join(outcomes)
    return "measured" if len(runs) == len(planned) else "incomplete"


def _verdict_text(
    planned: Sequence[PlannedRun],
    runs: Sequence[Run],
    measured: Sequence[Run],
    outcomes: Sequence[str],
    kinds: Sequence[str],
) -> str:
    if not runs:
        return "not run"
    parts = [*outcomes, *kinds]
    if outcomes and measured:
        parts.append(f"{len(measured)} of {len(planned)} measured")
    elif len(runs) < len(planned):
        parts.append(f"{len(runs)} of {len(planned)} run")
    return ", ".join(parts)


def _verdicts(runs: Sequence[Run]) -> tuple[Verdict, ...]:
    found: dict[str, Verdict] = {}
    for kind in PRECEDENCE:
        for run in runs:
            for verdict in run.verdicts:
                if verdict.kind == kind:
                    found.setdefault(kind, verdict)
    return tuple(found.values())


def _label(loads: Sequence[LoadResult], kinds: Sequence[str]) -> LatencyLabel:
    if any(load.latency.kind == "service" for load in loads):
        return "service time"
    return "backlog" if "overloaded" in kinds else "latency"


def _latency(parts: Sequence[Latency]) -> Latency | None:
    """Return one run's latency with what its sample supports, or figure by figure the median over
    replicates."""
    if not parts:
        return None
    alone = len(parts) == 1
    names = [name for name in SHOWN_PERCENTILES if any(part.percentile_us(name) is not None for part in parts)]
    return Latency(
        kind=parts[0].kind,
        recorded=parts[0].recorded if alone else _least([_samples(part) for part in parts]),
        censored=parts[0].censored if alone else 0,
        mean_us=_median(part.mean_us for part in parts),
        stdev_us=_median(part.stdev_us for part in parts),
        min_us=_median(part.min_us for part in parts),
        max_us=_median(part.max_us for part in parts),
        percentiles_us={name: all_median([part.percentile_us(name) for part in parts]) for name in names},
        at_least=tuple(dict.fromkeys(name for part in parts for name in part.at_least)),
        truncated=any(part.truncated for part in parts),
    )


def _gaps(parts: Sequence[Latency]) -> tuple[str, ...]:
    """Return in words the percentiles that some replicates have and others have too few requests for."""
    found: dict[int, list[str]] = {}
    for name in SHOWN_PERCENTILES:
        few = sum(not part.supports(name) for part in parts)
        if few and any(part.percentile_us(name) is not None for part in parts):
            found.setdefault(few, []).append(f"p{name}")
    of = len(parts)
    return tuple(f"{' and '.join(names)} of {few} of {of} runs: too few requests" for few, names in found.items())


def _table_notes(rows: Sequence[Row], round_: PlannedRound) -> tuple[str, ...]:
    notes = []
    latencies = [row.latency for row in rows if row.latency is not None]
    if any(latency.kind == "service" for latency in latencies):
        notes.append(SERVICE_NOTE if round_.loop == "closed" else PACED_SERVICE_NOTE)
    if any(row.label == "backlog" for row in rows):
        notes.append(BACKLOG_NOTE)
    if any(latency.truncated for latency in latencies):
        notes.append(TRUNCATED_NOTE)
    if any(latency.at_least for latency in latencies):
        notes.append(AT_LEAST_NOTE)
    if round_.path == "localhost" and rows:
        notes.append("the generator shares the server's cores with the daemon")
    return tuple(notes)


def _memory(run: Run) -> int | None:
    if run.server is None:
        return None
    peak = run.server.daemon_memory_peak_bytes
    return peak if peak is not None else run.server.daemon_memory_bytes


def _samples(latency: Latency) -> int | None:
    return None if latency.recorded is None else latency.recorded + latency.censored


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _least(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return min(known) if len(known) == len(values) and known else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)

"""Recording a finished run: run.json beside its raw files, one line in the journal, on the disk before it
returns."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from collectors.codec import to_json
from collectors.derive import Context, derive
from collectors.errors import TandemError
from collectors.jsonio import write_json
from collectors.model import Finding
from collectors.results import ResultsFolder, unpack
from collectors.run import Run
from collectors.units import show_latency, show_rate

JOURNAL = "journal.jsonl"


def context_of(folder: ResultsFolder, run_id: str) -> Context:
    """Return what the run is judged against; TandemError where plan or link cannot be read."""
    planned = folder.planned(run_id)
    round_ = folder.plan.rounds.get(planned.cell.round)
    if round_ is None:
        raise TandemError(f"{folder.directory}: the plan has no round {planned.cell.round!r}, which {run_id} needs")
    return Context(
        planned=planned,
        round=round_,
        service=folder.plan.services[planned.cell.service],
        link=folder.link_before,
        nofile=folder.plan.profile_of(planned.cell.profile).limits.get("nofile"),
        unavailable=folder.unavailable(planned.cell.profile),
        switched=len(folder.plan.profiles) > 1,
    )


def record(folder: ResultsFolder, run_id: str) -> Run:
    """Unpack what the machines sent, derive the run, write run.json and the journal's line; return the run.

    A run that went wrong is recorded like any other. TandemError where there is no such run or the folder
    cannot be written.
    """
    context = context_of(folder, run_id)
    where = folder.run_folder(run_id)
    try:
        where.mkdir(parents=True, exist_ok=True)
        faults = unpack(where)
        run = derive(where, context)
        if faults:
            run = _with_faults(run, faults)
        write_json(where / "run.json", to_json(run))
        append_journal(folder.directory / JOURNAL, journal_line(run))
    except OSError as error:
        raise TandemError(f"{error.filename or where}: the run cannot be recorded: {error.strerror}") from None
    return run


def journal_line(run: Run) -> str:
    """Return the run's line for the journal: what it was, how it ended, what it is worth."""
    load = run.load
    return json.dumps(
        {
            "schema_version": 1,
            "id": run.id,
            "outcome": run.outcome,
            "verdicts": list(run.kinds),
            "rate_asked_per_s": None if load is None else load.rate_asked_per_s,
            "completed_per_s": None if load is None else load.completed_per_s,
            "error_share": None if load is None else load.error_share,
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def append_journal(path: Path, line: str) -> None:
    """Append one line and have it on the disk before returning; a torn last line is closed first."""
    with path.open("ab+") as stream:
        if stream.tell() > 0:
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
        stream.write(line.encode("utf-8") + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def one_line(run: Run) -> str:
    """Return the run in one line for a person who watches the campaign."""
    cell = run.cell
    head = f"{cell.service} {cell.endpoint} {cell.round}: "
    if run.outcome != "measured" or run.load is None:
        return f"{head}{run.outcome}: {run.outcome_reason}"
    load = run.load
    parts = []
    if load.rate_asked_per_s is not None:
        parts.append(f"{show_rate(load.rate_asked_per_s)} asked")
    parts.append(f"{show_rate(load.completed_per_s)} got req/s")
    for name in ("99", "90", "50"):
        if (value := load.latency.percentile_us(name)) is not None:
            parts.append(f"p{name} {show_latency(value, at_least=name in load.latency.at_least)}")
            break
    parts.append(run.shown_verdict)
    return head + ", ".join(parts)


def _with_faults(run: Run, faults: list[str]) -> Run:
    found = tuple(Finding(kind="damaged-archive", where="the machine's archive", advice=fault) for fault in faults)
    reason = run.outcome_reason if run.outcome == "measured" else faults[0]
    return dataclasses.replace(run, findings=run.findings + found, outcome_reason=reason)

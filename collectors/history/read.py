"""From a results folder to what the index holds of it: the campaign, and each recorded run in a few numbers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from collectors.codec import from_json
from collectors.compare.definition import round_parts
from collectors.compare.metrics import METRICS, value_of
from collectors.derive import derive
from collectors.errors import ReadError, TandemError
from collectors.explain import is_ladder
from collectors.history.model import Entry, Reading, Row
from collectors.jsonio import read_object
from collectors.model import PRECEDENCE, SCHEMA_VERSION
from collectors.peers import with_peers
from collectors.plan.freeze import PLAN_FILE
from collectors.record import context_of
from collectors.results import PlannedRun, ResultsFolder
from collectors.run import Run
from collectors.warnings import machine_label

NOT_OF_THE_LOAD: Final = frozenset({"endpoints"})
"""Parts of a round that say nothing of the load on one cell."""


def read_folder(directory: Path) -> Reading:
    """Return what a folder holds; a fault is a sentence in it and never an exception."""
    try:
        if not (directory / PLAN_FILE).is_file():
            return Reading(None, (), f"{directory.name}: this folder is no campaign: it holds no {PLAN_FILE}")
        return _campaign(ResultsFolder(directory))
    except (TandemError, OSError) as error:
        return Reading(None, (), f"{directory.name}: not listed: {error}")


def _campaign(folder: ResultsFolder) -> Reading:
    plan = folder.plan
    read = [found for planned in plan.runs if (found := recorded_run(folder, planned)) is not None]
    runs = [run for run, _ in read]
    judged = runs if is_ladder(folder) else with_peers(runs)
    entry = Entry(
        folder=folder.directory.name,
        created_utc=plan.created_utc,
        campaign=plan.campaign,
        label=machine_label(folder),
        planned=len(plan.runs),
        recorded=len(judged),
        counted=sum(1 for run in judged if run.ranked),
        verdicts=_verdicts(judged),
        looks=plan.looks,
    )
    faults = [fault for _, fault in read if fault is not None]
    return Reading(entry, tuple(_rows(folder, judged)), _fault(folder, faults))


def recorded_run(folder: ResultsFolder, planned: PlannedRun) -> tuple[Run, str | None] | None:
    """Return a run as it was recorded, or derived anew with the reason why; None where there is none on record."""
    path = folder.run_folder(planned.id) / "run.json"
    if not path.is_file():
        return None
    try:
        return _recorded(path, planned), None
    except ReadError as error:
        return derive(path.parent, context_of(folder, planned.id)), str(error)


def _recorded(path: Path, planned: PlannedRun) -> Run:
    run = from_json(Run, read_object(path), file=path)
    if run.schema_version != SCHEMA_VERSION:
        raise ReadError(f"a run of schema version {run.schema_version}; allowed: {SCHEMA_VERSION}", file=path)
    if run.cell != planned.cell:
        cell = planned.cell
        raise ReadError(f"this is no run of {cell.service} /{cell.endpoint}, {cell.round}", file=path)
    return run


def _fault(folder: ResultsFolder, faults: Sequence[str]) -> str | None:
    if not faults:
        return None
    others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{folder.directory.name}: read anew from the raw files, since {faults[0]}{others}"


def _verdicts(runs: Sequence[Run]) -> str:
    """Return how many runs have which verdict or outcome, valid ones first, as the summary says it."""
    counts = Counter(kind for run in runs if run.outcome == "measured" for kind in run.kinds)
    outcomes = Counter(run.outcome for run in runs if run.outcome != "measured")
    shown = [(kind, counts[kind]) for kind in reversed(PRECEDENCE) if counts[kind]]
    return ", ".join(f"{count} {kind}" for kind, count in (*shown, *sorted(outcomes.items())))


def _rows(folder: ResultsFolder, runs: Sequence[Run]) -> list[Row]:
    rounds = folder.plan.rounds
    keys = {name: _load_key(parts) for name, parts in round_parts(folder).items()}
    return [
        Row(
            service=run.cell.service,
            endpoint=run.cell.endpoint,
            round=run.cell.round,
            profile=run.cell.profile,
            loop=rounds[run.cell.round].loop,
            load=rounds[run.cell.round].sentence,
            load_key=keys[run.cell.round],
            outcome=run.outcome,
            verdicts=",".join(run.kinds),
            measures=tuple(value_of(run, name) for name in METRICS),
        )
        for run in runs
        if run.cell.round in rounds
    ]


def _load_key(parts: dict[str, str]) -> str:
    kept = {name: value for name, value in sorted(parts.items()) if name not in NOT_OF_THE_LOAD}
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:16]

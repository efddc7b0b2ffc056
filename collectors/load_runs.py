"""The recorded runs of a campaign, as they can be read today."""

from __future__ import annotations

import dataclasses

from collectors.derive import derive
from collectors.errors import ReadError
from collectors.jsonio import Fields
from collectors.model import Finding
from collectors.record import context_of
from collectors.results import ResultsFolder
from collectors.run import Run


def load_runs(folder: ResultsFolder) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """Return the recorded runs in the plan's order, and the ids of those that are not recorded.

    Every run is derived anew from its raw files; run.json only says that it is finished and what its raw
    files were. A raw file that changed since then is a finding of the run; one that can no longer be read
    is its outcome.
    """
    runs, missing = [], []
    for planned in folder.plan.runs:
        where = folder.run_folder(planned.id)
        if not (where / "run.json").is_file():
            missing.append(planned.id)
            continue
        run = derive(where, context_of(folder, planned.id))
        runs.append(dataclasses.replace(run, findings=run.findings + _changes(folder, run)))
    return tuple(runs), tuple(missing)


def _changes(folder: ResultsFolder, run: Run) -> tuple[Finding, ...]:
    path = folder.run_folder(run.id) / "run.json"
    try:
        recorded = {row.text("path"): row.text("sha256") for row in Fields.read(path).rows("raw_files")}
    except ReadError as error:
        return (
            Finding(kind="unreadable-record", where="run.json", advice=f"derived anew from the raw files: {error}"),
        )
    present = {file.path: file.sha256 for file in run.raw_files}
    changed = sorted(name for name, digest in recorded.items() if present.get(name) != digest)
    if not changed:
        return ()
    return (
        Finding(
            kind="raw-file-changed", where=", ".join(changed),
            advice="these raw files are not what they were when the run was recorded",
        ),
    )  # fmt: skip

"""Baselines: finished campaigns that a pair of machines is held to, kept as results/baselines/NAME.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from collectors.codec import from_json, to_json
from collectors.compare.definition import definition_differences
from collectors.compare.environment import is_allowed
from collectors.compare.floor import identity
from collectors.compare.judge import LEAST_PER_SIDE
from collectors.compare.sides import OUTSIDE, counted, pairs, whole, why_left_out
from collectors.compare.store import same_pair
from collectors.compare.words import not_comparable
from collectors.errors import ReadError, TandemError
from collectors.jsonio import read_object, write_json
from collectors.load_runs import load_runs
from collectors.plan.document import NAME, unknown
from collectors.report.manifest import evidence_sha256
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.warnings import MACHINES

SCHEMA_VERSION: Final = 1
FOLDER: Final = "baselines"


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What NAME.json holds: which campaign it is (`folder` beside baselines/), what was measured then
    (`evidence_sha256`, over the manifest's lines of plan and raw files), and of which pair of machines. `usable` of its
    `runs` count, with those of the verdicts in `use`."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["baseline"] = "baseline"
    name: str
    folder: str
    campaign: str
    created_utc: str
    accepted_utc: str
    blocks: int
    runs: int
    usable: int
    use: tuple[str, ...]
    evidence_sha256: str
    machines: Mapping[str, Mapping[str, str]]


def accept(folder: ResultsFolder, name: str, *, use: Collection[str] = ()) -> tuple[Baseline, Path]:
    """Keep a campaign as the baseline of that name; TandemError where it cannot be one or the name is taken."""
    if not NAME.fullmatch(name):
        raise TandemError(f"{name!r} is no name for a baseline; allowed: small letters, digits, and - . _ between them")
    own = folder.directory.resolve()
    path = own.parent / FOLDER / f"{name}.json"
    if path.exists() and (old := read_baseline(path)).folder != own.name:
        raise TandemError(
            f"{path}: the baseline {name} is {old.folder} already; allowed: another name, or first `tandem baseline "
            f"remove {name}`"
        )
    usable = _usable(folder, use)
    plan = folder.plan
    found = Baseline(
        name=name, folder=own.name, campaign=plan.campaign, created_utc=plan.created_utc,
        accepted_utc=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), blocks=plan.blocks, runs=len(plan.runs),
        usable=usable, use=tuple(use), evidence_sha256=evidence_sha256(own), machines=identity(folder),
    )  # fmt: skip
    try:
        path.parent.mkdir(exist_ok=True)
        write_json(path, to_json(found))
    except OSError as error:
        raise TandemError(f"{error.filename or path}: the baseline cannot be written: {error.strerror}") from None
    return found, path


def _usable(folder: ResultsFolder, use: Collection[str]) -> int:
    """Return how many runs count; TandemError where a comparison with the campaign could not be judged."""
    runs, missing = load_runs(folder)
    refused = f"{folder.directory}: this campaign cannot be a baseline"
    due = folder.plan.look_due
    if missing or due is not None or not folder.plan.runs:
        lacks = "it planned no run" if due is None else f"the look after block {due} is still to be taken"
        if missing:
            lacks = f"{len(missing)} of {len(folder.plan.runs)} runs are missing"
        raise TandemError(f"{refused}, it is not finished: {lacks}; allowed: a campaign with all its runs")
    if len(identity(folder)) < len(MACHINES):
        raise TandemError(f"{refused}: the facts of both machines are not on record, so whose would it be?")
    cells: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        cells.setdefault((run.cell.service, run.cell.endpoint, run.cell.round, run.cell.profile), []).append(run)
    for (service, endpoint, round_, _), own in cells.items():
        reasons = [why_left_out(run, use) for run in own]
        bad = Counter(reason for reason in reasons if reason is not None)
        good = reasons.count(None)
        if good < LEAST_PER_SIDE or set(bad) - OUTSIDE:
            of = f" ({counted(bad)})" if bad else ""
            raise TandemError(
                f"{refused}: {service} /{endpoint}, {round_} has {good} usable of {len(own)} runs{of}; a comparison "
                f"takes {LEAST_PER_SIDE}, and none invalid but by the environment"
            )
    return sum(1 for run in runs if why_left_out(run, use) is None)


def read_baseline(path: Path) -> Baseline:
    """Return the baseline in a file; ReadError where it holds none, or one of another schema."""
    document = read_object(path)
    if document.get("kind") != "baseline":
        raise ReadError("no baseline; allowed: a file that `tandem baseline accept` wrote", file=path)
    if (version := document.get("schema_version")) != SCHEMA_VERSION:
        raise ReadError(f"a baseline of schema version {version!r}; allowed: {SCHEMA_VERSION}", file=path)
    found = from_json(Baseline, document, file=path)
    if found.name != path.stem or Path(found.folder).name != found.folder:
        raise ReadError(f"the baseline {found.name!r} of the folder {found.folder!r} is not of this file", file=path)
    return found


def baselines(results: Path) -> dict[str, Path]:
    """Return the files of all baselines below a results folder by name."""
    return {path.stem: path for path in sorted((results / FOLDER).glob("*.json"))}


def find_baseline(results: Path, name: str) -> Path:
    """Return a baseline's file; TandemError with all names where there is none of that name."""
    known = baselines(results)
    if name not in known:
        raise TandemError(str(unknown("baseline", name, known, str(results / FOLDER))))
    return known[name]


def baseline_folder(path: Path) -> ResultsFolder:
    """Return the campaign of a baseline's file; TandemError where it is gone or is not what was accepted."""
    found = read_baseline(path)
    directory = path.resolve().parent.parent / found.folder
    if not directory.is_dir():
        raise TandemError(f"{path}: the baseline's campaign is gone: there is no folder {directory}")
    if evidence_sha256(directory) != found.evidence_sha256:
        raise TandemError(
            f"{path}: {directory} is not what was accepted on {found.accepted_utc}: its plan or raw files were changed "
            "since; accept it anew if that is right"
        )
    return ResultsFolder(directory)


def check_against(path: Path, folder: ResultsFolder, *, allow: Collection[str] = ()) -> None:
    """Refuse with one TandemError a campaign that could not be compared with the baseline once it is measured: another
    machine (where the campaign's facts are on record), another definition, too few blocks."""
    base, other = baseline_folder(path), read_baseline(path)
    machines = identity(folder)
    if machines and not same_pair(other.machines, machines):
        raise TandemError(
            f"the baseline {other.name} is of other machines: {_first_difference(other.machines, machines)}; allowed: "
            "a baseline of this pair"
        )
    if folder.plan.blocks < LEAST_PER_SIDE:
        raise TandemError(
            f"{folder.plan.campaign} has {folder.plan.blocks} block(s), and a comparison with {other.name} "
            f"takes {LEAST_PER_SIDE}; allowed: another campaign, or more blocks"
        )
    found = definition_differences(base, folder, (), ())
    wrong = [each for each in found if each.never or not is_allowed(each.key, allow)]
    if wrong:
        raise TandemError(f"the baseline {other.name} (A) and this campaign (B) are {not_comparable(wrong)}")
    if not pairs(whole("A", base, ()), whole("B", folder, ())):
        raise TandemError(f"the baseline {other.name} measured no cell of this campaign; allowed: one that did")


def _first_difference(a: Mapping[str, Mapping[str, str]], b: Mapping[str, Mapping[str, str]]) -> str:
    for machine in MACHINES:
        one, other = a.get(machine, {}), b.get(machine, {})
        for key in dict.fromkeys((*one, *other)):
            if one.get(key) != other.get(key):
                return f"the {machine}'s {key} was {one.get(key, 'not known')} and is {other.get(key, 'not known')}"
    return "their facts differ"

"""Noise floors on the disk: kept in noise/<folder of the campaign>/noise-floor.json beside it, found by machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from collectors.codec import from_json, to_json
from collectors.compare.floor import FLOOR_FILE, SCHEMA_VERSION, NoiseFloor, identity
from collectors.compare.model import Design, FloorUsed
from collectors.errors import ReadError, TandemError
from collectors.jsonio import read_object, write_json
from collectors.results import ResultsFolder

NOISE: Final = "noise"
"""The folder beside the campaigns' own in which floors are kept."""
_DAY_S: Final = 86_400


def keep(folder: ResultsFolder, floor: NoiseFloor) -> Path:
    """Write a campaign's floor where comparisons look for it, and return the file; TandemError where that fails."""
    own = folder.directory.resolve()
    path = own.parent / NOISE / own.name / FLOOR_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, to_json(floor))
    except OSError as error:
        raise TandemError(f"{error.filename or path}: the noise floor cannot be written: {error.strerror}") from None
    return path


def read_floor(path: Path) -> NoiseFloor:
    """Return the floor in a file; ReadError where it holds none, or one of another schema."""
    document = read_object(path)
    if document.get("kind") != "noise-floor":
        raise ReadError("no noise floor; allowed: a file that `tandem noise` wrote", file=path)
    if document.get("schema_version") != SCHEMA_VERSION:
        version = document.get("schema_version")
        raise ReadError(f"a noise floor of schema version {version!r}; allowed: {SCHEMA_VERSION}", file=path)
    found = from_json(NoiseFloor, document, file=path)
    for row in found.rows:
        if row.largest < 0:
            reason = f"the noise floor of {row.metric} in {row.round} is {row.largest:g}; allowed: 0 and more"
            raise ReadError(reason, file=path)
    return found


def find(a: ResultsFolder, b: ResultsFolder, *, design: Design) -> tuple[NoiseFloor | None, Path | None, list[str]]:
    """Return the newest floor of these machines kept beside the campaigns, its file, and what could not be read.

    Two campaigns apart are not held to a floor that one of them made: it knows no other day than theirs.
    """
    own = {folder.directory.resolve() for folder in (a, b)} if design == "apart" else set()
    machines = identity(a)
    found: list[tuple[str, Path, NoiseFloor]] = []
    faults = []
    for path in _files(a, b):
        if path.parent.parent.parent / path.parent.name in own:
            continue
        try:
            floor = read_floor(path)
        except ReadError as error:
            faults.append(str(error))
            continue
        if same_pair(floor.machines, machines) and same_pair(floor.machines, identity(b)):
            found.append((floor.created_utc, path, floor))
    if not found:
        return None, None, faults
    _, path, newest = max(found, key=lambda each: (each[0], str(each[1])))
    return newest, path, faults


def doubts(floor: NoiseFloor, a: ResultsFolder, b: ResultsFolder, use: Collection[str]) -> list[str]:
    """Return sentences on why a floor may not be that of a comparison: other machines, other runs that count."""
    found = []
    if not all(same_pair(floor.machines, identity(folder)) for folder in (a, b)):
        names = ", ".join(f"{machine} {facts.get('hostname', 'unknown')}" for machine, facts in floor.machines.items())
        found.append(f"the noise floor is of another pair of machines: {names or 'which is not on record'}")
    if set(floor.use) != set(use):
        counts = [", ".join(sorted(each)) or "none" for each in (floor.use, use)]
        found.append(
            f"the noise floor was measured of other runs: verdicts counted all the same there: {counts[0]}; here: "
            f"{counts[1]}"
        )
    return found


def same_pair(one: Mapping[str, Mapping[str, str]], other: Mapping[str, Mapping[str, str]]) -> bool:
    """Say whether two records are of the same pair of machines; memory may differ by what a kernel keeps for itself."""
    if not one or one.keys() != other.keys():
        return False
    return all(_same_machine(one[name], other[name]) for name in one)


def _same_machine(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    keys = (one.keys() | other.keys()) - {"memory_mib"}
    if any(one.get(key) != other.get(key) for key in keys):
        return False
    try:
        sizes = float(one.get("memory_mib", "0")), float(other.get("memory_mib", "0"))
    except ValueError:
        return False
    return abs(sizes[0] - sizes[1]) <= 0.01 * max(sizes)


def used(floor: NoiseFloor, source: str, a: ResultsFolder, b: ResultsFolder) -> FloorUsed:
    """Return where a floor comes from, and how old it was when the later of two campaigns ran."""
    later = max(a.plan.created_utc, b.plan.created_utc)
    days = _days(floor.created_utc, later)
    if days is None:
        when = ""
    elif days >= 0:
        when = f", {_span(days)} before the later campaign"
    else:
        when = f", {_span(-days)} after the later campaign"
    sentence = f"measured by the campaign {floor.campaign} of {floor.created_utc}{when} ({source})"
    return FloorUsed(source=source, sentence=sentence, created_utc=floor.created_utc, age_days=days)


def _files(a: ResultsFolder, b: ResultsFolder) -> list[Path]:
    places = dict.fromkeys(folder.directory.resolve().parent / NOISE for folder in (a, b))
    return [path for place in places for path in sorted(place.glob(f"*/{FLOOR_FILE}"))]


def _days(earlier: str, later: str) -> float | None:
    try:
        gap = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    except (ValueError, TypeError):
        return None
    return round(gap.total_seconds() / _DAY_S, 2)


def _span(days: float) -> str:
    if days < 1:
        hours = round(days * 24)
        return "1 hour" if hours == 1 else f"{hours} hours"
    return "1 day" if round(days) == 1 else f"{round(days)} days"

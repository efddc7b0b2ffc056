"""From what every run read back to the table of what the profiles changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from collectors.errors import ReadError
from collectors.results import PlannedProfile, ResultsFolder
from collectors.run import Run
from collectors.settings.in_force import MACHINES, InForce, read_in_force
from collectors.settings.model import NotApplied, ProfilesTable, SettingRow

BOTH: Final = "both"
OPEN_FILES: Final = "open files of the daemons"
Pick = Callable[[InForce], str | None]


def profiles_table(folder: ResultsFolder, runs: Sequence[Run]) -> ProfilesTable | None:
    """Return the table, None for a campaign of one profile. A file that cannot be read is left out of it; the run that
    it belongs to says so."""
    profiles = folder.plan.profiles
    if len(profiles) < 2:
        return None
    found = {profile.name: _of(folder, runs, profile.name) for profile in profiles}
    names = tuple(found)
    rows: list[SettingRow] = []
    for title, pick in _settings(profiles):
        by_machine = {
            machine: {name: _value([each for each in found[name] if each.machine == machine], pick) for name in names}
            for machine in MACHINES
        }
        rows += _rows(title, by_machine)
    rows.sort(key=lambda row: not row.differs)
    return ProfilesTable(profiles=names, rows=tuple(rows), not_applied=tuple(_not_applied(profiles, found)))


def _of(folder: ResultsFolder, runs: Sequence[Run], profile: str) -> list[InForce]:
    found = []
    for run in runs:
        for machine in MACHINES if run.cell.profile == profile else ():
            try:
                found.append(read_in_force(folder.run_folder(run.id) / f"settings-{machine}.json"))
            except ReadError:
                continue
    return found


def _settings(profiles: Iterable[PlannedProfile]) -> list[tuple[str, Pick]]:
    kernel = dict.fromkeys(key for profile in profiles for key in profile.kernel)
    database = dict.fromkeys(key for profile in profiles for key in profile.postgresql)
    found: list[tuple[str, Pick]] = [(key, _kernel(key)) for key in kernel]
    found.append((OPEN_FILES, lambda each: None if each.nofile is None else str(each.nofile)))
    return found + [(f"PostgreSQL {key}", _database(key)) for key in database]


def _kernel(key: str) -> Pick:
    return lambda each: each.kernel.get(key)


def _database(key: str) -> Pick:
    return lambda each: each.postgresql.get(key)


def _value(found: Iterable[InForce], pick: Pick) -> str | None:
    """Return what all runs read back; several values where they do not agree."""
    seen = dict.fromkeys(value for each in found if (value := pick(each)) is not None)
    return " or ".join(seen) or None


def _rows(title: str, by_machine: Mapping[str, Mapping[str, str | None]]) -> list[SettingRow]:
    """Return one row for both machines where they have the same, else one for each that has any; none for a setting
    that neither has."""
    values = {machine: row for machine, row in by_machine.items() if any(value is not None for value in row.values())}
    if len(values) == len(MACHINES) and len({tuple(row.values()) for row in values.values()}) == 1:
        values = {BOTH: values[MACHINES[0]]}
    return [
        SettingRow(setting=title, machines=machine, values=dict(row), differs=len(set(row.values())) > 1)
        for machine, row in values.items()
    ]


def _not_applied(profiles: Iterable[PlannedProfile], found: Mapping[str, Sequence[InForce]]) -> list[NotApplied]:
    rows: list[NotApplied] = []
    for profile in profiles:
        seen: dict[tuple[str, str], list[str]] = {}
        for each in found[profile.name]:
            for key, why in each.unavailable.items():
                machines = seen.setdefault((key, why), [])
                machines += [each.machine] if each.machine not in machines else []
        for (key, why), machines in seen.items():
            where = BOTH if len(machines) == len(MACHINES) else machines[0]
            rows.append(NotApplied(profile=profile.name, machines=where, setting=key, why=why))
        for key, why in profile.refused.items():
            told = f"refused by the profile: {why}"
            rows.append(NotApplied(profile=profile.name, machines=BOTH, setting=key, why=told))
    return rows

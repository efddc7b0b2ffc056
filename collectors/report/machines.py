"""The machines and what was changed on them, as the page shows it; every part may be absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collectors.results import ResultsFolder
from collectors.units import DASH
from collectors.warnings import DURABILITY, MACHINES, machine_file, settings_outcome, settings_rows

_FACTS = (
    ("hostname", "host"), ("distribution", "system"), ("kernel", "kernel"), ("architecture", "architecture"),
    ("processor", "processor"), ("processors_usable", "usable cores"), ("memory_mib", "memory, MiB"),
    ("swap_mib", "swap, MiB"), ("virtualization", "virtualisation"), ("python", "Python"),
    ("bench_address", "bench address"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FactRow:
    """One fact of both machines, as text."""

    name: str
    server: str
    client: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """A setting that a machine was given, or why it was not: `was` and `now` are None where nothing was
    applied."""

    machine: str
    key: str
    was: str | None = None
    now: str | None = None
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatabaseSetting:
    """A setting of the bench's PostgreSQL; `risky` where it trades the data's safety for speed; `why_not`
    where it is not what the profile asked.
    """

    key: str
    value: str
    risky: bool
    why_not: str | None = None


def facts(folder: ResultsFolder) -> tuple[FactRow, ...]:
    """Return the facts of both machines side by side, empty where none were kept."""
    both = [machine_file(folder, f"{machine}-facts.json") for machine in MACHINES]
    if not any(both):
        return ()
    rows = []
    for key, name in _FACTS:
        server, client = (_fact(each.get(key)) for each in both)
        if server != DASH or client != DASH:
            rows.append(FactRow(name=name, server=server, client=client))
    return tuple(rows)


def changes(folder: ResultsFolder, kind: str) -> tuple[Change, ...]:
    """Return what was applied, unavailable or refused, machine by machine."""
    return tuple(
        Change(
            machine=machine,
            key=str(row.get("key")),
            was=_text(row.get("from", row.get("expected", row.get("original")))),
            now=_text(row.get("to", row.get("found", row.get("now")))),
            why=_text(row.get("why")),
        )
        for machine in MACHINES
        for row in settings_rows(folder, machine, kind)
    )


def restored(folder: ResultsFolder) -> Mapping[str, bool]:
    """Return, for each machine that says so, whether it was put back as it was found."""
    found = {}
    for machine in MACHINES:
        value = settings_outcome(folder, machine, "restored").get("restored")
        if isinstance(value, bool):
            found[machine] = value
    return found


def database(folder: ResultsFolder) -> tuple[DatabaseSetting, ...]:
    """Return PostgreSQL's settings: as it answered where that was kept, else as the profile asks; none of a campaign
    with several profiles, whose table has them."""
    if len(folder.plan.profiles) > 1:
        return ()
    answered = machine_file(folder, "postgresql.json").get("settings")
    rows = [row for row in answered if isinstance(row, dict)] if isinstance(answered, list) else []
    if not rows:
        rows = [{"name": key, "asked": value} for key, value in folder.plan.profiles[0].postgresql.items()]
    return tuple(sorted((_database_setting(row) for row in rows), key=lambda setting: setting.key))


def _database_setting(row: Mapping[str, object]) -> DatabaseSetting:
    key = str(row.get("name"))
    applied = row.get("applied") is not False
    value = str(row.get("asked") if applied and row.get("asked") is not None else row.get("setting"))
    return DatabaseSetting(
        key=key,
        value=value,
        risky=value in DURABILITY.get(key, ()),
        why_not=None if applied else str(row.get("error") or "the server answers another value"),
    )


def _fact(value: object) -> str:
    if isinstance(value, list):
        named = [str(each) for each in value if not str(each).isdigit()]
        models = [each for each in named if " " in each]  # beside the model stands the maker's bare name
        return ", ".join(dict.fromkeys(models or named)) or DASH
    return DASH if value is None or value == "" else str(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)

"""What the machines were when a campaign ran, as flat keys and values, so that two campaigns can be held together.

Read back, not asked for: the facts of both machines, the settings as they were during the campaign, PostgreSQL's own
answers, the link as it was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from collectors import limits
from collectors.compare.model import Difference
from collectors.results import ResultsFolder
from collectors.warnings import MACHINES, machine_file

IGNORED_FACTS: Final = frozenset({"schema_version", "machine", "bench_address"})
"""Facts that say nothing of how fast a machine is."""
VOLATILE: Final = re.compile(r"""
    fs\.(dentry-state|inode-state|inode-nr|file-nr|aio-nr)          # counters of objects in use
    | fs\.quota\..*                                                 # counters
    | kernel\.random\.(uuid|entropy_avail)                          # new at every reading
    | kernel\.random\.boot_id                                       # new at every boot
    | kernel\.(ns_last_pid|hung_task_detect_count)                  # counters
    | kernel\.pty\.nr                                               # terminals in use
    | kernel\.(msg|sem|shm)_next_id                                 # set as identifiers are used
    | kernel\.perf_(event_max_sample_rate|cpu_time_max_percent)     # lowered by the kernel under load
    | kernel\.sched_domain\..*                                      # rebuilt when CPUs come and go
    | net\.netfilter\.nf_conntrack_count                            # connections in use
    | net\.ipv4\.tcp_(available|allowed)_congestion_control         # grows when the kernel loads a module
    | net\.ipv4\.tcp_available_ulp                                  # grows when the kernel loads a module
""", re.VERBOSE)
"""Settings that change by themselves: the pattern with which the machines' own snapshots are compared. It stands in
plugins/module_utils/tandem_kernel/snapshot.py as well, since results are read without Ansible and machines have no
collectors; a test holds the two together."""
CLOSE: Final[Mapping[str, float]] = {
    "memory_mib": 0.01,
    "forward_mbit": limits.LINK_DRIFT_SHARE,
    "reverse_mbit": limits.LINK_DRIFT_SHARE,
}
"""Measured quantities that may differ by this share: what the kernel keeps for itself, and a link's drift."""


THEN: Final = ", then "
"""Between the values that a campaign's sessions had in turn."""
GROUPS: Final = ("server", "client", "server.settings", "client.settings", "client.awake", "postgresql", "link", "code")
"""Parts of the record that one side may lack as a whole: that is one difference, not a thousand."""


def environment(folder: ResultsFolder) -> dict[str, str]:
    """Return what is on record of a campaign's machines and link, keys as --allow takes them.

    A campaign that was gone on with has a record of each session: what was not the same in all of them is all its
    values in turn.
    """
    return _recorded(folder) | _changed(folder)


def mixed(a: ResultsFolder, b: ResultsFolder) -> list[Difference]:
    """Return what changed between the sessions of both campaigns, and in the same way: a difference, since nobody knows
    what each figure was measured on, though the two records are equal."""
    one, other = _changed(a), _changed(b)
    return [Difference(key=key, a=one[key], b=other[key]) for key in one if one[key] == other.get(key)]


def unrecorded(a: ResultsFolder, b: ResultsFolder) -> list[str]:
    """Return a sentence on what neither campaign has on record: it may differ and nobody would know."""
    needed = {"server": "facts of the server", "client": "facts of the client"}
    needed |= {f"{name}.settings": f"settings of the {name}" for name in MACHINES}
    if any(round_.path == "link" for folder in (a, b) for round_ in folder.plan.rounds.values()):
        needed["link"] = "the link's throughput"
    records = [_recorded(folder) for folder in (a, b)]
    missing = [words for group, words in needed.items() if not any(_holds(each, group) for each in records)]
    return [f"on record of neither campaign, and so not compared: {', '.join(missing)}"] if missing else []


def _holds(values: Mapping[str, str], group: str) -> bool:
    """Say whether a record has anything of a group, what another group within it has not counted."""
    return any(_group(key) == group for key in values)


def _changed(folder: ResultsFolder) -> dict[str, str]:
    """Return what was not the same in all sessions of a campaign, with its values in turn."""
    first = _recorded(folder)
    later = [_recorded(ResultsFolder(place)) for place in _sessions(folder.directory)]
    found: dict[str, list[str]] = {}
    for own in later:
        kept = [group for group in GROUPS if _has(first, group) and _has(own, group)]
        keys = [key for key in dict.fromkeys((*first, *own)) if _group(key) in kept]
        for key in keys:
            if not _same(key, first.get(key), own.get(key)):
                values = found.setdefault(key, [first.get(key) or "absent"])
                values += [own.get(key) or "absent"] if values[-1] != own.get(key) else []
    return {key: THEN.join(values) for key, values in found.items()}


def _sessions(directory: Path) -> list[Path]:
    place = directory / "sessions"
    return sorted(each for each in place.iterdir() if each.is_dir()) if place.is_dir() else []


def _group(key: str) -> str:
    """Return the group of a key, the closest one."""
    return max((group for group in GROUPS if key.startswith(f"{group}.")), key=len, default="")


def _recorded(folder: ResultsFolder) -> dict[str, str]:
    """Return what one session has on record."""
    found: dict[str, str] = {}
    for machine in MACHINES:
        facts = machine_file(folder, f"{machine}-facts.json")
        found |= flat({key: value for key, value in facts.items() if key not in IGNORED_FACTS}, machine)
        awake = machine_file(folder, f"{machine}-awake.json")
        if "wake_up_us" in awake:
            wake_up_us = awake["wake_up_us"]
            found[f"{machine}.awake.wake_up_us"] = "any" if wake_up_us is None else str(wake_up_us)
        settings = machine_file(folder, f"settings-{machine}-during.json").get("values")
        if isinstance(settings, dict):
            kept = {str(key): value for key, value in settings.items() if not VOLATILE.fullmatch(str(key))}
            found |= flat(kept, f"{machine}.settings")
    found |= _postgresql(folder)
    link = folder.link_before
    if link is not None:
        rates = {name: getattr(link, name) for name in ("nominal_mbit", "forward_mbit", "reverse_mbit")}
        found |= flat(rates, "link")
    return found


def differences(a: Mapping[str, str], b: Mapping[str, str]) -> list[Difference]:
    """Return the keys whose values are not the same, a key on record on one side alone among them."""
    absent = [group for group in GROUPS if _has(a, group) != _has(b, group)]
    keys = [key for key in (*a, *(key for key in b if key not in a)) if not is_allowed(key, absent)]
    found = [Difference(key=key, a=a.get(key), b=b.get(key)) for key in keys if not _same(key, a.get(key), b.get(key))]
    return [*(_absent(group, a) for group in absent if not is_allowed(group, set(absent) - {group})), *found]


def is_allowed(key: str, allowed: Iterable[str]) -> bool:
    """Say whether a declared key is this one or stands above it: `server.settings` holds all settings of the server."""
    return any(key == each or key.startswith(f"{each}.") for each in allowed)


def flat(value: object, name: str) -> dict[str, str]:
    """Return a JSON value as dotted keys with texts; what is null is not on record."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for key, each in value.items():
            found |= flat(each, f"{name}.{key}")
        return found
    if value is None:
        return {}
    if isinstance(value, list | tuple):
        return {name: " ".join(str(each) for each in value)}
    return {name: str(value).lower() if isinstance(value, bool) else str(value)}


def _postgresql(folder: ResultsFolder) -> dict[str, str]:
    rows = machine_file(folder, "postgresql.json").get("settings")
    return {
        f"postgresql.{row['name']}": str(row.get("setting"))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and isinstance(row.get("name"), str) and row.get("setting") is not None
    }


def _has(values: Mapping[str, str], group: str) -> bool:
    return any(key.startswith(f"{group}.") for key in values)


def _absent(group: str, a: Mapping[str, str]) -> Difference:
    present = "on record"
    return Difference(key=group, a=present if _has(a, group) else None, b=None if _has(a, group) else present)


def _same(key: str, a: str | None, b: str | None) -> bool:
    if a == b:
        return True
    close = CLOSE.get(key.rpartition(".")[2])
    if close is None or a is None or b is None:
        return False
    try:
        one, other = float(a), float(b)
    except ValueError:
        return False
    return abs(one - other) <= close * max(abs(one), abs(other))

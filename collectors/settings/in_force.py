"""What held in one run on one machine, from runs/<id>/settings-<machine>.json, against what its profile asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.jsonio import Fields
from collectors.model import Evidence

MACHINES: Final = ("server", "client")
ABSENT: Final = "absent"


@dataclass(frozen=True, kw_only=True)
class InForce:
    """One machine in one run. `kernel` has every key that a profile of the campaign names, before the load, and
    `kernel_after` after it; None for a key that the machine has not. `asked` is what should hold: the profile's values,
    and of the other profiles' keys the machine's own. `unavailable`: keys that could not be applied, each with why.
    `postgresql` and `nofile` (the daemon's open files) are the server's; None: not on record.
    """

    machine: str
    profile: str | None
    kernel: Mapping[str, str | None]
    kernel_after: Mapping[str, str | None]
    asked: Mapping[str, str]
    unavailable: Mapping[str, str]
    faults: tuple[str, ...]
    postgresql: Mapping[str, str | None]
    nofile: int | None


def read_in_force(path: Path) -> InForce:
    """Return what a machine said of a run; ReadError where the file is absent or not of this form."""
    top = Fields.read(path)
    if top.integer("schema_version") != 1:
        raise top.fail("schema_version", "1, the only one this version reads")
    rows = top.rows("unavailable") if top.has("unavailable") else []
    return InForce(
        machine=top.text("machine"),
        profile=top.optional_text("profile"),
        kernel=_values(top, "kernel"),
        kernel_after=_values(top, "kernel_after"),
        asked={key: str(value) for key, value in _values(top, "asked").items()},
        unavailable={row.text("key"): row.optional_text("why") or "" for row in rows},
        faults=top.texts("faults") if top.has("faults") else (),
        postgresql=_values(top, "postgresql"),
        nofile=top.optional_integer("nofile"),
    )


def _values(top: Fields, name: str) -> Mapping[str, str | None]:
    inner = top.optional_inner(name)
    if inner is None:
        return {}
    return {key: None if inner.raw(key) is None else str(inner.raw(key)) for key in inner.names()}


def not_in_force(found: InForce, wanted_nofile: str | None, left: Collection[str]) -> tuple[Evidence, ...]:
    """Return what did not hold as asked, before the load or after it.

    `left` are the keys that the machine was found unable to have before anything was measured, which is no change.
    """
    where = f"settings-{found.machine}.json"
    wrong = [_evidence(f"the {found.machine}'s settings", fault, None, where) for fault in found.faults]
    for key, value in found.asked.items():
        seen = [found.kernel.get(key), *([found.kernel_after.get(key)] if found.kernel_after else [])]
        other = next((each for each in seen if each != value), value)
        if key not in left and other != value:
            wrong.append(_evidence(f"{key} on the {found.machine}", other or ABSENT, f"asked: {value}", where))
    if wanted_nofile is not None and found.nofile is not None and str(found.nofile) != wanted_nofile:
        wrong.append(_evidence("the daemon's open files", str(found.nofile), f"asked: {wanted_nofile}", where))
    return tuple(wrong)


def _evidence(what: str, value: str, limit: str | None, where: str) -> Evidence:
    return Evidence(what=what, value=value, limit=limit, unit="", where=where)

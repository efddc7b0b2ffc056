"""Which apps of a frozen plan cannot be installed on the server's interpreter, each with a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from collectors.errors import PlanError
from collectors.plan.pending import read_plan
from collectors.plan.settings import SYSTEM


def not_installable_apps(folder: Path, *, installed: str, system: str | None) -> Mapping[str, str]:
    """Apps of the plan in folder, each with the sentence why it cannot be installed.

    `installed` is the version of the interpreter that the bench uses on the server, `system` that of Debian's own
    (/usr/bin/python3), None where there is none. Raises PlanError for a damaged plan or what is no version.
    """
    found = {}
    for service in read_plan(folder).get("services", []):
        sentence = not_installable(service.get("python"), installed=installed, system=system)
        if sentence:
            found[service["app"]] = f"{service['app']} cannot be installed: {sentence}"
    return found


def not_installable(python: str | None, *, installed: str, system: str | None) -> str | None:
    """Why an app with this `python` cannot be installed, None where it can."""
    here, debian = _minor(installed), None if system is None else _minor(system)
    if python is None or (python == SYSTEM and here == debian):
        return None
    if python == SYSTEM:
        own = "there is none" if system is None else f"here that is {system}"
        return f"it needs Debian's own Python ({own}), and the bench uses {installed}"
    low, high = (_minor(end) for end in python.split("-"))
    return None if low <= here <= high else f"its packages exist for Python {python}, and the server has {installed}"


def _minor(version: str) -> tuple[int, ...]:
    """3.11.2 as (3, 11); raises PlanError for what is no version."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})", version)
    if not found:
        raise PlanError(f"{version!r} is no version of Python; allowed: as in 3.11 or 3.11.2")
    return int(found[1]), int(found[2])

"""What an app needs of the machine that serves it: its port, whose code, packages and interpreter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from collectors.plan import constants as c
from collectors.plan.document import Item, unknown
from collectors.plan.load import load
from collectors.plan.project import app_names

SYSTEM: Final = "system"
"""Debian's own interpreter and no other, because a Debian package is built against it."""

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_RANGE = re.compile(r"3\.(\d{1,2})-3\.(\d{1,2})")
_REQUIREMENT = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")


def read_port(item: Item) -> int:
    """A port that neither the kernel's own range of client ports nor the bench itself can take."""
    port = item.integer(1024, 65_535)
    low, high = c.PORT_RANGE_DEFAULT
    ours = {c.DATABASE_PORT: "the database's port", c.UPSTREAM_PORT: "the port of the bench's slow page"}
    if low <= port <= high or port in ours:
        holder = ours.get(port, f"one of the kernel's client ports {low}-{high}")
        taken = " and ".join(str(each) for each in ours)
        raise item.refuse(f"is {port}, {holder}", f"1024-{low - 1} without {taken}, and {high + 1}-65535")
    return port


def read_code(item: Item | None, app: str, apps_dir: Path) -> str:
    """The app folder whose code runs: its own, or another that has code of its own."""
    if item is None:
        return app
    code = item.text()
    others = [name for name in app_names(apps_dir) if name != app]
    if code not in others:
        raise unknown("app", code, others, item.where)
    if "code" in load(apps_dir / code / "app.yml", f"{apps_dir.name}/{code}/app.yml").entries():
        raise item.refuse(f"is {code!r}, which runs another app's code itself", "the app that holds the code")
    return code


def read_packages(item: Item | None) -> tuple[str, ...]:
    """Debian packages that the server needs for this app."""
    return () if item is None else _names(item, "package", _PACKAGE, "names of Debian packages")


def read_conflicts(item: Item | None) -> tuple[str, ...]:
    """Python packages whose own requirements may be broken."""
    return () if item is None else _names(item, "package", _REQUIREMENT, "names of Python packages in small letters")


def read_python(item: Item | None) -> str | None:
    """The interpreters that the app can be installed on; None for all."""
    if item is None:
        return None
    text = item.text()
    found = _RANGE.fullmatch(text)
    if text != SYSTEM and (not found or int(found[1]) > int(found[2])):
        raise item.refuse(f"is {text!r}", f"{SYSTEM}, or the oldest and the newest, as in 3.10-3.12")
    return text


def _names(item: Item, what: str, form: re.Pattern[str], allowed: str) -> tuple[str, ...]:
    names = item.distinct(what)
    for name in names:
        if not form.fullmatch(name):
            raise item.refuse(f"holds {name!r}", allowed)
    return names

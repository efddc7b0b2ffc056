"""The ports of all apps: each has its own, and the bench keeps some for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.load import load
from collectors.plan.model import Service
from collectors.plan.project import app_names

FIRST: Final = 8000
"""Where the apps' ports begin."""


def used_ports(apps_dir: Path) -> Mapping[int, tuple[str, ...]]:
    """The ports that apps declare, each with its apps; an app whose file cannot be read has none."""
    found: dict[int, tuple[str, ...]] = {}
    for app in app_names(apps_dir):
        try:
            port = load(apps_dir / app / "app.yml", f"{apps_dir.name}/{app}/app.yml").entries()["port"].value
        except (PlanError, KeyError):
            continue
        if isinstance(port, int):
            found[port] = (*found.get(port, ()), app)
    return found


def free_port(apps_dir: Path) -> int:
    """The smallest port from FIRST on that no app has and the bench does not keep; raises PlanError without one."""
    used = used_ports(apps_dir)
    for port in range(FIRST, c.PORT_RANGE_DEFAULT[0]):
        if port not in used and port not in {c.DATABASE_PORT, c.UPSTREAM_PORT}:
            return port
    raise PlanError(f"{apps_dir.name}/: every port from {FIRST} to {c.PORT_RANGE_DEFAULT[0] - 1} is an app's already")


def taken(app: str, port: int, holder: str) -> str:
    """The sentence about an app whose port is another's."""
    return f"apps/{app}/app.yml: port {port} is {holder}'s already; allowed: a port of its own"


def check_ports(services: Sequence[Service]) -> None:
    """Two apps of one port could be mistaken for each other; variants of one app never run together and may share it.

    Raises PlanError for the first app whose port is another's.
    """
    holders: dict[int, str] = {}
    for service in services:
        holder = holders.setdefault(service.port, service.app)
        if holder != service.app:
            raise PlanError(taken(service.app, service.port, holder))

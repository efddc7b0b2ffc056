"""What a reader must know to compare two daemons, and what a variant called fair has in common with all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from collectors.errors import PlanError
from collectors.plan.document import Item, listed
from collectors.plan.model import Endpoint, Launcher, Service

CHOICES: Final = {
    "database": ("connect", "pool", "pool-min-0", "pool-bug", "none"),
    "driver": ("psycopg2", "psycopg3", "aiopg", "asyncpg", "none"),
    "json": ("json", "ujson", "orjson"),
}
KEYS: Final = (*CHOICES, "tls")
FAIR: Final = {"keep_alive": "true", "backlog": "2048", "database": "pool", "tls": "false", "json": "json"}
"""Conditions that every fair variant has; the pool is full before the first request."""
ACCESS_LOG: Final = ("--access-log", "--access-logfile", "--logto")
"""Words of a command that turn an access log on."""


def read_conditions(item: Item) -> dict[str, str]:
    """What an app or a variant declares, as text."""
    fields = item.fields(required=(), optional=KEYS)
    return {
        key: str(entry.boolean()).lower() if key == "tls" else entry.choice(CHOICES[key], key)
        for key, entry in fields.items()
    }


def conditions_of(
    launcher: Launcher, options: Mapping[str, str], declared: Mapping[str, str], *, front: bool
) -> dict[str, str]:
    """The declared conditions with those that follow from launcher and options; behind nginx clients see its
    keep-alive."""
    found = {"keep_alive": str(launcher.keep_alive or front).lower()}
    if "backlog" in options:
        found["backlog"] = options["backlog"]
    return {**found, **declared}


def check_fair(service: Service, endpoints: Mapping[str, Endpoint], where: str) -> None:
    """Raise PlanError for the first condition that a fair variant lacks."""
    for wrong, allowed in _unfair(service, endpoints):
        raise PlanError(f"{where}: {service.id} is called fair, but {wrong}; allowed: {allowed}, or another kind")


def _unfair(service: Service, endpoints: Mapping[str, Endpoint]) -> Iterator[tuple[str, str]]:
    for name, wanted in FAIR.items():
        found = service.conditions.get(name)
        if found != wanted:
            yield f"its {name} is {found or 'not declared'}", f"{name} {wanted}"
    if "driver" not in service.conditions:
        yield "its driver is not declared", f"one of {listed(CHOICES['driver'])}"
    if service.front:
        yield f"{service.front} stands in front of it", "a daemon that is asked directly"
    least, most = (service.env.get(key) for key in ("POOL_MIN", "POOL_MAX"))
    if least is not None and least != most:
        yield f"its pool grows from {least} to {most} under load", "POOL_MIN equal to POOL_MAX"
    if log := [word for word in service.argv if word.partition("=")[0] in ACCESS_LOG]:
        yield f"its command has {log[0]}", "no access log"
    for key, offer in service.endpoints.items():
        if offer.content_type or offer.answers_per_worker:
            yield f"its {key} does not keep the contract of all", "replies as contract.yml has them"
        for dataset, wanted_bytes in endpoints[key].fair_body_bytes.items():
            size = offer.body_bytes.get(dataset)
            if size != wanted_bytes:
                found = "not stated" if size is None else str(size)
                allowed = f"{wanted_bytes} bytes, as the standard library writes it"
                yield f"the body of {key} on {dataset} is {found}", allowed

"""Every variant of every app, on both data sets: the real daemon, a real PostgreSQL, the contract."""

from __future__ import annotations

import platform

import pytest
import yaml

from collectors.plan.constants import DATASETS
from collectors.plan.installable import not_installable
from collectors.plan.model import Service
from collectors.plan.project import app_names
from collectors.plan.services import expand_services
from tests.apps.daemons import APPS, WORKERS, running
from tests.apps.environments import SYSTEM_PYTHON, version_of
from tests.apps.postgres import Postgres, free_port
from tests.apps.together import Checks, checked


def every_service() -> tuple[Service, ...]:
    names = [
        f"{app}:{variant}"
        for app in app_names(APPS)
        for variant in yaml.safe_load((APPS / app / "app.yml").read_text())["variants"]
    ]
    return expand_services(APPS, names)


def alike(service: Service) -> tuple[object, ...]:
    """What a service does, but for the numbers among its options: those that are alike share one start."""
    words = tuple(word for word in service.argv if not word.isdigit())
    return (service.app, words, tuple(service.env.items()), repr(service.endpoints))


def leaders() -> list[Service]:
    """One service of each kind: the first."""
    found: dict[tuple[object, ...], Service] = {}
    for service in every_service():
        found.setdefault(alike(service), service)
    return list(found.values())


@pytest.mark.parametrize("service", leaders(), ids=lambda service: service.id)
def test_app_keeps_its_contract(service: Service, checks: Checks) -> None:
    sentence = not_installable(
        service.python, installed=platform.python_version(), system=version_of(SYSTEM_PYTHON)
    )
    if sentence:
        pytest.skip(sentence)
    checks.result(service)


def test_a_pool_that_is_never_refilled_is_caught(database: Postgres) -> None:
    """The bug of 2015: connections were closed, not put back, so each worker answered thirty times. Where nothing says
    that it is meant to, the check refuses it."""
    flask, bug = expand_services(APPS, ["flask", "flask:pool-bug"])
    environment = {**database.environment(DATASETS["empty-join"]), "DB_MODE": "pool-bug"}
    with running(flask, free_port(), environment) as daemon:
        found = checked(flask, daemon, "agents_with_pool", "empty-join")
    assert bug.env["DB_MODE"] == "pool-bug"
    assert found["failure"]["kind"] == "wrong-answer"
    assert "expected status 200, found 500" in found["failure"]["message"]
    assert 0 < found["requests"] < WORKERS * flask.pool_size

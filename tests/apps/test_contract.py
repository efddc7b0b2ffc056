"""Every variant of every app, on both data sets: the real daemon, a real PostgreSQL, the contract."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_contract import check

from collectors.plan.constants import DATASETS
from collectors.plan.contract import read_contract, resolved
from collectors.plan.model import Service
from collectors.plan.project import app_names
from collectors.plan.runs import contract_requests
from collectors.plan.services import expand_services
from tests.apps.daemons import APPS, WORKERS, Daemon, running
from tests.apps.postgres import Postgres, free_port

START_S = 60
CONTRACT = read_contract(APPS)


def every_service() -> tuple[Service, ...]:
    names = [
        f"{app}:{variant}"
        for app in app_names(APPS)
        for variant in yaml.safe_load((APPS / app / "app.yml").read_text())["variants"]
    ]
    return expand_services(APPS, names)


def checked(service: Service, daemon: Daemon, endpoint: str, dataset: str) -> dict[str, Any]:
    declared = service.endpoints[endpoint].body_bytes[dataset]
    requests = contract_requests(service, endpoint, WORKERS)
    expected = resolved(CONTRACT[endpoint], dataset)
    return check("127.0.0.1", daemon.port, expected, declared, requests, START_S, daemon.alive)


def assert_kept(service: Service, daemon: Daemon, endpoint: str, dataset: str) -> None:
    found = checked(service, daemon, endpoint, dataset)
    assert found["failure"] is None, daemon.output()
    assert found["requests"] == contract_requests(service, endpoint, WORKERS)
    assert found["keep_alive"] == service.keep_alive
    assert found["body_bytes"] == service.endpoints[endpoint].body_bytes[dataset] < found["reply_bytes"]


@pytest.mark.parametrize("service", every_service(), ids=lambda service: service.id)
def test_app_keeps_its_contract(service: Service, database: Postgres) -> None:
    """On each data set a daemon; the second starts while the first is asked."""
    with ExitStack() as stack:
        daemons = {
            dataset: stack.enter_context(running(service, free_port(), database.environment(name)))
            for dataset, name in DATASETS.items()
        }
        for dataset, daemon in daemons.items():
            for endpoint in service.endpoints:
                assert_kept(service, daemon, endpoint, dataset)
        for daemon in daemons.values():
            assert daemon.stop() == 0, daemon.output()
            complaints = re.findall(r"(?i).*(?:traceback|error|warning|GET /).*", daemon.output())
            assert not complaints, daemon.output()
        assert database.sessions_after_closing() == 0


def test_a_pool_that_is_never_refilled_is_caught(database: Postgres, tmp_path: Path) -> None:
    """The bug of 2015: connections were closed, not put back, so each worker answered thirty times."""
    code = tmp_path / "flask"
    shutil.copytree(APPS / "flask", code)
    source = (code / "app.py").read_text()
    put_back = "pool().putconn(connection)"
    assert source.count(put_back) == 1
    (code / "app.py").write_text(source.replace(put_back, "connection.close()"))
    (flask,) = expand_services(APPS, ["flask"])
    environment = database.environment(DATASETS["empty-join"])
    with running(flask, free_port(), environment, code=code) as daemon:
        found = checked(flask, daemon, "agents_with_pool", "empty-join")
        output = daemon.output()
    assert found["failure"]["kind"] == "wrong-answer"
    assert "expected status 200, found 500" in found["failure"]["message"]
    assert "PoolError: connection pool exhausted" in output
    assert 0 < found["requests"] < WORKERS * flask.pool_size

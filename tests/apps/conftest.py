"""A real PostgreSQL with both data sets and the bench's slow page, made once for all tests of apps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collectors.plan.model import Service
from tests.apps import nginx, postgres
from tests.apps.daemons import ROOT
from tests.apps.together import Checks

SQL = ROOT / "roles" / "dataset" / "files"
BOTH = [SQL / "agents.sql", SQL / "messages.sql"]
DATASETS = {
    "empty-join": ("tandem_empty_join", BOTH),
    "populated": ("tandem_populated", [*BOTH, SQL / "logins.sql"]),
}


@pytest.fixture(scope="session")
def database() -> Iterator[postgres.Postgres]:
    """The cluster with both databases."""
    with postgres.running() as cluster:
        for name, files in DATASETS.values():
            cluster.load(name, files)
        yield cluster


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """The address of the page that answers after 100 ms."""
    with nginx.page(postgres.free_port()) as address:
        yield address


@pytest.fixture(scope="session")
def checks(database: postgres.Postgres, upstream: str, request: pytest.FixtureRequest) -> Iterator[Checks]:
    """The checks of all services that this session asks for, several at a time and ahead of their tests."""
    wanted = [service for item in request.session.items for service in _services_of(item)]
    with Checks(wanted, database, upstream) as running:
        yield running


def _services_of(item: pytest.Item) -> list[Service]:
    """The service that a test asks the checks for, if it does."""
    if not isinstance(item, pytest.Function) or "checks" not in item.fixturenames:
        return []
    service = item.callspec.params["service"]
    assert isinstance(service, Service)
    return [service]

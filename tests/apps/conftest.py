"""A real PostgreSQL with both data sets, made once for all tests of apps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apps import postgres
from tests.apps.daemons import ROOT

SQL = ROOT / "roles" / "dataset" / "files"
DATASETS = {
    "empty-join": ("tandem_empty_join", [SQL / "agents.sql"]),
    "populated": ("tandem_populated", [SQL / "agents.sql", SQL / "logins.sql"]),
}


@pytest.fixture(scope="session")
def database() -> Iterator[postgres.Postgres]:
    """The cluster with both databases."""
    with postgres.running() as cluster:
        for name, files in DATASETS.values():
            cluster.load(name, files)
        yield cluster

"""The SQL of the dataset role: what the experiment's data must be."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.apps.postgres import Postgres

BOTH = ("tandem_empty_join", "tandem_populated")

FACTS = [
    pytest.param(
        "SELECT array_agg(id ORDER BY id) = array(SELECT generate_series(1, 50)) FROM agentfeatures", id="ids"
    ),
    pytest.param("SELECT bool_and(number = (299 + id)::text) FROM agentfeatures", id="numbers"),
    pytest.param("SELECT bool_and(context = 'default' AND numgroup = 1) FROM agentfeatures", id="constants"),
    pytest.param(
        "SELECT sum(length(firstname || lastname)) = 587 FROM agentfeatures", id="letters of the names"
    ),
    pytest.param(
        "SELECT count(DISTINCT (firstname, lastname)) = 50 FROM agentfeatures", id="different names"
    ),
    pytest.param(
        "SELECT array_agg(id ORDER BY id) = array(SELECT generate_series(1, 10000)) FROM message", id="messages"
    ),
    pytest.param("SELECT count(DISTINCT content) = 10000 AND bool_and(length(content) = 104) FROM message", id="texts"),
    pytest.param("SELECT nextval('agentfeatures_id_seq') > 50", id="sequence stands behind the rows"),
]


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("fact", FACTS)
def test_agents(fact: str, name: str, database: Postgres) -> None:
    assert database.psql("-c", fact, database=name) == "t"


@pytest.mark.parametrize(("name", "rows"), [("tandem_empty_join", "0"), ("tandem_populated", "50")])
def test_logins(name: str, rows: str, database: Postgres) -> None:
    joined = "SELECT count(*) FROM agentfeatures f JOIN agent_login_status s ON f.id = s.agent_id"
    assert database.psql("-c", joined, database=name) == rows


@pytest.mark.parametrize("statement", ["DELETE FROM agentfeatures", "CREATE TABLE mine (id integer)"])
def test_the_reader_cannot_write(statement: str, database: Postgres) -> None:
    environment = {**os.environ, **database.environment("tandem_populated")}
    done = subprocess.run(
        [str(database.bin_dir / "psql"), "-Xc", statement],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "permission denied" in done.stderr

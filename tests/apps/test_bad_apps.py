"""Daemons that do something wrong, as small as can be: each is named in one sentence, and its log says more."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import tandem_daemon

from collectors.plan.constants import DATASETS
from tests.apps.daemons import Daemon, running
from tests.apps.folders import change, new_app, service_of
from tests.apps.postgres import Postgres, free_port, slot_account
from tests.apps.together import checked

ROUTE = '@app.get("/index")\n'
DRIVER = "psycopg2-binary==2.9.13\n"
ACCOUNT = slot_account(3)
LEAKS = "import psycopg2\n\nkept = []\n\n"
DIES = """
import itertools
import os

asked = itertools.count(1)


@app.before_request
def die() -> None:
    if next(asked) > 20:
        os._exit(7)


"""
ENDS = """
import itertools
import os

asked = itertools.count(1)


@app.after_request
def end(response: Response) -> Response:
    if next(asked) == 20:
        response.call_on_close(lambda: os._exit(7))
    return response


"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_app(tmp_path)


def found_of(folder: Path, database: Postgres) -> tuple[dict[str, Any], str]:
    """What the check says of /index, and the daemon's log."""
    service, environment = service_of(folder), database.environment(DATASETS["empty-join"], ACCOUNT)
    with running(service, free_port(), environment, apps=folder.parent) as daemon:
        return checked(service, daemon, "index", "empty-join", lambda: database.sessions(ACCOUNT)), ended(daemon)


def ended(daemon: Daemon) -> str:
    if daemon.alive():
        daemon.stop()
    return daemon.output()


def message(found: dict[str, Any], kind: str) -> str:
    assert (found["ok"], found["failure"]["kind"]) == (False, kind)
    said = str(found["failure"]["message"])
    assert "\n" not in said
    return said


def test_a_daemon_that_leaks_database_sessions(folder: Path, database: Postgres) -> None:
    change(folder, "requirements.txt", "blinker", f"{DRIVER}blinker")
    change(folder, "app.py", ROUTE, f"{LEAKS}{ROUTE}")
    change(folder, "app.py", "    return", '    kept.append(psycopg2.connect(""))\n    return')
    said = message(found_of(folder, database)[0], "wrong-answer")
    assert said == "GET /index: expected at most 0 open database sessions after 51 replies, found 51"
    assert database.sessions_after_closing(ACCOUNT) == 0


@pytest.mark.parametrize("fault", [DIES, ENDS], ids=["within", "between"])
def test_a_daemon_whose_workers_die_and_are_replaced(fault: str, folder: Path, database: Postgres) -> None:
    """Within a request the reply is missing; between two of them that may be seen, or only that a process has gone."""
    change(folder, "app.py", ROUTE, f"{fault}{ROUTE}")
    found, log = found_of(folder, database)
    assert re.match(
        r"GET /index: expected (a reply, found .* \(reply \d+ of 50\)|every worker to live on, found \d of \d proc)",
        message(found, "wrong-answer"),
    )
    assert "exited with code 7" in log


def test_a_daemon_that_dies_whole(folder: Path, database: Postgres) -> None:
    change(folder, "app.py", ROUTE, f"{DIES}{ROUTE}".replace("os._exit(7)", "os.kill(os.getppid(), 9) or os._exit(7)"))
    found, _ = found_of(folder, database)
    assert "; the daemon has ended" in message(found, "wrong-answer")


def test_replies_that_differ_from_the_contract(folder: Path, database: Postgres) -> None:
    change(folder, "app.py", "json.dumps(", 'json.dumps(separators=(",", ":"), obj=')
    said = message(found_of(folder, database)[0], "wrong-answer")
    assert said.startswith("GET /index: expected a body of 18 bytes, found 17; waited ")


def test_a_requirement_that_the_code_imports_and_nobody_lists(folder: Path, database: Postgres) -> None:
    change(folder, "app.py", ROUTE, f"{LEAKS}{ROUTE}")
    found, log = found_of(folder, database)
    assert message(found, "did-not-start").endswith("; the daemon has ended")
    assert "ModuleNotFoundError: No module named 'psycopg2'" in log


def test_a_requirement_that_another_needs_and_nobody_lists(folder: Path, database: Postgres) -> None:
    change(folder, "requirements.txt", "click", "# click")
    with pytest.raises(AssertionError, match=r"flask 3\.1\.3 requires click, which is not installed\."):
        found_of(folder, database)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = f"port {port} on 127.0.0.1 cannot be used: Address already in use"
        assert tandem_daemon.port_holder("127.0.0.1", port) == said
    assert tandem_daemon.port_holder("127.0.0.1", port) is None

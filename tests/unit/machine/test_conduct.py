"""What a daemon does beside answering: its processes, the database sessions that it keeps."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tandem_conduct
from tandem_conduct import hold, no_more_than, sessions_at

from tests.unit.contract.servers import reply, serving

HELLO = {"hello": "world"}
CONTRACT: dict[str, Any] = {
    "method": "GET", "path": "/index", "status": 200, "content_type": "application/json", "json": {"equals": HELLO},
    "body_bytes": 18, "requests": 5, "sessions": 2,
}


def held(
    *, processes: Callable[[], set[int]] = lambda: {1}, sessions: Callable[[], int] = lambda: 0, **changes: Any
) -> dict[str, Any]:
    with serving(lambda _: reply(HELLO), closes=False) as server:
        return hold({**CONTRACT, **changes}, ("127.0.0.1", server.port), 5, alive=lambda: True, processes=processes,
                    sessions=sessions)


def failure_of(found: dict[str, Any]) -> str:
    assert not found["ok"]
    return str(found["failure"]["message"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_conduct, "SESSIONS_S", 0.1)


def test_one_that_does_all_right_is_held() -> None:
    found = held(processes=lambda: {1, 2}, sessions=lambda: 2)
    assert (found["ok"], found["requests"], found["failure"]) == (True, 5, None)


def numbers(*sets: set[int]) -> Callable[[], set[int]]:
    left: Iterator[set[int]] = iter(sets)
    return lambda: next(left)


def test_a_worker_that_ended_is_found_though_another_took_its_place() -> None:
    said = failure_of(held(processes=numbers({1, 2, 3}, {1, 3, 4})))
    assert said == "GET /index: expected every worker to live on, found 1 of 3 processes ended during 6 replies"


def test_a_worker_that_starts_late_is_no_fault() -> None:
    assert held(processes=numbers({1, 2}, {1, 2, 3}))["ok"]


def test_more_sessions_than_the_pools_hold_are_a_fault() -> None:
    said = failure_of(held(sessions=lambda: 6))
    assert said == "GET /index: expected at most 2 open database sessions after 6 replies, found 6"


def test_a_contract_that_says_nothing_of_sessions_is_not_asked() -> None:
    def never() -> int:
        raise AssertionError

    with serving(lambda _: reply(HELLO), closes=False) as server:
        contract = {key: value for key, value in CONTRACT.items() if key != "sessions"}
        assert hold(contract, ("127.0.0.1", server.port), 5, alive=lambda: True, processes=set, sessions=never)["ok"]


def test_a_wrong_reply_comes_first() -> None:
    assert "expected a body of 17 bytes, found 18" in failure_of(held(body_bytes=17, sessions=lambda: 9))


def test_a_session_that_is_being_closed_is_waited_for() -> None:
    left = iter((3, 2, 0))
    assert no_more_than(1, lambda: next(left), 5) is None


def test_open_connections_are_counted_at_their_own_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert sessions_at(port) == 0
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            assert sessions_at(port) == 1


def test_neither_listeners_nor_ends_of_others_are_counted(tmp_path: Path) -> None:
    lines = ["  sl  local_address rem_address   st", " 0: 0100007F:1542 00000000:0000 0A",
             " 1: 0100007F:1542 0100007F:9C40 01", " 2: 0100007F:9C40 0100007F:1542 01",
             " 3: 0100007F:1542 0100007F:9C42 06"]
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/tcp").write_text("\n".join(lines) + "\n")
    assert sessions_at(5442, str(tmp_path)) == 1

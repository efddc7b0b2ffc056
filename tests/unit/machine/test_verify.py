"""What verifying one daemon does in which order, and the lines that it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tandem_daemon
import tandem_verify

CONTRACTS = [{"path": "/index"}, {"path": "/agents"}]
CHECKS = [
    {"dataset": "empty-join", "database": "one", "contracts": CONTRACTS},
    {"dataset": "populated", "database": "two", "contracts": CONTRACTS},
]
SERVICE = {"id": "a", "unit": "tandem-a.service", "port": 8000, "keep_alive": True, "checks": CHECKS}
PARAMS: dict[str, Any] = {"run": {"id": "a", "bind": "127.0.0.1"}, "service": SERVICE, "database_port": 5442}
GOOD = {"ok": True, "failure": None, "body_bytes": 18, "requests": 50, "keep_alive": True}
Answer = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the daemon, in order; nothing of it is real."""
    done: list[str] = []

    def ended(_unit: str) -> None:
        done.append("end")

    monkeypatch.setattr(tandem_verify, "end_gently", ended)
    monkeypatch.setattr(tandem_verify, "properties", lambda _: {"InvocationID": "x"})
    monkeypatch.setattr(tandem_verify, "log_of", lambda _: "\n".join(f"line {number}" for number in range(30)))
    monkeypatch.setattr(tandem_verify, "own_sessions", lambda _: 0)
    monkeypatch.setattr(tandem_verify, "LEFT_S", 0.0)
    return done


def verified(
    monkeypatch: pytest.MonkeyPatch, calls: list[str], answer: Answer = lambda *_: GOOD, params: dict[str, Any] = PARAMS
) -> dict[str, Any]:
    def checked(_: object, contract: dict[str, Any], *, running: bool, database: str) -> dict[str, Any]:
        calls.append(f"{'ask' if running else 'start and ask'} {database}{contract['path']}")
        return answer(database, contract["path"])

    monkeypatch.setattr(tandem_verify, "checked", checked)
    return tandem_verify.verify(params)


def failed(kind: str, message: str) -> dict[str, Any]:
    return {**GOOD, "ok": False, "failure": {"kind": kind, "message": message}}


def test_each_endpoint_is_asked_on_each_data_set(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    found = verified(monkeypatch, calls)
    once = ["start and ask one/index", "ask one/agents", "end"]
    assert calls == [*once, *(call.replace("one", "two") for call in once)]
    ok = "ok (18 bytes, connections kept, 102 replies)"
    assert (found["ok"], found["msg"]) == (True, [f"a /index: {ok}", f"a /agents: {ok}"])


def test_a_fault_is_one_line_and_the_log_follows(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    def answer(database: str, path: str) -> dict[str, Any]:
        return failed("wrong-answer", f"GET {path}: no") if (database, path) == ("two", "/index") else GOOD

    found = verified(monkeypatch, calls, answer)
    assert not found["ok"]
    assert found["msg"][:2] == ["a /index: FAILED on populated: GET /index: no",
                                "a /agents: ok (18 bytes, connections kept, 102 replies)"]
    assert found["msg"][2:] == [f"  | line {number}" for number in range(18, 30)]


def test_one_that_does_not_start_is_not_asked_for_more(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    found = verified(monkeypatch, calls, lambda *_: failed("did-not-start", "it ended"))
    assert calls == ["start and ask one/index", "end", "start and ask two/index", "end"]
    assert found["msg"][0] == "a /index: FAILED on empty-join: it ended"


@pytest.mark.parametrize(("says", "seen"), [(True, "closed"), (False, "that stay open")])
def test_connections_are_what_the_launcher_says(
    monkeypatch: pytest.MonkeyPatch, calls: list[str], *, says: bool, seen: str
) -> None:
    params = {**PARAMS, "service": {**SERVICE, "keep_alive": says}}
    found = verified(monkeypatch, calls, lambda *_: {**GOOD, "keep_alive": not says}, params)
    assert f"after a reply, found connections {'that are ' if says else ''}{seen}" in found["msg"][0]


def test_sessions_that_are_left_behind_are_counted(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    monkeypatch.setattr(tandem_verify, "own_sessions", lambda _: 3)
    found = verified(monkeypatch, calls)
    said = [line for line in found["msg"] if "FAILED" in line]
    assert said == [f"a: FAILED on {name}: expected no database session after its end, found 3"
                    for name in ("empty-join", "populated")]


def test_good_answers_that_are_counted_begin_with_a_start(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    contracts = [{"path": "/index"}, {"path": "/agents", "answers": 60}]
    params = {**PARAMS, "service": {**SERVICE, "checks": [{**CHECKS[0], "contracts": contracts}]}}
    verified(monkeypatch, calls, params=params)
    assert calls == ["start and ask one/index", "start and ask one/agents", "end"]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("success", None),
        ("timeout", "expected it to end well when asked to, found it had to be killed after its grace"),
        ("core-dump", "expected it to end well when asked to, found core-dump"),
    ],
)
def test_how_it_ended_is_said(monkeypatch: pytest.MonkeyPatch, result: str, said: str | None) -> None:
    monkeypatch.setattr(tandem_daemon, "systemctl", lambda *_: None)
    monkeypatch.setattr(tandem_daemon, "properties", lambda _: {"Result": result})
    assert tandem_daemon.end_gently("tandem-a.service") == said

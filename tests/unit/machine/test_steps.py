"""What a run's first step does with the daemon, and whose counters are taken."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import tandem_daemon
import tandem_steps

SERVICE: dict[str, Any] = {"unit": "tandem-a.service", "port": 8000, "front": None}
CONTRACT = {"requests": 5, "body_bytes": 18}
EXHAUSTED = {**CONTRACT, "answers": 60}
RUN: dict[str, Any] = {"id": "0001-a", "bind": "127.0.0.1", "contract": CONTRACT}
PARAMS: dict[str, Any] = {
    "run": RUN, "service": SERVICE, "units": ["tandem-a.service"], "workers": 2, "start_timeout_s": 1,
    "machine": "server", "serves": True, "database_port": 5442,
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the daemon, in order; nothing of it is real."""
    done: list[str] = []

    def checked(*_: object, **__: object) -> dict[str, Any]:
        done.append("check")
        return {"ok": True, "requests": 5}

    monkeypatch.setattr(tandem_steps, "start", lambda **_: done.append("start"))
    monkeypatch.setattr(tandem_steps, "listening", lambda *_: done.append("wait"))
    monkeypatch.setattr(tandem_steps, "hold", checked)
    return done


def test_a_daemon_is_checked_once_it_is_started(calls: list[str]) -> None:
    assert tandem_steps.checked(PARAMS, CONTRACT)["ok"]
    assert calls == ["start", "check"]


def test_a_daemon_that_runs_is_not_started_again(calls: list[str]) -> None:
    assert tandem_steps.checked(PARAMS, CONTRACT, running=True)["ok"]
    assert calls == ["check"]


def test_a_daemon_that_the_check_exhausts_is_started_again(calls: list[str]) -> None:
    found = tandem_steps.checked(PARAMS, EXHAUSTED)
    assert (found["ok"], calls) == (True, ["start", "check", "start", "wait"])


def test_one_that_does_not_come_again_did_not_start(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_steps, "listening", lambda *_: "nothing listened")
    found = tandem_steps.checked(PARAMS, EXHAUSTED)
    assert (found["ok"], found["failure"]) == (False, {"kind": "did-not-start", "message": "again: nothing listened"})


@pytest.mark.parametrize(
    ("front", "serves", "unit"),
    [
        (None, True, "tandem-a.service"),
        ({"slice": "tandem-a.slice"}, True, "tandem-a.slice"),
        ({"slice": "tandem-a.slice"}, False, None),
    ],
)
def test_the_counters_of_a_daemon_are_those_of_its_front_too(
    front: dict[str, str] | None, *, serves: bool, unit: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0001-a" / "counters").mkdir(parents=True)
    asked = []

    def snapshot(*words: object) -> dict[str, Any]:
        asked.append(words)
        return {}

    monkeypatch.setattr(tandem_steps, "snapshot", snapshot)
    service = {**SERVICE, "front": front}
    tandem_steps.take_counters({**PARAMS, "service": service, "serves": serves, "base": str(tmp_path)}, "before")
    assert asked == [("server", "before", unit)]


def test_waiting_for_a_daemon_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert tandem_daemon.listening("127.0.0.1", port, 5) is None
    assert tandem_daemon.listening("127.0.0.1", port, 0.1) == f"nothing listened on 127.0.0.1:{port} within 0.1 s"

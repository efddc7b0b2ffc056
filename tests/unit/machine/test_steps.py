"""What a run's first step does with the daemon, and whose counters are taken."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tandem_daemon
import tandem_steps
from ansible.module_utils.tandem_profile import RestoredError

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
    monkeypatch.setattr(tandem_steps, "require_timer", lambda: None)
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


def test_a_machine_that_was_put_back_starts_no_daemon(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def put_back() -> None:
        raise RestoredError("it was put back")

    monkeypatch.setattr(tandem_steps, "require_timer", put_back)
    with pytest.raises(RestoredError):
        tandem_steps.checked(PARAMS, CONTRACT)
    assert calls == []


def test_sessions_of_others_are_not_the_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's own three are there before the daemon starts; its two come on top, and one of the three ends."""
    there = {"now": 3}
    monkeypatch.setattr(tandem_steps, "require_timer", lambda: None)
    monkeypatch.setattr(tandem_steps, "sessions_at", lambda _: there["now"])
    monkeypatch.setattr(tandem_steps, "start", lambda *, alone, **_: alone())
    seen: list[int] = []

    def hold(*_: object, sessions: Any, **__: object) -> dict[str, Any]:
        for there["now"] in (5, 4, 2):
            seen.append(sessions())
        return {"ok": True}

    monkeypatch.setattr(tandem_steps, "hold", hold)
    params = dict(PARAMS)
    assert tandem_steps.checked(params, CONTRACT)["ok"]
    assert seen == [2, 1, 0]


def test_others_are_counted_when_no_daemon_of_the_bench_runs_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
        done.append(words[0])
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(tandem_daemon, "systemctl", systemctl)
    monkeypatch.setattr(tandem_daemon, "RUNTIME_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    unit = "tandem-a.service"
    assert tandem_daemon.start(unit=unit, units=[unit], bind="127.0.0.1", port=port, workers=2,
                               alone=lambda: done.append("count")) is None
    assert done == ["stop", "reset-failed", "count", "start"]


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

"""Which runs are watched, what of, and for how long: nothing here starts a unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tandem_steps

SERVICE: dict[str, Any] = {"unit": "tandem-a.service", "port": 8000, "front": None}
PROXIED = {**SERVICE, "front": {"slice": "tandem-a.slice"}}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in order."""
    calls: list[str] = []

    def says(name: str, answer: Any = None) -> Any:
        def call(*_: object, **__: object) -> Any:
            calls.append(name)
            return answer
        return call

    monkeypatch.setattr(tandem_steps, "start_watch", lambda _params, _folder, unit: calls.append(f"watch {unit}"))
    for name, answer in {
        "end_watch": None, "stop_leftover": None, "take_counters": None, "checked": {"ok": True}, "end_now": None,
        "properties": {}, "log_of": "", "packed": "",
    }.items():
        monkeypatch.setattr(tandem_steps, name, says(name, answer))
    return calls


def params(base: Path, service: dict[str, Any] = SERVICE, *, serves: bool = True, **run: Any) -> dict[str, Any]:
    return {
        "base": str(base / "runs"), "run": {"id": "0001-a", "contract": {}, **run},
        "service": service, "serves": serves, "machine": "server" if serves else "client", "profile": "stock",
    }


@pytest.mark.parametrize(
    ("service", "unit"), [(SERVICE, "tandem-a.service"), (PROXIED, "tandem-a.slice")], ids=["alone", "with a front"]
)
def test_a_run_that_measures_memory_is_watched_once_its_daemon_is_checked(
    service: dict[str, Any], unit: str, done: list[str], tmp_path: Path
) -> None:
    assert tandem_steps.begin(params(tmp_path, service, measures="memory"))["ok"]
    assert done[-3:] == ["checked", "take_counters", f"watch {unit}"]


def test_what_a_lost_controller_left_is_ended_before_anything_begins(done: list[str], tmp_path: Path) -> None:
    tandem_steps.begin(params(tmp_path))
    assert done[:2] == ["stop_leftover", "end_watch"]


@pytest.mark.parametrize("changes", [{}, {"serves": False, "measures": "memory"}], ids=["other runs", "the client"])
def test_nothing_else_is_watched(changes: dict[str, Any], done: list[str], tmp_path: Path) -> None:
    tandem_steps.begin(params(tmp_path, **changes))
    assert not [call for call in done if call.startswith("watch")]


def test_a_daemon_that_gives_wrong_answers_is_not_watched(
    done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tandem_steps, "checked", lambda *_, **__: {"ok": False, "failure": {"message": "no"}})
    assert tandem_steps.begin(params(tmp_path, measures="memory")) == {"ok": False, "message": "no"}
    assert not [call for call in done if call.startswith("watch")]


@pytest.mark.parametrize(("run", "first"), [({"measures": "memory"}, "end_watch"), ({}, "take_counters")])
def test_the_watch_ends_before_the_daemon_does(
    run: dict[str, Any], first: str, done: list[str], tmp_path: Path
) -> None:
    given = params(tmp_path, **run)
    (tmp_path / "runs/0001-a").mkdir(parents=True)
    assert tandem_steps.end(given)["ok"]
    assert done[0] == first
    assert done.index("end_now") > done.index(first)

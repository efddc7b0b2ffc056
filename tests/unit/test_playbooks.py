"""What playbooks decide by themselves, read from their files and rendered as Ansible would."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"


def plays(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((PLAYBOOKS / name).read_text(encoding="utf-8"))
    return found


def task(name: str, title: str) -> dict[str, Any]:
    (found,) = [each for play in plays(name) for each in play.get("tasks", []) if each["name"] == title]
    return dict(found)


def rendered(text: str, **values: Any) -> Any:
    environment = NativeEnvironment()
    environment.tests["exists"] = os.path.exists
    return environment.from_string(text).render(**values)


@pytest.mark.parametrize(
    ("recorded", "when", "folder"),
    [(False, "before", "campaign"), (True, "before", "session"), (True, "after", "campaign")],
)
def test_canaries_after_the_first_run_are_not_those_before_it(
    recorded: bool, when: str, folder: str, tmp_path: Path  # noqa: FBT001 - a table's column
) -> None:
    """Also in a folder that has none yet: it is from before there were canaries, or they were left out."""
    if recorded:
        (tmp_path / "journal.jsonl").write_text("{}\n")
    names = task("canaries.yml", "Choose the folder of these canaries")["vars"]
    session = str(tmp_path / "sessions/x")
    values: dict[str, Any] = {"results_dir": str(tmp_path), "session_dir": session, "canary_when": when}
    for name, text in names.items():
        values[name] = rendered(text, **values)
    assert values["__canary_base"] == {"campaign": str(tmp_path), "session": session}[folder]


@pytest.mark.parametrize(("journal", "active", "good"), [(False, 3, True), (True, 3, False), (False, 0, False)])
def test_a_server_that_a_campaign_has_is_not_verified(
    journal: bool, active: int, good: bool  # noqa: FBT001 - a table's columns
) -> None:
    asked = task("verify.yml", "Look whether the machine waits to be put back, and whether the bench's PostgreSQL runs")
    assert asked["ansible.builtin.command"]["argv"][3:] == ["tandem-restore.timer", "postgresql@*-tandem.service"]
    that = task("verify.yml", "Refuse a machine that a campaign has")["ansible.builtin.assert"]["that"]
    found = rendered(
        "{{ " + that + " }}",
        __verify_found={"results": [{"stat": {"exists": journal}}]},
        __verify_active={"rc": active},
    )
    assert found is good


def test_verifying_puts_back_the_server_alone() -> None:
    (back,) = [play for play in plays("verify.yml") if play.get("ansible.builtin.import_playbook") == "restore.yml"]
    (hosts,) = [play["hosts"] for play in plays("restore.yml")]
    assert rendered(hosts, **back["vars"]) == "server"
    assert rendered(hosts) == "server:client"

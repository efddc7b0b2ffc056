"""What playbooks decide by themselves, read from their files and rendered as Ansible would."""

from __future__ import annotations

import json
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


def task_of(name: str, title: str) -> dict[str, Any]:
    """The same in a file of tasks."""
    (found,) = [each for each in plays(name) if each["name"] == title]
    return dict(found)


def rendered(text: str, **values: Any) -> Any:
    environment = NativeEnvironment()
    environment.tests["exists"] = os.path.exists
    environment.tests["changed"] = lambda result: bool(result.get("changed"))
    environment.tests["skipped"] = lambda result: bool(result.get("skipped"))
    environment.filters["from_json"] = json.loads
    return environment.from_string(text).render(**values)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(
    ("recorded", "when", "folder"),
    [(False, "before", "campaign"), (True, "before", "session"), (True, "after", "campaign")],
)
@pytest.mark.parametrize(
    ("playbook", "title", "what"),
    [
        ("canaries.yml", "Choose the folder of these canaries", "canary"),
        ("link.yml", "Choose the folder of this check", "link"),
    ],
)
def test_what_is_measured_after_the_first_run_is_not_kept_as_before_it(
    playbook: str,
    title: str,
    what: str,
    recorded: bool,  # noqa: FBT001 - a table's column
    when: str,
    folder: str,
    kept: bool,  # noqa: FBT001 - a table's column
    tmp_path: Path,
) -> None:
    """Also in a folder that has none yet: it was left out in the first session, and cannot be measured later."""
    if recorded:
        (tmp_path / "journal.jsonl").write_text("{}\n")
    if kept:
        (tmp_path / "link/before").mkdir(parents=True)
        (tmp_path / "link/before/forward.json").write_text("{}\n")
    chosen = task(playbook, title)
    session = str(tmp_path / "sessions/x")
    values: dict[str, Any] = {"results_dir": str(tmp_path), "session_dir": session, f"{what}_when": when}
    for name, text in chosen["vars"].items():
        values[name] = rendered(text, **values)
    (place,) = (text for text in chosen["ansible.builtin.set_fact"].values())
    assert rendered(place, **values).startswith({"campaign": f"{tmp_path}", "session": session}[folder])
    assert ("/sessions/" in rendered(place, **values)) is (folder == "session")


CHANGED, SAME = {"changed": True}, {"changed": False}
ROW = {"key": "net.core.somaxconn"}


@pytest.mark.parametrize(
    ("profile", "applied", "put_back", "written", "state"),
    [
        ("only", [], [], SAME, "started"),          # the same profile again
        ("only", [], [], CHANGED, "restarted"),     # other settings of PostgreSQL
        ("only", [ROW], [], SAME, "restarted"),     # the kernel's: it keeps some of those that it was started under
        ("only", [], [ROW], SAME, "restarted"),
        ("first of two", [ROW], [], SAME, "started"),   # it was restarted with the other one's
        ("second of two", [ROW], [], SAME, "restarted"),
    ],
)
def test_tuning_again_restarts_postgresql_where_it_has_to(
    profile: str, applied: list[Any], put_back: list[Any], written: dict[str, Any], state: str
) -> None:
    names = ["only"] if profile == "only" else ["first of two", "second of two"]
    given = task_of("tasks/database.yml", "Start PostgreSQL with the profile's settings")["vars"]
    restart = rendered(
        given["postgresql_restart"],
        profile={"name": profile},
        tandem_profiles=[{"name": name} for name in names],
        kernel_outcome={"changed": True, "report": {"applied": applied, "put_back": put_back}},
    )
    start = task_of("../roles/postgresql/tasks/tune.yml", "Start the cluster with them")
    wanted = start["ansible.builtin.systemd_service"]["state"]
    assert rendered(wanted, __postgresql_written=written, postgresql_restart=restart) == state


def test_without_a_kernel_that_was_tuned_only_its_own_settings_restart_postgresql() -> None:
    given = task_of("tasks/database.yml", "Start PostgreSQL with the profile's settings")["vars"]
    assert rendered(given["postgresql_restart"], profile={"name": "only"}, tandem_profiles=[{"name": "only"}]) is False


def test_a_campaign_that_its_baseline_refuses_is_not_among_the_results() -> None:
    """It is frozen in a temporary place and held against the baseline before it is frozen for good."""
    titles = [each["name"] for each in plays("tasks/plan.yml")]
    tried = task_of("tasks/plan.yml", "Try the plan against the baseline")
    assert titles.index(tried["name"]) < titles.index("Freeze the plan")
    freeze, check = tried["block"]
    assert "__plan_check.path" in freeze["ansible.builtin.command"]["argv"]
    assert check["vars"]["baseline_dir"] == "{{ (__plan_tried.stdout | from_json).directory }}"
    (argv,) = (each["ansible.builtin.command"]["argv"] for each in plays("tasks/baseline.yml"))
    assert "baseline_dir | default(results_dir)" in argv
    (remove,) = tried["always"]
    assert remove["ansible.builtin.file"]["state"] == "absent"


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


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"until": "p99", "_raw_params": "interval < 5%"}, "p99 interval < 5%"),
        ({"until": "p99 interval < 5%"}, "p99 interval < 5%"),
        ({"until": "p99<5%"}, "p99<5%"),
        ({}, ""),
        ({"_raw_params": "something else"}, ""),
    ],
)
def test_what_ansible_cuts_off_a_condition_is_put_back(given: dict[str, str], words: str) -> None:
    """It takes -e until='p99 interval < 5%' for a variable and some words."""
    names = yaml.safe_load((PLAYBOOKS / "group_vars/all.yml").read_text(encoding="utf-8"))
    assert rendered(names["tandem_until"], **given) == words
    empty = {"groups": {}, "hostvars": {}, "apps": "", "a": "", "b": "", "overrides": {}, "at_most_blocks": 12}
    text = names["tandem_plan_words"].split("+ (overrides")[0] + "}}"
    argv = rendered(text.replace("| map('extract', hostvars, 'bench_address')", ""), tandem_until=words, **empty)
    assert argv[4:] == [*([f"--until={words}"] if words else []), "--at-most-blocks", "12"]


@pytest.mark.parametrize(
    ("look", "goes_on"),
    [(None, False), ({"go_on": True, "text": ""}, True), ({"go_on": False, "text": ""}, False)],
    ids=["blocks are fixed", "not narrow", "narrow"],
)
def test_another_stretch_follows_a_look_that_says_so_and_no_other(
    look: dict[str, Any] | None, goes_on: bool  # noqa: FBT001 - a table's column
) -> None:
    pending, _, taken, _, again = plays("tasks/stretch.yml")
    assert pending["ansible.builtin.command"]["argv"].startswith("{{ tandem_command + ['pending', ")
    assert again["ansible.builtin.include_tasks"] == "stretch.yml"
    plan: dict[str, Any] = {} if look is None else {"until": {}}
    measured = rendered("{{ " + taken["when"] + " }}", tandem_plan=plan)
    assert measured is (look is not None)
    values = {"__look": {"skipped": not measured, "stdout": json.dumps(look)}}
    conditions = again["when"]
    assert all(rendered("{{ " + each + " }}", **values) for each in conditions[: 1 if not measured else 2]) is goes_on

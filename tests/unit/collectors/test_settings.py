"""Settings as the runs read them back: a run without its profile in force, and how profiles differ."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from collectors.codec import to_json
from collectors.jsonio import dump
from collectors.record import record
from collectors.report.page import page
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.summarise import summarise
from collectors.tables import WIDTH, markdown, text
from tests.unit.collectors.builders import Campaign, Given, plan, write

SOMAXCONN, RANGE, GONE = "net.core.somaxconn", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_tw_recycle"
OWN = {SOMAXCONN: "4096", RANGE: "32768 60999", GONE: None}
TUNED: dict[str, Any] = {
    "name": "tuned", "description": "faster", "limits": {"nofile": 16384},
    "postgresql": {"work_mem": "8MB", "jit": "off"},
    "refused": {"net.ipv4.tcp_mem": "too much"},
    "kernel": {
        SOMAXCONN: {"value": "65535", "optional": False}, RANGE: {"value": "32768 60999", "optional": False},
        GONE: {"value": "1", "optional": True},
    },
}  # fmt: skip
STOCK: dict[str, Any] = {
    "name": "stock", "description": "as it came", "limits": {}, "postgresql": {}, "refused": {}, "kernel": {}
}


def document(*, several: bool = True) -> dict[str, Any]:
    """A plan of one daemon with the profiles stock and tuned, or tuned alone."""
    made = plan(rounds=("sustained",), blocks=1, services=("flask",))
    if not several:
        return {**made, "profile": TUNED}
    del made["profile"]
    runs = [
        {**run, "id": f"{run['id']}-{name}", "index": 0, "profile": name, "label": f"{run['label']}, {name}"}
        for run in made["runs"]
        for name in ("stock", "tuned")
    ]
    return {**made, "profiles": [STOCK, TUNED], "runs": [{**run, "index": n} for n, run in enumerate(runs, 1)]}


def said(machine: str, profile: str, **more: Any) -> dict[str, Any]:
    """What a machine says of a run in which all holds that can."""
    tuned = profile == "tuned"
    kernel = {**OWN, SOMAXCONN: "65535"} if tuned else OWN
    row = {"key": GONE, "wanted": "1", "why": "this kernel does not have it", "optional": True}
    server = {"nofile": 16384 if tuned else 1024, "postgresql": {"work_mem": "8MB" if tuned else "4MB", "jit": "off"}}
    return {
        "schema_version": 1, "machine": machine, "profile": profile, "kernel": kernel, "kernel_after": kernel,
        "asked": {**OWN, SOMAXCONN: "65535", GONE: "1"} if tuned else {SOMAXCONN: "4096", RANGE: "32768 60999"},
        "unavailable": [row] if tuned else [], "faults": [], **(server if machine == "server" else {}), **more,
    }  # fmt: skip


def recorded(directory: Path, *, several: bool = True, **changes: Mapping[str, Any]) -> ResultsFolder:
    """A campaign with all runs recorded; `changes` are to what machines say, keyed as in server_tuned."""
    campaign = Campaign(directory, document(several=several))
    report = {"report": {"unavailable": said("server", "tuned")["unavailable"]}}
    where = directory / ("profiles/tuned/machines" if several else "machines")
    for machine in ("server", "client"):
        write(where / f"settings-{machine}-report.json", report)
    for run in campaign.document["runs"]:
        folder = campaign.leave(run, Given())
        for machine in ("server", "client"):
            more = changes.get(f"{machine}_{run['profile']}", {})
            write(folder / f"settings-{machine}.json", said(machine, run["profile"], **copy.deepcopy(more)))
        record(ResultsFolder(directory), run["id"])
    return ResultsFolder(directory)


def verdicts(runs: tuple[Run, ...], profile: str) -> list[tuple[str, object, object]]:
    return [
        (each.what, each.value, each.limit)
        for run in runs
        if run.cell.profile == profile and run.cell.endpoint == "index"
        for verdict in run.verdicts
        if verdict.kind == "environment-changed"
        for each in verdict.evidence
    ]


@pytest.mark.parametrize("several", [True, False])
def test_a_run_whose_settings_hold_is_valid_also_where_a_machine_lacks_one(several: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    _, runs = summarise(recorded(tmp_path, several=several))
    assert {run.shown_verdict for run in runs} == {"valid"}


def test_a_run_that_does_not_say_what_held_is_not_ranked_where_profiles_change(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "several")
    gone = next(run for run in folder.plan.runs if run.cell.profile == "tuned" and run.cell.endpoint == "index")
    (folder.run_folder(gone.id) / "settings-client.json").unlink()
    _, runs = summarise(folder)
    assert verdicts(runs, "tuned") == [("the client's settings", "not on record", None)]
    assert verdicts(runs, "stock") == []
    alone = recorded(tmp_path / "one", several=False)
    for path in alone.directory.glob("runs/*/settings-client.json"):
        path.unlink()
    assert {run.shown_verdict for run in summarise(alone)[1]} == {"valid"}, "one profile, applied once for all runs"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"client_tuned": {"kernel": {**OWN, RANGE: "32768 60999"}}},
            (f"{SOMAXCONN} on the client", "4096", "asked: 65535"),
        ),
        (
            {"server_tuned": {"kernel_after": {**OWN, SOMAXCONN: "128"}}},
            (f"{SOMAXCONN} on the server", "128", "asked: 65535"),
        ),
        (
            {"server_tuned": {"kernel": {SOMAXCONN: "65535", RANGE: None}, "kernel_after": {}}},
            (f"{RANGE} on the server", "absent", "asked: 32768 60999"),
        ),
        (
            {"server_tuned": {"faults": ["PostgreSQL does not answer: no"]}},
            ("the server's settings", "PostgreSQL does not answer: no", None),
        ),
        ({"server_tuned": {"nofile": 1024}}, ("the daemon's open files", "1024", "asked: 16384")),
    ],
    ids=["before", "after", "gone", "fault", "open-files"],
)
def test_a_run_without_its_settings_in_force_is_not_ranked_and_says_which(
    changes: dict[str, Any], expected: tuple[str, str, str | None], tmp_path: Path
) -> None:
    summary, runs = summarise(recorded(tmp_path, **changes))
    assert verdicts(runs, "tuned") == [expected]
    assert verdicts(runs, "stock") == []
    assert {row.cell.profile: row.ranked for row in summary.tables[0].rows} == {"stock": True, "tuned": False}
    told = [each.advice for each in summary.warnings if each.kind == "environment-changed"]
    limit = "" if expected[2] is None else f" ({expected[2]})"
    assert told == [f"{expected[0]}: {expected[1]}{limit}, in 2 of 4 runs"]


def test_the_other_profiles_settings_must_be_gone(tmp_path: Path) -> None:
    _, runs = summarise(recorded(tmp_path, server_stock={"kernel": {**OWN, SOMAXCONN: "65535"}}))
    assert verdicts(runs, "stock") == [(f"{SOMAXCONN} on the server", "65535", "asked: 4096")]


def test_a_row_for_each_profile_beside_each_other(tmp_path: Path) -> None:
    summary, _ = summarise(recorded(tmp_path))
    rows = [(row.cell.endpoint, row.name) for row in summary.tables[0].rows]
    assert rows == [(endpoint, f"flask, {name}") for endpoint in ("index", "agents") for name in ("stock", "tuned")]
    assert summary.profile == "stock, tuned"
    for shown in (text(summary), markdown(summary)):
        assert "profiles stock, tuned" in shown
        assert "flask, tuned" in shown


def test_what_the_profiles_change_is_what_was_read_back(tmp_path: Path) -> None:
    table = summarise(recorded(tmp_path, client_tuned={"kernel": {**OWN, SOMAXCONN: "1024"}}))[0].profiles
    assert table is not None
    differing = [(row.setting, row.machines, dict(row.values)) for row in table.rows if row.differs]
    assert differing == [
        (SOMAXCONN, "server", {"stock": "4096", "tuned": "65535"}),
        (SOMAXCONN, "client", {"stock": "4096", "tuned": "1024"}),
        ("open files of the daemons", "server", {"stock": "1024", "tuned": "16384"}),
        ("PostgreSQL work_mem", "server", {"stock": "4MB", "tuned": "8MB"}),
    ]
    assert [(row.setting, row.machines) for row in table.rows if not row.differs] == [
        (RANGE, "both"), ("PostgreSQL jit", "server"),
    ]  # fmt: skip
    assert [(row.profile, row.setting, row.machines, row.why) for row in table.not_applied] == [
        ("tuned", GONE, "both", "this kernel does not have it"),
        ("tuned", "net.ipv4.tcp_mem", "both", "refused by the profile: too much"),
    ]


def test_text_markdown_and_page_show_the_table(tmp_path: Path) -> None:
    folder = recorded(tmp_path)
    summary, runs = summarise(folder)
    shown = text(summary)
    assert max(map(len, shown.splitlines())) <= WIDTH
    for form in (shown, markdown(summary), page(folder, summary, runs)):
        for word in ("What the profiles change", SOMAXCONN, "Not applied on these machines", "does not have it"):
            assert word in form
    assert "the same in all profiles: net.ipv4.ip_local_port_range, PostgreSQL jit" in shown
    assert "PostgreSQL: " not in page(folder, summary, runs)
    for part in ("flask-stock", "flask-tuned"):
        assert f'id="sustained-index-{part}"' in page(folder, summary, runs)
    assert dump(to_json(summarise(ResultsFolder(tmp_path))[0])) == dump(to_json(summary))


def test_one_profile_has_no_such_table(tmp_path: Path) -> None:
    folder = recorded(tmp_path, several=False)
    summary, runs = summarise(folder)
    assert summary.profiles is None
    assert [row.name for row in summary.tables[0].rows] == ["flask", "flask"]
    assert "What the profiles change" not in text(summary) + page(folder, summary, runs)


@pytest.mark.parametrize("content", ["{half", '{"schema_version": 9}', "[]"])
def test_a_damaged_file_is_a_finding_and_no_traceback(content: str, tmp_path: Path) -> None:
    folder = recorded(tmp_path)
    for path in tmp_path.glob("runs/*/settings-server.json"):
        path.write_text(content, encoding="utf-8")
    summary, runs = summarise(folder)
    assert all(any("settings-server.json" in each.where for each in run.findings) for run in runs)
    assert summary.profiles is not None

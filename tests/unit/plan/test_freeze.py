"""The frozen plan: its exact content, its folder, and what is pending."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan, find_versions, freeze, pending_runs
from collectors.plan.model import Versions
from collectors.plan.pending import read_plan
from tests.unit.plan.support import make_project

GOLDEN = Path(__file__).with_name("golden-campaign.json")
CREATED = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
VERSIONS = Versions(tandem="0.1.0", commit="abc", dirty=False)


def frozen(root: Path) -> dict[str, Any]:
    plan = build_plan(
        make_project(root), Request(campaign="small", settings=["blocks=1"], link_address="10.99.10.1")
    )
    return as_document(plan, versions=VERSIONS, created=CREATED)


def test_the_frozen_plan_is_the_golden_one(tmp_path: Path) -> None:
    """To accept an intended change, read the difference and put the new file in the old one's place."""
    folder = freeze(frozen(tmp_path), tmp_path / "results", CREATED)
    assert (folder / "campaign.json").read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8")


def test_latest_points_at_the_newest_folder(tmp_path: Path) -> None:
    results, document = tmp_path / "results", frozen(tmp_path)
    first = freeze(document, results, CREATED)
    assert first.name == "small-20260301T120005Z"
    second = freeze(document, results, CREATED)
    assert second.name == "small-20260301T120005Z-2"
    assert (results / "latest").readlink() == Path(second.name)
    assert sorted(path.name for path in results.iterdir()) == ["latest", first.name, second.name]
    assert [path.name for path in second.iterdir()] == ["campaign.json"]


def test_a_folder_called_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(PlanError, match="this is not a link; allowed: a link that tandem made, or nothing"):
        freeze({"campaign": "x"}, tmp_path, CREATED)
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_a_dangling_latest_is_repointed(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("gone")
    folder = freeze({"campaign": "x"}, tmp_path, CREATED)
    assert (tmp_path / "latest").readlink() == Path(folder.name)


def test_a_results_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_text("")
    with pytest.raises(
        PlanError, match=r"the results folder cannot be written: (File exists|Not a directory)"
    ):
        freeze({"campaign": "x"}, path, CREATED)


def test_versions_come_from_git(tmp_path: Path) -> None:
    assert find_versions(tmp_path).commit is None
    assert find_versions(tmp_path).dirty is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "one"], check=True)
    clean = find_versions(tmp_path)
    assert clean.commit is not None
    assert (len(clean.commit), clean.dirty) == (40, False)
    (tmp_path / "new").write_text("")
    assert find_versions(tmp_path).dirty is True


def finish(folder: Path, run_id: str) -> None:
    (folder / "runs" / run_id).mkdir(parents=True, exist_ok=True)
    (folder / "runs" / run_id / "run.json").write_text("{}")


def test_pending_runs_are_those_without_a_result(tmp_path: Path) -> None:
    folder = freeze(frozen(tmp_path), tmp_path / "results", CREATED)
    everything = pending_runs(folder)
    assert [run["position"] for run in everything] == [1, 2, 3, 4, 5, 6]
    assert {run["total"] for run in everything} == {6}
    left = [run["seconds_left"] for run in everything]
    assert left == sorted(left, reverse=True)
    assert left[0] == pytest.approx(sum(run["expected_s"] for run in everything))
    assert left[-1] == everything[-1]["expected_s"]
    finish(folder, everything[0]["id"])
    finish(folder, everything[3]["id"])
    (folder / "runs" / everything[4]["id"]).mkdir()
    rest = pending_runs(folder)
    assert [run["position"] for run in rest] == [2, 3, 5, 6]
    assert rest[0]["seconds_left"] == pytest.approx(sum(run["expected_s"] for run in rest))
    for run in rest:
        finish(folder, run["id"])
    assert pending_runs(folder) == []


@pytest.mark.parametrize("outcome", ["unreachable", "not-installable"])
def test_what_says_nothing_of_the_daemon_is_done_again(outcome: str, tmp_path: Path) -> None:
    folder = freeze(frozen(tmp_path), tmp_path / "results", CREATED)
    for run in pending_runs(folder):
        finish(folder, run["id"])
    (folder / "runs" / read_plan(folder)["runs"][2]["id"] / "run.json").write_text(json.dumps({"outcome": outcome}))
    (again,) = pending_runs(folder)
    assert again["position"] == 3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            None,
            "no frozen plan can be read here: No such file or directory; allowed: a folder that",
        ),
        (
            '{"schema_version": 1,',
            ", line 1: this is not whole JSON: Expecting property name enclosed in double quotes",
        ),
        ("[]", "schema version None is not known; allowed: 1"),
        ('{"schema_version": 2}', "schema version 2 is not known; allowed: 1"),
        ('{"schema_version": 1}', "it holds no list of runs"),
        ('{"schema_version": 1, "runs": [{}]}', "run number 1 has no usable 'id'"),
        (
            '{"schema_version": 1, "runs": [{"id": "a", "index": 1, "expected_s": "x"}]}',
            "run number 1 has no usable 'expected_s'",
        ),
        (
            '{"schema_version": 1, "runs": [{"id": "../a", "index": 1, "expected_s": 1}]}',
            "run number 1 has the id '../a', which is no folder's name",
        ),
    ],
    ids=[
        "missing",
        "truncated",
        "list",
        "newer",
        "no-runs",
        "no-id",
        "text-for-a-number",
        "a-path-for-an-id",
    ],
)
def test_a_damaged_plan_is_named(content: str | None, sentence: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "campaign.json").write_text(content)
    with pytest.raises(PlanError) as caught:
        pending_runs(tmp_path)
    assert sentence in str(caught.value)
    assert "campaign.json" in str(caught.value)


def test_every_number_in_a_frozen_plan_is_one_that_json_knows(tmp_path: Path) -> None:
    text = json.dumps(frozen(tmp_path), allow_nan=False)
    assert json.loads(text)["cost"] == {"runs": 6, "seconds": 68.0}

"""Baselines: what may be one, and what is refused before anything is measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Given
from tests.unit.collectors.comparisons import changed, document, machines, make
from tests.unit.collectors.tool_output import Snapshot, wrk_text

Change = Callable[[dict[str, Any]], None]
STOLEN = Given(wrk=wrk_text(), server=Snapshot(steal=0.1))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with one finished campaign in it, `before`."""
    make(tmp_path / "before", seed=1)
    return tmp_path


def tandem(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The exit status of a command, and all it said."""
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out + said.err


def accept(results: Path, capsys: pytest.CaptureFixture[str], name: str = "good") -> None:
    status, said = tandem(capsys, "baseline", "accept", results / "before", name)
    assert status == 0, said


def test_a_baseline_is_accepted_listed_compared_and_removed(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    kept = json.loads((results / "baselines" / "good.json").read_text(encoding="utf-8"))
    assert (kept["folder"], kept["usable"], kept["runs"]) == ("before", 10, 10)
    assert set(kept["machines"]) == {"server", "client"}
    status, said = tandem(capsys, "baseline", "list", "--results", results)
    assert (status, "good" in said, "10 of 10" in said) == (0, True, True)
    make(results / "slow", seed=2, speed=0.8)
    file = results / "baselines" / "good.json"
    assert tandem(capsys, "compare", file, results / "slow")[0] == 1
    assert tandem(capsys, "compare", file, results / "before")[0] == 0
    assert tandem(capsys, "baseline", "remove", "good", "--results", results)[0] == 0
    assert not file.exists()
    assert (results / "before").is_dir(), "its campaign stays"


def test_making_the_report_again_changes_no_baseline(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    assert tandem(capsys, "report", results / "before")[0] == 0
    status, said = tandem(capsys, "baseline", "show", "good", "--results", results)
    assert (status, said.strip()) == (0, str((results / "before").resolve()))
    accept(results, capsys)


def test_a_name_is_not_given_away(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    make(results / "other", seed=3)
    status, said = tandem(capsys, "baseline", "accept", results / "other", "good")
    assert (status, "the baseline good is before already" in said) == (2, True)
    status, said = tandem(capsys, "baseline", "accept", results / "other", "../good")
    assert (status, "is no name for a baseline" in said) == (2, True)


@pytest.mark.parametrize(
    ("special", "said"),
    [
        ({("django", 3): None}, "it is not finished: 1 of 10 runs are missing"),
        ({("django", n): STOLEN for n in range(1, 7)}, "has 4 usable of 10 runs (6 environment-changed)"),
        ({("django", 2): Given(wrk=wrk_text(status=900), server=Snapshot())}, "has 9 usable of 10 runs (1 errors)"),
    ],
    ids=["unfinished", "too few", "a broken one"],
)
def test_what_could_not_be_compared_is_no_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], special: dict[tuple[str, int], Given | None], said: str
) -> None:
    make(tmp_path / "bad", special=special)
    status, told = tandem(capsys, "baseline", "accept", tmp_path / "bad", "bad")
    assert status == 2
    assert "cannot be a baseline" in told
    assert said in told
    assert not (tmp_path / "baselines").exists()


def test_disturbed_runs_count_where_that_is_declared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "before", special={("django", n): STOLEN for n in range(1, 7)})
    words = ("baseline", "accept", tmp_path / "before", "good", "--use", "environment-changed")
    assert tandem(capsys, *words)[0] == 0


def test_an_unknown_baseline_is_refused_with_those_there_are(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    for action in (("show", "goud"), ("remove", "goud"), ("check", "goud", results / "before")):
        status, said = tandem(capsys, "baseline", *action, "--results", results)
        assert status == 2
        assert "unknown baseline 'goud' (did you mean 'good'?); allowed: good" in said


def test_a_changed_or_lost_campaign_is_no_baseline_any_more(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    raw = next(path for path in sorted((results / "before" / "runs").glob("*/*.txt")))
    whole = raw.read_text(encoding="utf-8")
    raw.write_text(whole + " ", encoding="utf-8")
    status, said = tandem(capsys, "baseline", "show", "good", "--results", results)
    assert (status, "is not what was accepted" in said) == (2, True)
    shutil.rmtree(results / "before")
    status, said = tandem(capsys, "compare", results / "baselines" / "good.json", results)
    assert (status, "campaign is gone" in said) == (2, True)


@pytest.mark.parametrize("text", ["{}", "no json", '{"kind": "baseline", "schema_version": 99}'])
def test_a_damaged_file_is_one_sentence(results: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    accept(results, capsys)
    (results / "baselines" / "good.json").write_text(text, encoding="utf-8")
    status, said = tandem(capsys, "baseline", "list", "--results", results)
    assert (status, said.count("\n"), "good.json" in said) == (2, 1, True)


def test_a_damaged_file_hides_no_other_baseline(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    (results / "baselines" / "bad.json").write_text("{}", encoding="utf-8")
    status = main(["baseline", "list", "--results", str(results)])
    said = capsys.readouterr()
    assert (status, "good" in said.out, said.err.count("\n"), "bad.json" in said.err) == (2, True, 1, True)


def planned(results: Path, change: Change) -> Path:
    """A campaign like the baseline's that is planned and not measured."""
    folder = changed(ResultsFolder(results / "before"), results / "planned", change)
    for name in ("runs", "machines"):
        shutil.rmtree(folder.directory / name, ignore_errors=True)
    return folder.directory


def test_a_campaign_of_the_same_kind_may_begin(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    folder = planned(results, lambda _: None)
    assert tandem(capsys, "baseline", "check", "good", folder, "--results", results) == (0, "")
    machines(folder)
    assert tandem(capsys, "baseline", "check", "good", folder, "--results", results) == (0, "")


def test_other_machines_are_refused(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    folder = planned(results, lambda _: None)
    machines(folder, server={"hostname": "somebody-else"})
    status, said = tandem(capsys, "baseline", "check", "good", folder, "--results", results)
    assert status == 2
    assert "is of other machines: the server's hostname was tandem-server and is somebody-else" in said


def few(plan_: dict[str, Any]) -> None:
    plan_["blocks"] = 1


def closed(plan_: dict[str, Any]) -> None:
    plan_["rounds"]["calibration"]["timeout_s"] = 99


def workers(plan_: dict[str, Any]) -> None:
    plan_["workers"] = 99


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        (few, (), "has 1 block(s), and a comparison with good takes 5"),
        (closed, ("--allow", "rounds"), "not comparable, whatever is allowed: rounds.calibration.timeout_s"),
        (workers, (), "not comparable: A and B differ in 1 thing not declared (campaign.workers)"),
    ],
)
def test_what_could_not_be_compared_is_refused_before_it_is_measured(
    results: Path, capsys: pytest.CaptureFixture[str], change: Change, words: tuple[str, ...], said: str
) -> None:
    accept(results, capsys)
    status, told = tandem(capsys, "baseline", "check", "good", planned(results, change), "--results", results, *words)
    assert status == 2
    assert said in told


def test_a_declared_difference_may_begin(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    words = ("--allow", "campaign.workers", "--results", results)
    assert tandem(capsys, "baseline", "check", "good", planned(results, workers), *words)[0] == 0


def test_another_daemon_is_no_cell_of_the_baseline(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept(results, capsys)
    make(results / "flask", plan_=document(services=("flask",)))
    words = ("--allow", "services", "--allow", "code", "--results", results)
    status, said = tandem(capsys, "baseline", "check", "good", results / "flask", *words)
    assert (status, "measured no cell of this campaign" in said) == (2, True)

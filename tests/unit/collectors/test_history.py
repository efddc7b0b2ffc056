"""Campaigns over time: the list, one metric, its change points, and what is said of folders that are damaged."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.compare.metrics import METRICS
from collectors.errors import TandemError
from collectors.history import CellFilter, Series, campaigns, over_time
from collectors.history.changes import LEAST, PENALTIES, change_places, normal_scores, penalty
from collectors.history.tables import campaigns_text, history_text, spark
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Given
from tests.unit.collectors.comparisons import changed, document, make
from tests.unit.collectors.tool_output import Snapshot, wrk_text

SPEEDS = (1.0,) * 6 + (0.8,) * 6
BLOCKS = 6


def execution(results: Path, number: int, **options: Any) -> str:
    """One execution of a campaign of six blocks, number by number a day later; returns its folder's name."""
    plan = document(blocks=options.pop("blocks", BLOCKS))
    plan["created_utc"] = f"2026-03-{number + 1:02d}T10:00:00Z"
    plan["campaign"] = options.pop("campaign", "quick")
    name = f"{plan['campaign']}-{number:02d}"
    make(results / name, seed=number, plan_=plan, **options)
    return name


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve campaigns: the last six a fifth slower, on another kernel."""
    results = tmp_path_factory.mktemp("series")
    for number, speed in enumerate(SPEEDS):
        execution(results, number, speed=speed, server={"kernel": "6.1.0" if speed == 1 else "6.12.9"})
    return results


@pytest.fixture
def results(series: Path, tmp_path: Path) -> Path:
    """The first two of them, to be changed."""
    for name in ("quick-00", "quick-01"):
        shutil.copytree(series / name, tmp_path / "results" / name)
    return tmp_path / "results"


def one(results: Path, metric: str = "rate", **cells: Any) -> Series:
    found = over_time(results, metric, CellFilter(**cells)).series
    assert len(found) == 1
    return found[0]


def test_campaigns_are_listed_oldest_first(series: Path) -> None:
    found = campaigns(series)
    assert [entry.folder for entry in found.entries] == [f"quick-{number:02d}" for number in range(12)]
    assert found.faults == []
    first = found.entries[0]
    assert (first.campaign, first.label, first.planned, first.recorded, first.counted) == (
        "quick", "virtual lab", BLOCKS, BLOCKS, BLOCKS,
    )  # fmt: skip
    assert first.verdict_counts() == {"valid": BLOCKS}
    line = campaigns_text(found).splitlines()[1]
    assert line.split() == ["2026-03-01", "10:00", "quick-00", "quick", "virtual", "lab", "6/6", "6", "valid"]


def test_the_newest_and_those_of_one_name(results: Path) -> None:
    execution(results, 5, campaign="smoke", blocks=1)
    assert [entry.folder for entry in campaigns(results, newest=2).entries] == ["quick-01", "smoke-05"]
    assert [entry.folder for entry in campaigns(results, campaign="quick").entries] == ["quick-00", "quick-01"]
    with pytest.raises(TandemError, match=r"unknown campaign 'quik' \(did you mean 'quick'\?\); allowed: quick, smoke"):
        campaigns(results, campaign="quik")


def test_a_metric_over_time_has_medians_with_intervals(series: Path) -> None:
    found = one(series, service="django", endpoint="agents", round="calibration", profile="tuned")
    assert len(found.points) == len(SPEEDS)
    for point, speed in zip(found.points, SPEEDS, strict=True):
        assert point.spread is not None
        assert (point.spread.n, point.runs, point.left_out) == (BLOCKS, BLOCKS, {})
        assert point.spread.median == pytest.approx(1200 * speed, rel=0.011)
        assert point.spread.low is not None
        assert point.spread.high is not None
        assert point.spread.low <= point.spread.median <= point.spread.high
    assert one(series, newest=3).points == found.points[-3:]
    assert "here are 3" in str(one(series, newest=3).note)


def test_a_percentile_that_only_some_replicates_have_is_no_point(results: Path) -> None:
    """Those with requests enough for one are the quicker ones: their median would not be the campaign's."""
    few = Given(wrk=wrk_text(rate=99.0, mean_ms=646), server=Snapshot())
    execution(results, 2, special={("django", 1): few})
    last = one(results, "p99").points[-1]
    assert (last.spread, last.left_out) == (None, {"no such figure": 1})
    rate = one(results).points[-1].spread
    assert rate is not None
    assert rate.n == BLOCKS


def test_a_change_is_named_with_what_else_differs(series: Path) -> None:
    found = over_time(series, "rate", CellFilter())
    (change,) = found.series[0].changes
    assert (change.before, change.after) == ("quick-05", "quick-06")
    assert change.effect == pytest.approx(0.8, rel=0.01)
    assert change.fault is None
    assert change.differences is not None
    assert [(each.key, each.a, each.b) for each in change.differences] == [("server.kernel", "6.1.0", "6.12.9")]
    shown = history_text(found)
    assert "Changed at quick-06 (2026-03-07 10:00)" in shown
    assert "server.kernel  6.1.0   6.12.9" in shown
    assert "no change point" not in shown.lower()


def test_without_a_change_none_is_named(series: Path, tmp_path: Path) -> None:
    results = tmp_path / "steady"
    for number in range(LEAST):
        target = results / f"quick-{number:02d}"
        shutil.copytree(series / f"quick-{number % 6:02d}", target)
    found = one(results)
    assert (len(found.points), found.changes, found.note) == (LEAST, (), None)
    assert "No change point" in history_text(over_time(results, "rate", CellFilter()))


def test_differences_of_other_services_and_rounds_are_left_out(series: Path, tmp_path: Path) -> None:
    """What another daemon or round was given says nothing of this cell; what this one was given does."""
    results = tmp_path / "results"
    shutil.copytree(series, results)
    shutil.rmtree(results / "quick-06")

    def change(plan: dict[str, Any]) -> None:
        other = {**plan["services"][0], "id": "flask", "app": "flask"}
        plan["services"] = [{**plan["services"][0], "env": {"THREADS": "2"}}, other]
        plan["rounds"]["light"] = {**plan["rounds"]["calibration"], "name": "light"}
        plan["workers"] = 4

    changed_folder = changed(ResultsFolder(series / "quick-06"), results / "quick-06", change)
    assert changed_folder.plan.workers == 4
    (found,) = one(results).changes
    assert found.differences is not None
    keys = [each.key for each in found.differences]
    assert keys == ["server.kernel", "campaign.workers", "services.django.env.THREADS"]


def test_another_program_of_the_app_whose_code_runs_is_among_the_differences(series: Path, tmp_path: Path) -> None:
    """A service may run another app's program; the digests are kept by whose code it is."""
    results = tmp_path / "results"
    shutil.copytree(series, results)
    for number in range(len(SPEEDS)):
        name = f"quick-{number:02d}"
        shutil.rmtree(results / name)

        def change(plan: dict[str, Any], late: bool = number >= len(SPEEDS) // 2) -> None:  # noqa: FBT001 - bound to this turn of the loop
            plan["services"][0]["code"] = "shared"
            plan["code"] = {"shared": {"program": "b" if late else "a"}, "django": {"program": "c" if late else "d"}}

        changed(ResultsFolder(series / name), results / name, change)
    (found,) = one(results).changes
    assert found.differences is not None
    assert [each.key for each in found.differences] == ["server.kernel", "code.shared.program"]


def test_a_folder_that_cannot_be_read_is_one_sentence(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = os.open

    def refuse(path: Any, *more: Any) -> int:
        if Path(path) == results:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *more)

    monkeypatch.setattr("collectors.history.store.os.open", refuse)
    assert main(["history", str(results)]) == 2
    assert capsys.readouterr().err == f"tandem: {results}: this folder cannot be read: Permission denied\n"


def test_another_version_of_the_generator_is_among_the_differences(series: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(series, results)
    for path in (results / "quick-06" / "runs").glob("*/run.json"):
        run = json.loads(path.read_text(encoding="utf-8"))
        run["load"]["tool_version"] = "4.2.0"
        path.write_text(json.dumps(run), encoding="utf-8")
    (found,) = one(results).changes
    assert found.differences is not None
    assert [(each.key, each.a, each.b) for each in found.differences][1:] == [
        ("rounds.calibration.generator_version", "wrk", "wrk 4.2.0")
    ]


def test_a_side_that_cannot_be_read_is_said(series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> dict[str, str]:
        raise TandemError("the facts are gone")

    monkeypatch.setattr("collectors.history.changes.environment", refuse)
    (found,) = one(series).changes
    assert (found.differences, found.fault) == (None, "what else differs cannot be read: the facts are gone")
    shown = history_text(over_time(series, "rate", CellFilter()))
    assert "    What else differs cannot be read: the facts are gone.\n" in shown


def test_runs_that_do_not_count_are_left_out_and_named(results: Path) -> None:
    stolen = Given(wrk=None, server=Snapshot(busy=0.5), exit_status=1)
    execution(results, 2, special={("django", 1): stolen, ("django", 2): None})
    point = one(results).points[-1]
    assert point.spread is not None
    assert (point.runs, point.spread.n, point.left_out) == (5, 4, {"generator-failed": 1})
    assert point.spread.low is None, "four runs give no interval"
    assert "4/5  1 generator-failed" in history_text(over_time(results, "rate", CellFilter()))
    assert "1 not run" in campaigns_text(campaigns(results))


def test_a_verdict_can_be_declared_usable(results: Path) -> None:
    for name in ("quick-00", "quick-01"):
        for path in (results / name / "runs").glob("*/run.json"):
            run = json.loads(path.read_text(encoding="utf-8"))
            run["verdicts"] = [{"kind": "environment-changed", "evidence": []}]
            path.write_text(json.dumps(run), encoding="utf-8")
    point = one(results).points[0]
    assert (point.spread, point.left_out) == (None, {"environment-changed": BLOCKS})
    used = one(results, use=("environment-changed",)).points[0]
    assert used.spread is not None
    assert used.spread.n == BLOCKS


def test_another_load_is_another_series(results: Path) -> None:
    source = ResultsFolder(results / "quick-01")

    def faster(plan: dict[str, Any]) -> None:
        plan["rounds"]["calibration"]["connections"] = 128

    changed(source, results / "quick-02", faster)
    found = over_time(results, "rate", CellFilter()).series
    assert sorted(len(each.points) for each in found) == [1, 2]


@pytest.mark.parametrize(
    ("metric", "cells", "sentence"),
    [
        ("p98", {}, r"--metric: unknown metric 'p98' \(did you mean 'p99'\?\); allowed: rate, p50, p99, errors, cpu"),
        ("p99", {"service": "djagno"}, r"unknown service 'djagno' \(did you mean 'django'\?\); allowed: django"),
        ("p99", {"endpoint": "agent"}, r"unknown endpoint 'agent' \(did you mean 'agents'\?\); allowed: agents"),
        ("p99", {"round": "x"}, r"unknown round 'x'; allowed: calibration"),
        ("p99", {"profile": "stock"}, r"unknown profile 'stock'; allowed: tuned"),
    ],
)
def test_unknown_names_are_refused(series: Path, metric: str, cells: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TandemError, match=sentence):
        over_time(series, metric, CellFilter(**cells))


def test_folders_that_cannot_be_read_are_named_and_the_others_listed(results: Path) -> None:
    (results / "notes").mkdir()
    (results / "noise" / "quick-00").mkdir(parents=True)
    (results / "latest").symlink_to("quick-01")
    broken = results / "broken-plan"
    broken.mkdir()
    (broken / "campaign.json").write_text('{"schema_version": 1,\n "campaign":', encoding="utf-8")
    other = results / "other-version"
    other.mkdir()
    (other / "campaign.json").write_text('{"schema_version": 99}', encoding="utf-8")
    found = campaigns(results)
    assert [entry.folder for entry in found.entries] == ["quick-00", "quick-01"]
    assert len(found.faults) == 3
    assert "broken-plan: not listed: " in found.faults[0]
    assert "line 2" in found.faults[0]
    assert found.faults[1] == "notes: this folder is no campaign: it holds no campaign.json"
    assert "schema version 99 is not known" in found.faults[2]
    assert campaigns(results).faults == found.faults, "said again from the index"


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 1}', "\x00\xff"])
def test_a_damaged_run_is_read_from_its_raw_files_and_said(results: Path, text: str) -> None:
    whole = one(results).points
    path = min((results / "quick-00" / "runs").glob("*/run.json"))
    path.write_bytes(text.encode("latin-1"))
    found = over_time(results, "rate", CellFilter(), rebuild=True)
    assert found.series[0].points == whole
    assert len(found.faults) == 1
    assert found.faults[0].startswith("quick-00: read anew from the raw files, since ")
    assert "run.json" in found.faults[0]
    assert "\n" not in found.faults[0]


def test_the_command(series: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(series), "--json", "--last", "1"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["campaigns"][0]["verdicts"] == {"valid": BLOCKS}
    assert main(["history", str(series), "--metric", "cpu", "--endpoint", "/agents", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema_version"], shown["metric"]) == (1, "cpu")
    assert len(shown["series"][0]["points"]) == len(SPEEDS)
    assert main(["history", str(series), "--metric", "rate"]) == 0
    assert "requests/s of django /agents, calibration (profile tuned, virtual lab)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{}", "--service", "django"], "--service needs --metric; allowed: rate, p50, p99, errors, cpu"),
        (["{}/quick-00"], "this is one campaign's folder; give the folder that holds it"),
        (["{}/nowhere"], "there is no such folder; give the folder that holds the campaigns' folders"),
    ],
)
def test_bad_input_is_one_sentence(
    series: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", *(each.format(series) for each in arguments)]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.rstrip().endswith(sentence)


def test_nothing_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "No campaign is here yet.\n"
    assert main(["history", str(tmp_path), "--metric", "p99"]) == 0
    assert capsys.readouterr().out == "No run of such a cell is on record.\n"


@pytest.mark.parametrize("count", [0, -1, "x", "1" * 12])
def test_last_is_a_number(series: Path, count: object) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["history", str(series), f"--last={count}"])
    assert caught.value.code == 2


def test_without_the_library_the_rest_is_shown(series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ruptures.detection", None)
    found = one(series)
    assert (found.changes, len(found.points)) == ((), len(SPEEDS))
    assert "they need the Python package ruptures" in str(found.note)


def test_normal_scores_of_equal_values_are_equal() -> None:
    assert normal_scores([5, 1, 5]) == pytest.approx([0.3186, -0.6745, 0.3186], abs=1e-3)
    assert normal_scores([2, 2, 2]) == [0, 0, 0]


def test_the_penalty_goes_through_its_table_and_grows() -> None:
    assert [penalty(size) for size, _ in PENALTIES] == pytest.approx([value for _, value in PENALTIES])
    every = [penalty(size) for size in range(LEAST, 2000)]
    assert every == sorted(every)


def test_changes_do_not_depend_on_unit_or_scale() -> None:
    source = random.Random(1)
    values = [source.uniform(99, 101) for _ in range(10)] + [source.uniform(109, 111) for _ in range(8)]
    assert change_places(values) == [10]
    assert change_places([value * 1000 for value in values]) == [10]
    assert change_places([value**3 for value in values]) == [10]
    assert change_places([-value for value in values]) == [10]
    assert change_places([7.0] * 30) == []


def test_there_and_back_are_two_changes() -> None:
    source = random.Random(2)
    values = [level * source.uniform(0.99, 1.01) for level in (100,) * 12 + (120,) * 12 + (100,) * 12]
    assert change_places(values) == [12, 24]


@pytest.mark.parametrize("size", [10, 17, 40])
def test_noise_alone_seldom_gives_a_change(size: int) -> None:
    """At 3 of 100 the chance of more than 24 in 300 is below 1 in 100,000."""
    source = random.Random(size)
    named = sum(bool(change_places([source.lognormvariate(0, 0.05) for _ in range(size)])) for _ in range(300))
    assert named <= 24


def test_bars() -> None:
    assert spark([1, 2, None, 8]) == "▁▂·█"
    assert spark([3, 3]) == "▅▅"
    assert spark([None, None]) == "··"
    assert len(spark(list(range(1000)))) == 60
    assert spark([float(each) for each in range(1000)], width=8) == "▁▂▃▄▅▆▇█"
    assert spark([], width=8) == ""


def test_every_metric_is_indexed(series: Path) -> None:
    for name in METRICS:
        assert len(one(series, name).points) == len(SPEEDS)

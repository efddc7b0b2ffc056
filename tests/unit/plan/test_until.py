"""Campaigns that stop early: how it is said, after which blocks they are looked at, what their plan holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.cli import main
from collectors.compare.metrics import METRICS
from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan, find_versions
from collectors.plan import constants as c
from collectors.plan.model import Plan
from collectors.plan.project import Project
from collectors.plan.until import METRICS as ASKED
from collectors.plan.until import planned_looks
from collectors.replicates import interval_rank, least_for_interval
from tests.unit.plan.support import edit, make_project

FORM = "METRIC interval < N%, as in p99 interval < 5%, or p99 interval < 5% in ROUND; commas between several"
NONE = "asks for p99 where no round has it (open: 150 request(s) in a run, and p99 needs 1000)"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(root: Path, **words: Any) -> Plan:
    return build_plan(make_project(root), Request(campaign="small", **words))


def frozen(plan: Plan, root: Path) -> dict[str, Any]:
    return as_document(plan, versions=find_versions(root), created=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("p99 interval < 5%", [("p99", 0.05, ["closed"])]),
        ("  p99   interval <5 % ", [("p99", 0.05, ["closed"])]),
        ("p99<2.5%", [("p99", 0.025, ["closed"])]),
        ("rate interval < 5% in open", [("rate", 0.05, ["open"])]),
        ("cpu interval < 50%, rate<3% in closed", [("cpu", 0.5, ["closed", "open"]), ("rate", 0.03, ["closed"])]),
        ("p50 interval < 5% in closed, p50 < 9% in open", [("p50", 0.05, ["closed"]), ("p50", 0.09, ["open"])]),
    ],
)
def test_a_condition_names_a_metric_a_width_and_rounds(
    root: Path, text: str, conditions: list[tuple[str, float, list[str]]]
) -> None:
    """The round `open` has too few requests for a p99, so nobody waits for it there."""
    until = frozen(planned(root, until=text), root)["until"]
    assert [(each["metric"], each["below"], list(each["rounds"])) for each in until["conditions"]] == conditions
    assert until["text"] == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("p99", f"until is 'p99'; allowed: {FORM}"),
        ("", "until is ''; allowed: one line of text"),
        ("p99 interval > 5%", f"until is 'p99 interval > 5%'; allowed: {FORM}"),
        ("p99 interval < 5", f"until is 'p99 interval < 5'; allowed: {FORM}"),
        ("p99 interval < 5%,", f"until is 'p99 interval < 5%,'; allowed: {FORM}"),
        ("p99 interval < 0%", "until asks for an interval within 0 % of the median; allowed: above 0% and below 100%"),
        ("p99<100%", "until asks for an interval within 100 % of the median; allowed: above 0% and below 100%"),
        ("p98<5%", "until: unknown metric 'p98' (did you mean 'p99'?); allowed: rate, p50, p99, cpu"),
        (
            "errors interval < 5%",
            "until asks for the interval of errors, whose median is mostly 0; allowed: rate, p50, p99, cpu",
        ),
        ("rate<5% in opne", "until: unknown round 'opne' (did you mean 'open'?); allowed: closed, open"),
        ("p99 interval < 5% in open", f"until {NONE}; allowed: {FORM}"),
        ("rate<5%, rate<4% in open", "until asks twice for rate of one round; allowed: each metric once for a round"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(root: Path, text: str, sentence: str) -> None:
    with pytest.raises(PlanError) as caught:
        planned(root, until=text)
    assert str(caught.value) == f"--until {text}: {sentence}"


@pytest.mark.parametrize(
    ("most", "sentence"),
    [
        ("7", "at_most_blocks is 7; allowed: a whole number from 8 to 1000"),
        ("0", "at_most_blocks is 0; allowed: a whole number from 8 to 1000"),
        ("many", "at_most_blocks is 'many'; allowed: a whole number from 8 to 1000"),
    ],
)
def test_the_limit_is_no_less_than_the_blocks(root: Path, most: str, sentence: str) -> None:
    with pytest.raises(PlanError) as caught:
        planned(root, until="cpu<5%", settings=["blocks=8"], at_most_blocks=most)
    assert str(caught.value) == f"--at-most-blocks {most}: {sentence}"


def test_a_limit_alone_says_nothing(root: Path) -> None:
    with pytest.raises(PlanError, match="is given without until; allowed: both, or blocks alone"):
        planned(root, at_most_blocks="20")


def test_without_a_limit_there_is_room_to_stop_early(root: Path) -> None:
    until = frozen(planned(root, until="cpu<5%", settings=["blocks=40"]), root)["until"]
    assert (until["looks"][0], until["looks"][-1]) == (40, 80)


def test_a_noise_floor_has_a_fixed_number_of_blocks(root: Path) -> None:
    edit(root, "campaigns/small.yml", "seed: 7\n", "seed: 7\nnoise: true\n")
    with pytest.raises(PlanError, match="until is given beside noise: true, and a floor from blocks chosen by their"):
        build_plan(Project(root=root), Request(campaign="small", until="cpu<5%", settings=["blocks=12"]))


def test_no_limit_is_below_what_an_interval_takes(root: Path) -> None:
    with pytest.raises(PlanError, match="at_most_blocks is 5; allowed: a whole number from 6 to 1000"):
        planned(root, until="cpu<5%", at_most_blocks="5")


def test_the_file_and_set_say_it_as_well(root: Path) -> None:
    by_option = frozen(planned(root, until="cpu interval < 5%", at_most_blocks="12"), root)
    by_set = frozen(planned(root, settings=["until=cpu interval < 5%", "at_most_blocks=12"]), root)
    project = make_project(root)
    edit(root, "campaigns/small.yml", "seed: 7", "seed: 7\nuntil: cpu interval < 5%\nat_most_blocks: 12")
    by_file = frozen(build_plan(project, Request(campaign="small")), root)
    assert by_option == by_set == by_file


def test_what_may_be_asked_are_the_metrics_of_a_comparison() -> None:
    assert list(ASKED) == [name for name, metric in METRICS.items() if metric.scale == "ratio"]


def test_rounds_of_memory_are_not_waited_for(root: Path) -> None:
    project = make_project(root)
    edit(root, "campaigns/small.yml", "    duration_s: 3\n", "    duration_s: 10\n    measures: memory\n")
    (condition,) = frozen(build_plan(project, Request(campaign="small", until="cpu<5%")), root)["until"]["conditions"]
    assert condition["rounds"] == ("closed",)
    with pytest.raises(PlanError, match=r"asks for cpu where no round has it \(open: it measures memory\)"):
        build_plan(project, Request(campaign="small", until="cpu<5% in open"))


# -- the looks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blocks", "most", "looks"),
    [
        (1, 30, (8, 12, 15, 21, 30)),
        (10, 30, (10, 12, 15, 21, 30)),
        (6, 12, (7, 12)),
        (6, 8, (7, 8)),
        (6, 6, (6,)),
        (30, 30, (30,)),
        (20, 60, (20, 26, 34, 44, 60)),
    ],
)
def test_the_looks_between_the_least_and_the_most_blocks(blocks: int, most: int, looks: tuple[int, ...]) -> None:
    assert planned_looks(blocks, most) == looks


@given(st.integers(1, 60), st.integers(0, 200))
def test_each_look_can_have_an_interval_and_narrower_ranks_than_the_one_before(blocks: int, more: int) -> None:
    most = max(blocks + more, least_for_interval())
    looks = planned_looks(blocks, most)
    assert looks[0] >= blocks
    assert looks[-1] == most
    assert 1 <= len(looks) <= c.LOOKS_MOST
    ranks = [interval_rank(each, len(looks)) for each in looks]
    assert all(rank is not None for rank in ranks)
    assert all(one < other for one, other in pairwise(looks))
    assert len(looks) <= 2 or all((one or 0) < (other or 0) for one, other in pairwise(ranks))


def test_a_plan_holds_the_most_blocks_and_begins_as_one_of_fewer(root: Path) -> None:
    stopping = frozen(planned(root, until="cpu<5%", at_most_blocks="12"), root)
    fixed = frozen(planned(root, settings=["blocks=7"]), root)
    assert stopping["until"]["looks"] == (7, 12)
    assert stopping["blocks"] == 2, "what the file says"
    assert stopping["runs"][: len(fixed["runs"])] == fixed["runs"]
    assert stopping["cost"]["least"] == fixed["cost"]
    assert stopping["cost"]["runs"] == 72
    assert "until" not in fixed
    assert "least" not in fixed["cost"]


def test_what_it_costs_has_two_ends(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "small", "--until", "p99 interval < 5%", "--at-most-blocks", "12"]) == 0
    out = capsys.readouterr().out
    assert "4 workers, 7 to 12 blocks in random order" in out
    assert "Until p99 interval < 5%: looked at after 7 blocks, and stopped after 12 in any case\n" in out
    assert "  p99 is waited for in closed and not in open\n" in out
    (last,) = [line.split() for line in out.splitlines() if line.startswith("all ")]
    assert last[1:4] == ["42", "to", "72"]
    assert last.count("to") == 2, "runs and time"


def test_one_look_is_a_campaign_of_fixed_length(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "small", "--set", "blocks=6", "--until", "cpu<5%", "--at-most-blocks", "6"]) == 0
    out = capsys.readouterr().out
    assert "4 workers, 6 blocks in random order" in out
    assert "Until cpu<5%: stopped after 6 in any case\n" in out


def test_too_many_runs_are_counted_with_the_most_blocks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c, "RUNS_MAX", 5000)
    with pytest.raises(PlanError, match="1000 blocks of 6 cells are 6000 runs; allowed: at most 5000"):
        planned(root, until="cpu<5%", at_most_blocks="1000")


def test_a_list_of_campaigns_takes_no_condition(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--until", "cpu<5%"]) == 2
    assert capsys.readouterr().err == "tandem: --until needs a CAMPAIGN; allowed: small\n"


# -- what is to be done ---------------------------------------------------------------------------------


def ended(folder: Path, run: str, outcome: str = "measured") -> None:
    path = folder / "runs" / run / "run.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"outcome": outcome}))


def test_pending_goes_up_to_the_look_that_is_due(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--until", "cpu<5%", "--at-most-blocks", "12", "--freeze", "results", "--link-address", "10.0.0.1"]
    assert main(["plan", "small", *words]) == 0
    folder = root / "results/latest"
    capsys.readouterr()

    def pending() -> list[dict[str, Any]]:
        assert main(["pending", str(folder), "--json"]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    first = pending()
    assert (len(first), {run["total"] for run in first}) == (42, {42})
    assert max(run["block"] for run in first) == 7
    assert first[0]["title"].endswith(" left to the look after block 7")
    ended(folder, first[0]["id"])
    ended(folder, first[1]["id"], "unreachable")
    assert [run["id"] for run in pending()] == [run["id"] for run in first[1:]]
    for run in first:
        ended(folder, run["id"])
    assert pending() == [], "the look is to be taken"
    looks = folder / "looks.json"
    looks.write_text(json.dumps({"looks": [{"blocks": 7, "go_on": True}]}))
    second = pending()
    assert (len(second), second[0]["position"], second[0]["total"]) == (30, 43, 72)
    assert {run["block"] for run in second} == set(range(8, 13))
    looks.write_text(json.dumps({"looks": [{"blocks": 7, "go_on": False}]}))
    assert pending() == []
    for text in ("{", "[]", '{"looks": 1}', '{"looks": [{"blocks": 9, "go_on": true}]}'):
        looks.write_text(text)
        assert main(["pending", str(folder)]) == 2
        assert str(folder / "looks.json") in capsys.readouterr().err

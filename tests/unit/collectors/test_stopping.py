"""Campaigns that stop early: measured stretch by stretch, as the playbook does, and told everywhere alike."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.noise_model import PLAIN, SKEWED, Tally, interleaved
from benchmarks.stopping_model import Stop, add_stopped
from collectors.check import check
from collectors.cli import main
from collectors.compare import Options, compare_folders, compare_within
from collectors.compare.baseline import accept
from collectors.compare.judge import ask_values
from collectors.compare.metrics import METRICS
from collectors.compare.tables import text as compared_text
from collectors.errors import TandemError
from collectors.history import campaigns
from collectors.history.ask import over_time
from collectors.history.model import CellFilter
from collectors.plan import pending_runs
from collectors.plan.until import planned_looks
from collectors.record import record
from collectors.replicates import Spread, interval_note, interval_rank, least_for_interval, missed, spread
from collectors.report.page import page
from collectors.results import ResultsFolder
from collectors.statistics import paired_ratio, signed_rank
from collectors.stopping import Seen, half_width, look, stopping_sentence
from collectors.summarise import summarise
from collectors.tables import markdown, text
from tests.unit.collectors.builders import Campaign, Given
from tests.unit.collectors.comparisons import document, given_of, machines
from tests.unit.collectors.tool_output import Snapshot, wrk_text

Change = Callable[[dict[str, Any], Given], Given]


def planned(directory: Path, *, most: int = 12, below: float = 0.05, metric: str = "rate", **words: Any) -> Campaign:
    """A frozen campaign that stops early; nothing of it is measured."""
    found = document(blocks=most, **words)
    rounds = list(found["rounds"])
    found["blocks"] = 6
    found["until"] = {
        "text": f"{metric} interval < {100 * below:g}%",
        "conditions": [{"metric": metric, "below": below, "rounds": rounds}],
        "looks": list(planned_looks(6, most)),
    }
    machines(directory)
    return Campaign(directory, found)


def measure(
    campaign: Campaign, *, noise: float, seed: int = 1, most: int | None = None, change: Change | None = None
) -> int:
    """Do the runs that are pending, at most so many of them, and return how many there were."""
    source = random.Random(f"{noise} {seed}")
    runs = pending_runs(campaign.directory)[:most]
    for run in runs:
        given = given_of(run, source.uniform(1 - noise, 1 + noise))
        campaign.leave(run, given if change is None else change(run, given))
        record(ResultsFolder(campaign.directory), run["id"])
    return len(runs)


def to_the_end(campaign: Campaign, *, noise: float, seed: int = 1, change: Change | None = None) -> list[str]:
    """Measure and look, until nothing goes on; return what each look said."""
    told: list[str] = []
    while True:
        measure(campaign, noise=noise, seed=seed + len(told), change=change)
        go_on, sentence = look(ResultsFolder(campaign.directory))
        told.append(sentence)
        if not go_on:
            return told


def test_it_stops_at_the_first_look_that_is_narrow_enough(tmp_path: Path) -> None:
    campaign = planned(tmp_path / "one", services=("django", "flask"), most=30)
    assert ResultsFolder(campaign.directory).plan.blocks == 8
    (told,) = to_the_end(campaign, noise=0.01)
    assert told.startswith("stopped after 8 of at most 30 blocks: rate's interval is ±")
    assert told.endswith("; less than 5 % was asked")
    assert "in the widest cell (" in told
    folder = ResultsFolder(campaign.directory)
    (kept,) = json.loads((folder.directory / "looks.json").read_text())["looks"]
    assert (kept["blocks"], kept["met"], kept["go_on"]) == (8, True, False)
    assert (folder.plan.blocks, len(folder.plan.runs), folder.plan.looks) == (8, 16, 5)
    assert pending_runs(folder.directory) == []
    widths = [half_width(row.completed_per_s) for table in summarise(folder)[0].tables for row in table.rows]
    assert max(width for width in widths if width is not None) == pytest.approx(kept["seen"][0]["widest"], abs=1e-6)
    assert look(folder) == (False, told), "a look is taken once"
    assert len(json.loads((folder.directory / "looks.json").read_text())["looks"]) == 1


def test_blocks_that_were_not_needed_are_missing_nowhere(tmp_path: Path) -> None:
    campaign = planned(tmp_path / "results/quick-1")
    to_the_end(campaign, noise=0.01)
    folder = ResultsFolder(campaign.directory)
    summary, runs = summarise(folder)
    assert summary.missing_runs == ()
    assert summary.outcome == "7 of 7 runs measured, 7 valid"
    assert not [each for each in summary.warnings if each.kind == "missing-runs"]
    assert {row.outcome for table in summary.tables for row in table.rows} == {"measured"}
    assert all(row.ranked for table in summary.tables for row in table.rows)
    assert check(folder) == (True, "all 7 runs were measured")
    (entry,) = campaigns(tmp_path / "results").entries
    assert (entry.planned, entry.recorded, entry.looks) == (7, 7, 2)
    told = stopping_sentence(folder)
    assert told is not None
    assert summary.stopping == told
    note = "7 replicates: medians with 95 % intervals, corrected for 2 planned looks (97.5 % at each)"
    assert summary.replicates_note == note
    for shown in (text(summary), markdown(summary), page(folder, summary, runs)):
        words = " ".join(shown.split())
        assert "topped after 7 of at most 12 blocks: rate" in words.replace("&#39;", "'")
        assert note in words


def test_the_history_has_the_corrected_interval(tmp_path: Path) -> None:
    campaign = planned(tmp_path / "results/quick-1")
    to_the_end(campaign, noise=0.2)
    (series,) = over_time(tmp_path / "results", "rate", CellFilter()).series
    (point,) = series.points
    (row,) = summarise(ResultsFolder(campaign.directory))[0].tables[0].rows
    assert point.spread == row.completed_per_s
    assert point.spread is not None
    assert point.spread.n == 12


def test_it_goes_on_to_the_limit_and_says_that_it_was_not_enough(tmp_path: Path) -> None:
    campaign = planned(tmp_path / "one", most=15)
    told = to_the_end(campaign, noise=0.3)
    looks = campaign.document["until"]["looks"]
    assert [each.split(" of at most")[0] for each in told[:-1]] == [f"goes on after {n}" for n in looks[:-1]]
    assert told[-1].startswith("stopped at the limit of 15 blocks, not narrow enough: rate's interval is ±")
    folder = ResultsFolder(campaign.directory)
    assert folder.plan.blocks == 15
    assert check(folder)[0]
    assert pending_runs(folder.directory) == []


def test_a_campaign_that_was_broken_off_goes_on_from_what_is_in_its_folder(tmp_path: Path) -> None:
    """Within a stretch, between its last run and the look, and after the look."""
    whole = planned(tmp_path / "whole", services=("django", "flask"))
    assert measure(whole, noise=0.3, most=5) == 5
    assert look(ResultsFolder(whole.directory)) == (
        False, "no look is taken yet: 9 of 14 runs up to block 7 are to be done"
    )  # fmt: skip
    assert not (whole.directory / "looks.json").exists()
    folder = ResultsFolder(whole.directory)
    summary, _ = summarise(folder)
    assert summary.stopping == "not finished: at most 12 blocks, and the look after 7 is still to be taken"
    assert len(summary.missing_runs) == 9
    assert not check(folder)[0]
    assert measure(whole, noise=0.3) == 9
    assert measure(whole, noise=0.3) == 0, "the look decides whether there is more to do"
    assert look(ResultsFolder(whole.directory))[0]
    assert measure(whole, noise=0.3, most=1) == 1
    assert measure(whole, noise=0.3) == 9
    assert not look(ResultsFolder(whole.directory))[0]
    assert check(ResultsFolder(whole.directory))[0]


def test_a_lost_machine_is_no_reason_to_look(tmp_path: Path) -> None:
    campaign = planned(tmp_path / "one")
    measure(campaign, noise=0.01)
    (first, *_) = campaign.document["runs"]
    (campaign.directory / "runs" / first["id"] / "contract.json").unlink()
    assert record(ResultsFolder(campaign.directory), first["id"]).outcome == "unreachable"
    assert look(ResultsFolder(campaign.directory))[1].startswith("no look is taken yet: 1 of 7 runs")
    assert measure(campaign, noise=0.01) == 1
    assert look(ResultsFolder(campaign.directory))[1].startswith("stopped after 7 of")


def test_too_few_runs_that_count_are_no_interval(tmp_path: Path) -> None:
    """One disturbed run of seven leaves six, and with two looks an interval takes seven; declared usable it counts."""

    def disturbed(run: dict[str, Any], given: Given) -> Given:
        if run["service"] == "flask" and run["block"] == 2:
            return Given(wrk=given.wrk, server=Snapshot(steal=0.05))
        return given

    campaign = planned(tmp_path / "one", services=("django", "flask"))
    measure(campaign, noise=0.01, change=disturbed)
    shutil.copytree(campaign.directory, tmp_path / "two")
    go_on, told = look(ResultsFolder(campaign.directory))
    assert go_on
    lacking = "but 1 of 2 cells have none (too few runs count, or one has no figure)"
    assert f"{lacking}; less than 5 % was asked" in told
    go_on, told = look(ResultsFolder(tmp_path / "two"), use=["environment-changed"])
    assert not go_on
    assert told.startswith("stopped after 7 of at most 12 blocks: rate's interval is ±")
    (kept,) = json.loads((tmp_path / "two/looks.json").read_text())["looks"]
    assert kept["use"] == ["environment-changed"]


def test_a_lower_bound_is_no_figure(tmp_path: Path) -> None:
    """Where a request timed out wrk's latencies lack it: eleven other runs are enough, and they are the fortunate."""
    late = Given(wrk=wrk_text(timeouts=3), server=Snapshot())
    campaign = planned(tmp_path / "one", metric="p99")
    told = to_the_end(campaign, noise=0.001, change=lambda run, given: late if run["block"] == 3 else given)
    lacks = "p99 has no interval in any of 1 cells, and less than 5 % was asked"
    assert told == [
        f"goes on after 7 of at most 12 blocks: {lacks}",
        f"stopped at the limit of 12 blocks, not narrow enough: {lacks}",
    ]


def test_an_app_that_cannot_be_installed_is_not_waited_for(tmp_path: Path) -> None:
    """What was not measured for another reason may be in later blocks, and until then its cell has no interval."""

    def left_out(kind: str) -> Change:
        failure = {"kind": kind, "message": "its packages exist for Python 3.10-3.12"}
        return lambda run, given: Given(contract_failure=failure) if run["service"] == "flask" else given

    told = {}
    for kind in ("not-installable", "did-not-start"):
        campaign = planned(tmp_path / kind, services=("django", "flask"))
        measure(campaign, noise=0.01, change=left_out(kind))
        told[kind] = look(ResultsFolder(campaign.directory))[1]
    assert told["not-installable"].startswith("stopped after 7 of at most 12 blocks")
    assert told["did-not-start"].startswith("goes on after 7 of at most 12 blocks")


def test_where_nothing_can_be_installed_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    none = Given(contract_failure={"kind": "not-installable", "message": "its packages exist for Python 3.10-3.12"})
    campaign = planned(tmp_path / "one")
    (told,) = to_the_end(campaign, noise=0.01, change=lambda _run, _given: none)
    why = "rate is waited for in no cell, since no app of its rounds can be installed"
    assert told == f"stopped after 7 of at most 12 blocks: {why}"


@pytest.mark.parametrize(
    ("widest", "shown"),
    [(0.0462, "±4.6 %"), (0.04987, "±4.99 %"), (0.05, "±5.0 %"), (0.0504, "±5.0 %"), (0.049999, "±4.9999 %")],
)
def test_a_width_is_never_rounded_across_its_limit(widest: float, shown: str) -> None:
    seen = Seen(metric="p99", below=0.05, met=widest < 0.05, cells=1, without=0, widest=widest, cell="django /index")
    assert seen.sentence == f"p99's interval is {shown} in the widest cell (django /index); less than 5 % was asked"


def test_a_campaign_whose_look_is_due_is_not_finished(tmp_path: Path) -> None:
    """All its runs so far were measured, and the look may ask for more: it is neither a success nor a baseline."""
    campaign = planned(tmp_path / "results/one")
    measure(campaign, noise=0.01)
    folder = ResultsFolder(campaign.directory)
    assert check(folder) == (False, "it is not finished: the look after block 7 is still to be taken")
    with pytest.raises(TandemError, match="it is not finished: the look after block 7 is still to be taken"):
        accept(folder, "early")
    assert not look(folder)[0]
    folder = ResultsFolder(campaign.directory)
    assert check(folder)[0]
    assert accept(folder, "whole")[0].blocks == 7


# -- what is corrected ----------------------------------------------------------------------------------


def test_a_comparison_is_corrected_for_the_looks(tmp_path: Path) -> None:
    campaign = planned(tmp_path / "one", services=("django", "flask"), below=0.001)
    to_the_end(campaign, noise=0.02)
    both = ("django", "flask")
    rates = Options(metrics=["rate"])
    found = compare_within(ResultsFolder(campaign.directory), "service", both, rates)
    shutil.copytree(campaign.directory, tmp_path / "fixed")
    plan = json.loads((tmp_path / "fixed/campaign.json").read_text())
    del plan["until"]
    (tmp_path / "fixed/campaign.json").write_text(json.dumps({**plan, "blocks": 12}))
    fixed = compare_within(ResultsFolder(tmp_path / "fixed"), "service", both, rates)
    (delta,), (usual,) = (each.cells[0].deltas for each in (found, fixed))
    assert (found.looks, fixed.looks) == (2, 1)
    assert delta.p == pytest.approx(min(1, 2 * (usual.p or 0)))
    assert 0 < (delta.low or 0) < (usual.low or 0) < (usual.high or 0) < (delta.high or 0)
    assert delta.effect == usual.effect
    line = "p and intervals are corrected for 2 planned looks, at each of which measuring could have stopped"
    assert line in compared_text(found)
    assert line not in compared_text(fixed)


def test_two_campaigns_are_corrected_for_each_pair_of_looks(tmp_path: Path) -> None:
    one, other = (planned(tmp_path / name) for name in ("one", "other"))
    for campaign in (one, other):
        to_the_end(campaign, noise=0.01, seed=len(campaign.directory.name))
    found = compare_folders(ResultsFolder(one.directory), ResultsFolder(other.directory), Options())
    assert found.looks == 4
    assert compare_folders(ResultsFolder(one.directory), ResultsFolder(one.directory), Options()).looks == 2


def test_the_same_runs_are_paired_only_where_pairs_have_an_interval() -> None:
    """Six pairs have none that is corrected for two looks, and two sets of six have."""
    own = {block: 100.0 + block for block in range(1, 7)}
    for looks, paired in ((1, True), (2, False)):
        asked = ask_values(METRICS["rate"], "closed", (own, dict(own)), design="apart", floor=None, looks=looks)
        assert asked is not None
        assert asked.paired is paired
        assert asked.delta.low is not None


@pytest.mark.parametrize("looks", [1, 2, 5])
def test_the_level_is_divided_by_the_looks(looks: int) -> None:
    """The least replicates, the ranks and the words follow from it; one look is as ever."""
    assert missed(looks) == pytest.approx(0.05 / looks)
    least = least_for_interval(looks)
    assert 2 / 2**least <= 0.05 / looks < 2 / 2 ** (least - 1)
    assert interval_rank(least - 1, looks) is None
    assert interval_rank(least, looks) == signed_rank(least, looks) == 1
    few = [float(value) for value in range(1, least)]
    assert spread(few, looks=looks) == Spread(n=least - 1, median=least / 2)
    assert paired_ratio([(1.0, 2.0)] * (least - 1), looks=looks) == paired_ratio([(1.0, 2.0)] * (least - 1), looks=99)
    note = interval_note(least - 1, looks=looks)
    assert note.startswith(f"{least - 1} replicates: medians, no interval (it takes {least}")


def test_identical_sides_are_rarely_told_apart_however_often_one_looks() -> None:
    """The same with 1,000 campaigns is benchmarks/results/statistics.md. Whoever stops at the first change that shows
    needs the correction: on the same campaigns it is between the two."""
    alarms = {}
    for corrected in (True, False):
        source, found = random.Random(11), Tally()
        for _ in range(200):
            pairs = interleaved(SKEWED, source, blocks=30, cells=1)
            add_stopped(found, pairs, Stop(below=0.05, least=6, most=30, corrected=corrected, peeks=True), ("rate",))
        alarms[corrected] = found.alarm_share
        assert not corrected or found.coverage >= 0.93
    assert alarms[True] <= 0.05 < alarms[False]


def test_the_interval_it_stops_with_holds_the_median() -> None:
    source, found = random.Random(12), Tally()
    for _ in range(150):
        pairs = interleaved(PLAIN, source, blocks=30, cells=1)
        found.blocks += add_stopped(found, pairs, Stop(below=0.06, least=6, most=30, medians=True), ("rate",))
    assert found.coverage >= 0.95
    assert 8 < found.blocks / found.campaigns < 30, "some stopped early, and some went on"


# -- bad input ------------------------------------------------------------------------------------------


def test_a_campaign_of_fixed_length_has_no_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Campaign(tmp_path / "one", document(blocks=6))
    assert main(["look", str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out == "The number of blocks is fixed: nothing to look for.\n"
    assert stopping_sentence(ResultsFolder(tmp_path / "one")) is None


def test_look_as_an_operator_types_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = planned(tmp_path / "one")
    measure(campaign, noise=0.01)
    assert main(["look", str(campaign.directory), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["go_on"] is False
    assert answer["text"].startswith("stopped after 7 of at most 12 blocks")
    assert main(["look", str(campaign.directory)]) == 0
    assert capsys.readouterr().out.startswith("Stopped after 7 of at most 12 blocks")
    assert main(["look", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize(
    ("file", "wrong", "words"),
    [
        ("looks.json", {"looks": [{"blocks": 7, "go_on": False}]}, "met is missing"),
        ("campaign.json", {"looks": "7"}, "until.looks is no list"),
        ("campaign.json", {"looks": [7, 12], "conditions": []}, "until.conditions is empty"),
        (
            "campaign.json",
            {"looks": [7, 12], "conditions": [{"metric": "rate", "below": 0.1, "rounds": ["nowhere"]}]},
            "rounds is not a list of the plan's rounds",
        ),
        (
            "campaign.json",
            {"looks": [7, 12], "conditions": [{"metric": "luck", "below": 0.1, "rounds": ["calibration"]}]},
            "metric is not",
        ),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, file: str, wrong: dict[str, Any], words: str) -> None:
    campaign = planned(tmp_path / "one")
    measure(campaign, noise=0.01)
    path = campaign.directory / file
    if file == "campaign.json":
        path.write_text(json.dumps({**campaign.document, "until": wrong}))
    else:
        path.write_text(json.dumps(wrong))
    with pytest.raises(TandemError, match=words) as caught:
        look(ResultsFolder(campaign.directory))
    assert "\n" not in str(caught.value)

"""What explains a difference: effects that were put in come out, shares add up, gaps are said."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from collectors.cli import main
from collectors.errors import ReadError, TandemError
from collectors.explain import Chain, Explanation, RoundExplained, explain
from collectors.explain.runs import DISTURBED
from collectors.explain.tables import WIDTH, markdown, text
from collectors.explain.words import share, times
from collectors.load_runs import load_runs
from collectors.report.waterfall import waterfall
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from tests.unit.collectors.builders import Given, write
from tests.unit.collectors.ladders import EFFECTS, FACTORS, RUNGS, closed, document, make, speed
from tests.unit.collectors.test_report import Page
from tests.unit.collectors.test_summary import full
from tests.unit.collectors.tool_output import Snapshot, pacer_result

Special = Mapping[tuple[str, str, int], Given | None]
BLOCKS = range(1, 7)
SHORTER = "p99 of the latency is not known of flask, flask-no-tls: its ladder is shorter by them"


def explained(folder: ResultsFolder, *, strict: bool = False) -> Explanation:
    return explain(folder, load_runs(folder)[0], strict=strict)


def only_round(folder: ResultsFolder, *, strict: bool = False) -> RoundExplained:
    return explained(folder, strict=strict).rounds[0]


def chain_of(each: RoundExplained, metric: str) -> Chain:
    return next(chain for chain in each.chains if chain.metric == metric)


@pytest.fixture(scope="module")
def closed_ladder(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    return make(tmp_path_factory.mktemp("ladder"))


def test_every_effect_that_was_put_in_comes_out(closed_ladder: ResultsFolder) -> None:
    chain = chain_of(only_round(closed_ladder), "rate")
    assert [step.after for step in chain.steps] == list(RUNGS[1:])
    assert [step.factors for step in chain.steps] == [(factor,) for factor in FACTORS[1:]]
    for step, effect in zip(chain.steps, EFFECTS[1:], strict=True):
        assert step.ratio is not None
        assert step.ratio.n == 6
        assert step.ratio.ratio == pytest.approx(effect, rel=0.03)
        assert step.ratio.low is not None
        assert step.ratio.high is not None
        assert step.ratio.low <= step.ratio.ratio <= step.ratio.high


def test_the_drift_of_a_day_is_in_the_levels_and_not_in_the_ratios(closed_ladder: ResultsFolder) -> None:
    """Blocks differ by half, ratios by the noise of 2 %: the intervals are as narrow as that."""
    for step in chain_of(only_round(closed_ladder), "rate").steps:
        assert step.ratio is not None
        assert step.ratio.low is not None
        assert step.ratio.high is not None
        assert step.ratio.high / step.ratio.low < 1.09


def test_the_shares_and_what_is_not_explained_add_up_to_the_whole(closed_ladder: ResultsFolder) -> None:
    for chain in only_round(closed_ladder).chains:
        assert chain.whole is not None
        assert chain.whole.ratio is not None
        assert chain.remainder is not None
        assert chain.remainder_share is not None
        shares = [step.share for step in chain.steps if step.share is not None]
        assert len(shares) == len(chain.steps)
        assert math.fsum(shares) + chain.remainder_share == pytest.approx(1)
        product = math.prod(step.ratio.ratio for step in chain.steps if step.ratio is not None)
        assert product * chain.remainder == pytest.approx(chain.whole.ratio.ratio)
    rate = chain_of(only_round(closed_ladder), "rate")
    assert [step.share for step in rate.steps] == pytest.approx(
        [math.log(effect) / math.log(24) for effect in EFFECTS[1:]], abs=0.02
    )


def test_the_sentences_say_it(closed_ladder: ResultsFolder) -> None:
    first, second = chain_of(only_round(closed_ladder), "rate").sentences
    assert re.match(r"Of the 2[34]-fold difference in requests/s from flask to api-hour, .2\d.* with 95 %: ", first)
    assert re.search(r"connections from a pool was 6[4-7] % \(.[78]\.\d+, .", first)
    assert "asyncio instead of threads was 2" in first
    assert re.search(r"not explained: -?\d % \(.(?:1|1\.0\d+|0\.9\d+)\)\.$", first)
    assert second.startswith("No effect is shown of threads instead of processes (\N{MULTIPLICATION SIGN}")


def test_cpu_per_request_falls_as_the_rate_rises(closed_ladder: ResultsFolder) -> None:
    chain = chain_of(only_round(closed_ladder), "cpu")
    assert chain.whole is not None
    assert chain.whole.ratio is not None
    assert chain.whole.ratio.ratio == pytest.approx(1 / 24, rel=0.05)


def test_rungs_are_not_held_against_each_other_as_peers(closed_ladder: ResultsFolder) -> None:
    """API-Hour keeps connections open and the others do not: in a ladder that is a factor."""
    summary, runs = summarise(closed_ladder)
    assert not [run for run in runs if "not-equivalent" in run.kinds]
    assert any("rungs of a ladder" in note for note in summary.tables[0].notes)
    assert summary.explanation is not None


def test_few_blocks_give_ratios_without_intervals(tmp_path: Path) -> None:
    explanation = explained(make(tmp_path, blocks=2))
    chain = chain_of(explanation.rounds[0], "rate")
    assert explanation.interval_note == "2 replicates: medians, no interval (it takes 6)"
    assert all(step.ratio is not None and step.ratio.low is None and step.share is not None for step in chain.steps)
    assert " with 95 %" not in chain.sentences[0]
    assert "no interval (it takes 6)" in text(explanation)


# -- runs that do not count, and rungs without any ------------------------------------------------------


def test_a_run_with_errors_is_left_out_and_said(tmp_path: Path) -> None:
    bad = {("flask-pooled", "calibration", 2): closed(800.0, status=400)}
    each = only_round(make(tmp_path, bad))
    assert each.rungs[2].left_out == {"errors": 1}
    assert (each.rungs[2].planned, each.rungs[2].used) == (6, 5)
    assert each.notes[0] == "29 of 30 runs are used; left out: 1 errors"
    step = chain_of(each, "rate").steps[1]
    assert step.ratio is not None
    assert (step.ratio.n, step.ratio.low) == (5, None)
    assert step.ratio.ratio == pytest.approx(8, rel=0.05)


def test_a_run_that_was_not_measured_or_not_run_is_left_out(tmp_path: Path) -> None:
    failure = {"kind": "did-not-start", "message": "port 8000 cannot be used"}
    special: Special = {
        ("flask", "calibration", 1): Given(contract_failure=failure),
        ("flask", "calibration", 2): None,
    }
    rung = only_round(make(tmp_path, special)).rungs[0]
    assert rung.left_out == {"did-not-start": 1, "not run": 1}
    assert rung.used == 4


def test_a_daemon_that_is_not_what_its_launcher_declares_is_left_out(tmp_path: Path) -> None:
    special: Special = {("flask", "calibration", 1): Given(keep_alive=True)}
    assert only_round(make(tmp_path, special)).rungs[0].left_out == {"not-equivalent": 1}


def test_disturbed_runs_count_and_are_said_and_can_be_left_out(tmp_path: Path) -> None:
    special = {
        ("api-hour", "calibration", block): closed(speed("api-hour") * (1 + 0.1 * block), server=Snapshot(steal=0.05))
        for block in (1, 2)
    }
    folder = make(tmp_path, special)
    used, strict = only_round(folder), only_round(folder, strict=True)
    assert "environment-changed" in DISTURBED
    assert used.rungs[4].used == 6
    assert used.rungs[4].disturbed == {"environment-changed": 2}
    assert any("2 environment-changed" in note and "--strict" in note for note in used.notes)
    assert strict.rungs[4].used == 4
    assert strict.rungs[4].left_out == {"environment-changed": 2}
    assert not any("disturbed" in note for note in strict.notes)


def test_a_rung_without_usable_runs_is_named_and_bridged(tmp_path: Path) -> None:
    special: Special = {
        ("flask-pooled", "calibration", block): closed(800.0, status=300) for block in BLOCKS
    }
    each = only_round(make(tmp_path, special))
    chain = chain_of(each, "rate")
    bridge = chain.steps[1]
    assert (bridge.before, bridge.after, bridge.skipped) == ("flask-no-tls", "flask-threads", ("flask-pooled",))
    assert bridge.factors == (FACTORS[2], FACTORS[3])
    assert bridge.ratio is not None
    assert bridge.ratio.ratio == pytest.approx(8, rel=0.03)
    assert chain.missing == ("flask-pooled",)
    assert "flask-pooled has no usable run (6 errors): its factor cannot be told from the next one's" in each.notes
    assert f"{FACTORS[2]} + {FACTORS[3]} was" in chain.sentences[0]
    assert sum(step.share or 0 for step in chain.steps) + (chain.remainder_share or 0) == pytest.approx(1)


def test_a_first_rung_without_usable_runs_shortens_the_ladder(tmp_path: Path) -> None:
    special: Special = {("flask", "calibration", block): None for block in BLOCKS}
    each = only_round(make(tmp_path, special))
    chain = chain_of(each, "rate")
    assert chain.whole is not None
    assert chain.whole.before == "flask-no-tls"
    assert "from flask-no-tls to api-hour" in chain.sentences[0]
    assert any(note.startswith("flask has no usable run (6 not run)") for note in each.notes)


def test_blocks_that_never_have_both_sides_leave_the_step_unexplained(tmp_path: Path) -> None:
    special: Special = {
        **{("flask-pooled", "calibration", block): None for block in (1, 2, 3)},
        **{("flask-threads", "calibration", block): None for block in (4, 5, 6)},
    }
    chain = chain_of(only_round(make(tmp_path, special)), "rate")
    assert chain.steps[2].ratio is None
    assert chain.sentences[-1] == "No block has both sides of threads instead of processes."
    assert sum(step.share or 0 for step in chain.steps) + (chain.remainder_share or 0) == pytest.approx(1)


def test_no_difference_is_not_divided(tmp_path: Path) -> None:
    special = {
        (service, "calibration", block): closed(500 + 3 * (block * (index + 2) * 3 % 11))
        for index, service in enumerate(RUNGS)
        for block in BLOCKS
    }
    chain = chain_of(only_round(make(tmp_path, special)), "rate")
    assert chain.whole is not None
    assert {step.share for step in chain.steps} == {None}
    start = "No clear difference in requests/s from flask to api-hour is shown (\N{MULTIPLICATION SIGN}"
    assert chain.sentences[0].startswith(start)


def test_a_campaign_that_has_not_begun(tmp_path: Path) -> None:
    write(tmp_path / "campaign.json", document())
    each = only_round(ResultsFolder(tmp_path))
    assert [chain.steps for chain in each.chains] == [(), (), ()]
    assert each.chains[0].sentences == ("Requests/s: no two rungs can be compared.",)
    assert waterfall(each, number=1) is None
    assert each.notes[0] == "0 of 30 runs are used; left out: 30 not run"


# -- open loop ------------------------------------------------------------------------------------------


def test_goodput_and_p99_of_an_open_loop(tmp_path: Path) -> None:
    """The first two rungs are overloaded at 400/s: their p99 is a backlog and is not used."""
    each = only_round(make(tmp_path, rounds=("sustained",)))
    rate, p99 = chain_of(each, "rate"), chain_of(each, "p99")
    assert rate.name == "goodput (correct replies/s)"
    assert [step.after for step in rate.steps] == list(RUNGS[1:])
    assert p99.missing == ("flask", "flask-no-tls")
    assert p99.whole is not None
    assert (p99.whole.before, p99.whole.after) == ("flask-pooled", "api-hour")
    assert p99.steps[-1].ratio is not None
    assert p99.steps[-1].ratio.ratio == pytest.approx(0.5, rel=0.05)
    assert any(note == "p99 is not used of 12 overloaded, so it is a backlog" for note in each.notes)
    assert any(note.startswith("flask-pooled, flask-threads, api-hour kept up with the 400") for note in each.notes)
    assert any(note == SHORTER for note in each.notes)


def test_error_pages_are_no_goodput(tmp_path: Path) -> None:
    """Below the limit of errors a run counts, with its correct replies alone."""
    special = {
        ("api-hour", "sustained", block): Given(pacer=pacer_result(rate=400, p50_us=100, status_5xx=5))
        for block in BLOCKS
    }
    each = only_round(make(tmp_path, special, rounds=("sustained",)))
    median = each.rungs[4].medians["rate"]
    assert median is not None
    assert median.median == pytest.approx(399.8)


def test_loops_stay_apart(tmp_path: Path) -> None:
    explanation = explained(make(tmp_path, rounds=("calibration", "sustained")))
    loops = {each.round: each.loop for each in explanation.rounds}
    assert loops == {"calibration": "closed", "sustained": "open"}
    assert [each.chains[0].name for each in explanation.rounds] == ["requests/s", "goodput (correct replies/s)"]


# -- the command ----------------------------------------------------------------------------------------


def test_the_table_fits_a_terminal_and_has_every_factor(
    closed_ladder: ResultsFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(closed_ladder.directory)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= WIDTH
    for words in (*FACTORS[1:], "not explained", "95 % interval", "all, from flask", "30 of 30 runs are used"):
        assert words in shown


def test_long_names_are_cut_to_a_terminals_width(tmp_path: Path) -> None:
    changed = document()
    for rung in changed["ladder"]:
        rung["factor"] += ", and " + "so on " * 20
    folder = make(tmp_path, blocks=1)
    write(tmp_path / "campaign.json", document(blocks=1) | {"ladder": changed["ladder"]})
    shown = text(explained(ResultsFolder(folder.directory)))
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "connections from a pool, and" in shown


def test_json(closed_ladder: ResultsFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(closed_ladder.directory), "--json", "--round", "calibration"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema_version"], len(found["rounds"])) == (1, 1)
    chain = found["rounds"][0]["chains"][0]
    assert chain["steps"][1]["factors"] == [FACTORS[2]]
    assert chain["steps"][1]["ratio"]["ratio"] == pytest.approx(8, rel=0.03)
    assert sum(step["share"] for step in chain["steps"]) + chain["remainder_share"] == pytest.approx(1)


def test_markdown(closed_ladder: ResultsFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(closed_ladder.directory), "--markdown"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# What explains the difference: quick\n")
    assert shown == markdown(explained(closed_ladder))
    assert "| not explained |" in shown


def test_a_round_that_is_not_there(closed_ladder: ResultsFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(closed_ladder.directory), "--round", "sustained"]) == 2
    assert capsys.readouterr().err.endswith("there is no round 'sustained'; its rounds: calibration\n")


def test_another_campaign_cannot_be_explained(tmp_path: Path) -> None:
    folder = ResultsFolder(full(tmp_path).directory)
    with pytest.raises(TandemError, match=r"the campaign 'quick' is no ladder, so its rows differ"):
        explained(folder)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"ladder": None}, "ladder is not a list"),
        ({"ladder": [{"service": "flask"}, {"service": "gone", "factor": "x"}]}, "is not a service of this plan"),
        ({"ladder": [{"service": "flask"}, {"service": "api-hour"}]}, "factor is missing"),
    ],
)
def test_a_damaged_ladder_leads_to_one_sentence(damage: dict[str, object], sentence: str, tmp_path: Path) -> None:
    write(tmp_path / "campaign.json", document() | damage)
    with pytest.raises(ReadError, match=re.escape(sentence)):
        explained(ResultsFolder(tmp_path))


# -- summary and page -----------------------------------------------------------------------------------


def test_the_summary_and_the_page_have_it(closed_ladder: ResultsFolder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = closed_ladder.directory
    assert main(["report", str(directory)]) == 0
    assert "calibration: Of the 2" in " ".join(capsys.readouterr().out.split())
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert Page(page).open == []
    assert len(Page(page).ids) == len(set(Page(page).ids))
    assert 'href="#explained"' in page
    drawing = re.findall(r'<svg [^>]*aria-label="Waterfall.*?</svg>', page, flags=re.DOTALL)
    assert len(drawing) == 1
    for factor in FACTORS:
        assert factor in drawing[0]
    assert not re.search(r"#0[12]0[0-9a-f]{3}", drawing[0])
    assert "## What explains the difference" in (directory / "summary.md").read_text(encoding="utf-8")
    assert "explanation" in json.loads((directory / "summary.json").read_text(encoding="utf-8"))


def test_the_page_is_rebuilt_byte_for_byte(closed_ladder: ResultsFolder) -> None:
    page = closed_ladder.directory / "report.html"
    assert main(["report", str(closed_ladder.directory)]) == 0
    first = page.read_bytes()
    assert main(["report", str(closed_ladder.directory)]) == 0
    assert page.read_bytes() == first


def test_what_an_author_writes_is_text_and_never_markup(tmp_path: Path) -> None:
    changed = document(blocks=1)
    changed["ladder"][1]["factor"] = "<b>bold</b> & | more"
    write(tmp_path / "campaign.json", changed)
    assert main(["report", str(tmp_path)]) == 0
    assert "<b>bold" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;b>bold&lt;/b> & \\| more" in (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "1"), (1.034, "1.034"), (11.6, "11.6"), (0.0431, "0.0431"), (0.98, "0.98")]
)
def test_times(value: float, shown: str) -> None:
    assert times(value) == "\N{MULTIPLICATION SIGN}" + shown


@pytest.mark.parametrize(("value", "shown"), [(0.651, "65 %"), (-0.002, "0 %"), (-0.05, "-5 %"), (None, "\N{EN DASH}")])
def test_share(value: float | None, shown: str) -> None:
    assert share(value) == shown


def test_a_p99_that_only_some_replicates_have_is_not_used(tmp_path: Path) -> None:
    """Those with requests enough for one are the quicker ones: their median would not be the rung's."""
    few: Special = {("flask", "calibration", block): closed(99.0) for block in (1, 2)}
    each = only_round(make(tmp_path, few))
    assert chain_of(each, "p99").missing == ("flask",)
    assert each.rungs[0].medians["p99"] is None
    assert each.rungs[0].medians["rate"] is not None
    assert any(note.startswith("p99 is not used of 4 beside runs of the same rung that have none, 2 too few requests")
               for note in each.notes), each.notes

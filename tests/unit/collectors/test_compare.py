"""Two campaigns held against each other: what is claimed, what is refused, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from collectors.cli import main
from collectors.compare import Options, compare_folders, compare_within
from collectors.compare.metrics import MetricName
from collectors.compare.tables import WIDTH, markdown, text
from collectors.errors import TandemError
from collectors.explain.words import TIMES
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Given
from tests.unit.collectors.comparisons import changed, delta_of, document, make
from tests.unit.collectors.tool_output import Snapshot, pacer_result, wrk_text

BASE_SEED, OTHER_SEED = 1, 2
RATE: tuple[MetricName, ...] = ("rate",)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    return make(tmp_path_factory.mktemp("base") / "base", seed=BASE_SEED)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    return make(tmp_path_factory.mktemp("slow") / "slow", seed=OTHER_SEED, speed=0.8)


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    return make(tmp_path_factory.mktemp("again") / "again", seed=OTHER_SEED)


def test_a_slowdown_is_found_with_its_size(base: ResultsFolder, slow: ResultsFolder) -> None:
    found = compare_folders(base, slow, Options())
    assert (found.outcome, found.exit_status, found.design) == ("worse", 1, "apart")
    rate = delta_of(found, "rate")
    assert rate.verdict == "slower"
    assert rate.effect == pytest.approx(0.8, rel=0.02)
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low < 0.8 * 1.01 < rate.high * 1.02
    assert rate.p_corrected == pytest.approx(4 * (rate.p or 1), rel=1e-6)
    assert (rate.n_a, rate.n_b) == (10, 10)
    assert delta_of(found, "cpu").words == "more CPU"
    assert delta_of(found, "errors").verdict == "equivalent"
    assert found.comparisons == 4, "no error anywhere: nothing that could be claimed, nothing to correct for"
    assert found.sentence.startswith(f"B is worse in requests/s of django /agents, calibration ({TIMES}0.8")


def test_the_other_way_round_it_is_faster_and_fine(base: ResultsFolder, slow: ResultsFolder) -> None:
    found = compare_folders(slow, base, Options())
    assert (found.outcome, found.exit_status) == ("same-or-better", 0)
    assert delta_of(found, "rate").verdict == "faster"
    assert delta_of(found, "cpu").words == "less CPU"


def test_swapped_sides_give_the_inverse(base: ResultsFolder, slow: ResultsFolder) -> None:
    there, back = compare_folders(base, slow, Options()), compare_folders(slow, base, Options())
    for one, other in zip(there.cells[0].deltas, back.cells[0].deltas, strict=True):
        assert (one.p, one.a, one.b) == (other.p, other.b, other.a)
        if one.scale == "ratio":
            assert one.effect is not None
            assert other.effect == pytest.approx(1 / one.effect)
            assert one.low is not None
            assert other.high == pytest.approx(1 / one.low)


def test_a_folder_is_equal_to_itself_and_to_its_copy(base: ResultsFolder, tmp_path: Path) -> None:
    copy = changed(base, tmp_path / "copy", lambda _: None)
    for other in (base, copy):
        found = compare_folders(base, other, Options())
        assert (found.outcome, found.differences) == ("same-or-better", ())
        assert {delta.effect for cell in found.cells for delta in cell.deltas} == {1.0, 0.0}
        assert {delta.verdict for cell in found.cells for delta in cell.deltas} <= {"no-change-shown", "equivalent"}


def test_one_after_the_other_only_what_is_beyond_the_floor_is_claimed(base: ResultsFolder, tmp_path: Path) -> None:
    """The assumed floor of 5 % hides 4 %; a declared one of 2 % does not."""
    slower = make(tmp_path / "slower", seed=OTHER_SEED, speed=0.96)
    assumed = compare_folders(base, slower, Options())
    assert assumed.exit_status == 0
    assert delta_of(assumed, "rate").words == "no change shown: not beyond the noise floor"
    assert delta_of(assumed, "rate").floor == 0.05
    assert assumed.floor is not None
    assert "5% is assumed" in assumed.floor.sentence
    assert compare_folders(base, slower, Options(floor=0.02)).exit_status == 1


def test_equal_campaigns_are_equivalent_where_the_floor_allows_it(base: ResultsFolder, again: ResultsFolder) -> None:
    found = compare_folders(base, again, Options(floor=0.02))
    assert (found.outcome, found.exit_status) == ("same-or-better", 0)
    assert delta_of(found, "rate").words == "equivalent within 5 %"
    assert compare_folders(base, again, Options()).cells[0].deltas[0].verdict == "no-change-shown"
    narrow = compare_folders(base, again, Options(floor=0.0, margin=0.001))
    assert narrow.exit_status == 4
    assert delta_of(narrow, "rate").verdict == "cannot-tell"
    assert (delta_of(narrow, "rate").more_blocks or 0) > 10


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    plan_ = document(services=("django", "flask"))
    place = tmp_path_factory.mktemp("pair") / "pair"
    return make(place, speed=lambda name: 0.95 if name == "flask" else 1.0, plan_=plan_)


def test_two_services_are_compared_within_blocks(pair: ResultsFolder) -> None:
    found = compare_within(pair, "service", ("django", "flask"), Options())
    assert (found.design, found.exit_status) == ("interleaved", 1)
    rate = delta_of(found, "rate")
    assert rate.effect == pytest.approx(0.95, rel=0.01)
    assert rate.floor is None
    assert found.cells[0].label == "django / flask /agents, calibration"


def test_two_profiles_are_compared_within_blocks(tmp_path: Path) -> None:
    plan_ = document(blocks=20)
    for run in plan_["runs"]:
        run["profile"] = "stock" if run["block"] % 2 else "tuned"
        run["block"] = (run["block"] + 1) // 2
    plan_["blocks"] = 10
    folder = make(tmp_path / "profiles", plan_=plan_)
    found = compare_within(folder, "profile", ("stock", "tuned"), Options())
    assert found.exit_status == 0
    assert (found.cells[0].profile_a, found.cells[0].profile_b) == ("stock", "tuned")
    assert delta_of(found, "rate").n_a == 10


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("django", "pyramid"), "there is no service 'pyramid'; its services: django, flask"),
        (("django", "django"), "given twice"),
    ],
)
def test_services_that_are_not_there_are_refused(pair: ResultsFolder, names: tuple[str, str], said: str) -> None:
    with pytest.raises(TandemError, match=said):
        compare_within(pair, "service", names, Options())


# -- runs that do not count -----------------------------------------------------------------------------


def test_an_invalid_run_keeps_its_cell_from_being_judged(base: ResultsFolder, tmp_path: Path) -> None:
    """Leaving out the runs in which a daemon failed would hide the very change."""
    other = make(tmp_path / "other", special={("django", 3): Given(wrk=wrk_text(status=900)), ("django", 4): None})
    found = compare_folders(base, other, Options())
    assert (found.outcome, found.exit_status, found.invalid) == ("invalid-runs", 2, {"errors": 1, "not run": 1})
    assert found.cells[0].deltas == ()
    assert found.sentence == "1 of 1 cells cannot be judged, invalid runs: 1 errors, 1 not run"


def test_half_a_campaign_is_no_campaign(base: ResultsFolder, tmp_path: Path) -> None:
    other = make(tmp_path / "other", special={("django", block): None for block in range(6, 11)})
    found = compare_folders(base, other, Options())
    assert (found.exit_status, found.invalid) == (2, {"not run": 5})


def disturbed(*blocks: int) -> dict[tuple[str, int], Given | None]:
    return {("django", block): Given(wrk=wrk_text(), server=Snapshot(steal=0.1)) for block in blocks}


def test_disturbed_runs_are_left_out_while_enough_remain(base: ResultsFolder, tmp_path: Path) -> None:
    found = compare_folders(base, make(tmp_path / "other", special=disturbed(1, 2)), Options())
    assert found.exit_status == 0
    assert delta_of(found, "rate").n_b == 8
    said = "runs that do not count: none of A; 2 environment-changed of B (time taken by the hypervisor)"
    assert said in found.notes
    few = compare_folders(base, make(tmp_path / "few", special=disturbed(1, 2, 3, 4, 5, 6)), Options())
    assert (few.exit_status, few.invalid) == (2, {"environment-changed": 6})
    used = compare_folders(base, ResultsFolder(tmp_path / "few"), Options(use=["environment-changed"]))
    assert used.exit_status == 0
    assert delta_of(used, "rate").n_b == 10


def test_other_work_is_not_compared(base: ResultsFolder, tmp_path: Path) -> None:
    special = {("django", block): Given(wrk=wrk_text(), body_bytes=9000) for block in range(1, 11)}
    found = compare_folders(base, make(tmp_path / "other", special=special), Options())
    assert found.exit_status == 2
    assert found.cells[0].invalid == "a reply's body has 7100 bytes in A and 9000 in B: other work"


@pytest.mark.parametrize("blocks", [1, 4])
def test_too_few_blocks_are_said_and_give_no_number(
    base: ResultsFolder, tmp_path: Path, blocks: int, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make(tmp_path / "other", plan_=document(blocks=blocks))
    assert main(["compare", str(base.directory), str(other.directory)]) == 4
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == (
        f"Cannot tell: A has 10 block(s) and B {blocks}; comparing takes 5 on each side"
    )
    assert TIMES not in said


def test_five_pairs_have_no_interval_and_say_what_is_missing(tmp_path: Path) -> None:
    folder = make(tmp_path / "five", plan_=document(services=("django", "flask"), blocks=5))
    found = compare_within(folder, "service", ("django", "flask"), Options(metrics=RATE))
    rate = delta_of(found, "rate")
    assert (rate.low, rate.verdict, rate.words) == (None, "cannot-tell", "cannot tell (needs about 1 more block)")


def test_after_correction_six_blocks_cannot_show_what_they_show_alone(tmp_path: Path) -> None:
    plan_ = document(services=("django", "flask"), blocks=6)
    folder = make(tmp_path / "six", plan_=plan_, speed=lambda name: 0.8 if name == "flask" else 1.0)
    alone = compare_within(folder, "service", ("django", "flask"), Options(metrics=RATE))
    assert (alone.exit_status, alone.comparisons) == (1, 1)
    all_ = compare_within(folder, "service", ("django", "flask"), Options())
    assert all_.exit_status == 4
    assert delta_of(all_, "rate").words == (
        "cannot tell: not after correction for 4 comparisons (needs about 2 more blocks)"
    )


def test_an_open_loop_that_keeps_up_differs_in_latency_alone(tmp_path: Path) -> None:
    plan_ = document(services=("django", "flask"), rounds=("sustained",))
    folder = make(tmp_path / "open", plan_=plan_, speed=lambda name: 0.8 if name == "flask" else 1.0)
    found = compare_within(folder, "service", ("django", "flask"), Options())
    words = {delta.metric: delta.words for delta in found.cells[0].deltas}
    assert words == {
        "rate": "equivalent within 5 %", "p50": "slower", "p99": "slower", "cpu": "more CPU",
        "errors": "equivalent within 0.1 percentage points",
    }  # fmt: skip


def test_errors_are_compared_as_shares(tmp_path: Path) -> None:
    """Both sides are valid (at most 0.1 %), and one fails in every run."""
    plan_ = document(services=("django", "flask"), rounds=("sustained",))
    failing = {("flask", block): Given(pacer=pacer_result(status_5xx=6 + block % 3)) for block in range(1, 11)}
    folder = make(tmp_path / "failing", plan_=plan_, special=failing)
    found = compare_within(folder, "service", ("django", "flask"), Options())
    errors = delta_of(found, "errors")
    assert (errors.scale, errors.words) == ("difference", "more errors")
    assert errors.effect == pytest.approx(0.0007, rel=0.01)
    assert found.exit_status == 1


# -- output ---------------------------------------------------------------------------------------------


def test_text_markdown_and_json_say_the_same(
    base: ResultsFolder, slow: ResultsFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare_folders(base, slow, Options())
    shown = text(found)
    assert max(map(len, shown.splitlines())) <= WIDTH
    row = next(line for line in shown.splitlines() if line.startswith("  requests/s"))
    assert row.endswith("slower")
    assert "10+10" in row
    assert "p is corrected for 4 comparisons (Holm)" in shown
    assert "| requests/s | " in markdown(found)
    arguments = ["compare", str(base.directory), str(slow.directory)]
    assert main([*arguments, "--json"]) == 1
    document_ = json.loads(capsys.readouterr().out)
    assert document_["schema_version"] == 1
    assert document_["outcome"] == "worse"
    assert document_["cells"][0]["deltas"][0]["verdict"] == "slower"
    assert main([*arguments, "--markdown"]) == 1
    assert capsys.readouterr().out == markdown(found)


def test_junit_has_a_case_for_each_comparison(base: ResultsFolder, slow: ResultsFolder, tmp_path: Path) -> None:
    path = tmp_path / "compare.xml"
    assert main(["compare", str(base.directory), str(slow.directory), "--junit", str(path)]) == 1
    suite = ElementTree.parse(path).getroot().find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5", "failures": "4", "errors": "0", "skipped": "0",
    }  # fmt: skip
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert (failure.get("message") or "").startswith(f"slower: B / A {TIMES}0.8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A"], "compare takes two results folders"),
        (["A", "B", "--services", "django", "flask"], "compare takes two results folders"),
        (["A", "nowhere"], "nowhere: there is no such folder"),
        (["A", "B", "--floor", "x"], "x: no such file"),
        (["A", "B", "--floor", "-3%"], "expected one argument"),
        (["A", "B", "--floor", "100%"], "this is no share"),
        (["A", "B", "--round", "light"], "there is no round 'light'; its rounds: calibration"),
        (["A", "B", "--margin", "0%"], "is no share"),
        (["A", "B", "--margin", "0.05"], "is no share; allowed: above 0% to 99%, with the % sign"),
    ],
)
def test_bad_input_is_one_sentence(
    base: ResultsFolder, again: ResultsFolder, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"A": str(base.directory), "B": str(again.directory)}
    try:
        status = main(["compare", *(places.get(each, each) for each in arguments)])
    except SystemExit as left:
        status = int(str(left.code))
    assert status == 2
    output = capsys.readouterr()
    assert said in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


def test_another_schema_is_refused(base: ResultsFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = changed(base, tmp_path / "other", lambda plan_: plan_.update(schema_version=9))
    assert main(["compare", str(base.directory), str(other.directory)]) == 2
    output = capsys.readouterr()
    assert output.err.strip().endswith("schema version 9 is not known; allowed: 1")
    assert output.out == ""

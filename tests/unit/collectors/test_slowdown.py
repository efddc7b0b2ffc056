"""What the benchmark of known slowdowns makes of a campaign: on simulated runs whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import slowdown
from benchmarks.common import Cell
from benchmarks.slowdown import facts_of, main, read, rows_of
from benchmarks.slowdown_lab import (
    APP,
    CAMPAIGN,
    SAME,
    SLOWER,
    TURNING,
    TURNS,
    Calibration,
    Effort,
    calibration,
    copied,
    write_app,
    write_campaign,
)
from benchmarks.speed_tools import CannotMeasure
from collectors.compare import compare_within
from collectors.load_runs import load_runs
from collectors.plan import Request, build_plan
from collectors.plan.project import Project
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Given
from tests.unit.collectors.comparisons import document, make
from tests.unit.collectors.tool_output import Snapshot, wrk_text

BLOCKS = 10
NAMES = [f"{APP}-{name}" for name in (*SAME, *SLOWER)]


def speed(service: str) -> float:
    return 1 / (1 + SLOWER.get(service.removeprefix(f"{APP}-"), 0.0))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    """Runs that vary by 2 % to either side, so that 5 % shows in ten blocks."""
    plan = document(services=NAMES, blocks=BLOCKS)
    return make(tmp_path_factory.mktemp("slowdown") / "slowdown", speed=speed, noise=0.02, plan_=plan)


@pytest.fixture(scope="module")
def rows(campaign: ResultsFolder) -> list[dict[str, Cell]]:
    return rows_of(read(campaign.directory, ()))


def of(rows: list[dict[str, Cell]], part: str, metric: str | None = None) -> list[dict[str, Cell]]:
    return [row for row in rows if row["part"] == part and metric in {None, row["metric"]}]


def test_every_pair_is_judged_as_tandem_compare_does(campaign: ResultsFolder, rows: list[dict[str, Cell]]) -> None:
    singles = of(rows, "identical pairs") + of(rows, "slowed pairs")
    assert len(singles) == 21 + 14
    measured = read(campaign.directory, ())
    for row in singles[::7]:
        found = compare_within(campaign, "service", [f"{APP}-{row[side]}" for side in "AB"], measured.options)
        delta = next(each for each in found.cells[0].deltas if each.metric == "rate")
        assert (row["B / A"], row["from"], row["to"], row["verdict"]) == (
            delta.effect, delta.low, delta.high, delta.words,
        )  # fmt: skip


def test_false_alarms_are_counted_by_metric_and_by_pair(rows: list[dict[str, Cell]]) -> None:
    counted = {str(row["metric"]): row["claimed"] for row in of(rows, "identical")}
    claimed = sum(row["claimed"] == 1 for row in of(rows, "identical pairs"))
    assert counted["requests/s"] == claimed
    numbers = [value for name, value in counted.items() if name != "any" and isinstance(value, int)]
    any_ = counted["any"]
    assert isinstance(any_, int)
    assert max(numbers) <= any_ <= sum(numbers)
    assert all(row["pairs"] == 21 for row in of(rows, "identical"))


def test_a_known_slowdown_is_found_and_has_its_size(rows: list[dict[str, Cell]]) -> None:
    for name, share in SLOWER.items():
        (row,) = of(rows, f"slowed by {share:.0%}", "requests/s")
        assert (row["claimed"], row["B"], row["pairs"]) == (7, name, 7)
        assert row["B / A"] == pytest.approx(1 / (1 + share), rel=0.02)


def test_the_blocks_it_took_are_the_first_after_which_it_is_said(
    campaign: ResultsFolder, rows: list[dict[str, Cell]]
) -> None:
    measured = read(campaign.directory, ())
    for row in of(rows, "slowed pairs"):
        took, alone = row["blocks it took"], row["alone"]
        assert isinstance(took, int)
        assert isinstance(alone, int)
        assert alone <= took
        assert alone >= 6, "of fewer pairs no p is small enough"
        a, b = str(row["A"]), str(row["B"])
        for blocks in range(5, took + 1):
            (cell,) = measured.compared(a, b, blocks=blocks).cells
            assert {delta.n_a for delta in cell.deltas} == {blocks}
            verdict = next(delta.verdict for delta in cell.deltas if delta.metric == "rate")
            assert (verdict == "slower") == (blocks == took)


def test_blocks_beyond_are_no_runs_that_are_missing(campaign: ResultsFolder) -> None:
    found = read(campaign.directory, ()).compared("same-1", "slow-5", blocks=6)
    assert found.cells[0].left_out == {}


def test_the_achieved_slowdown_is_measured(campaign: ResultsFolder) -> None:
    facts = facts_of(read(campaign.directory, ()))
    for name, share in SLOWER.items():
        cpu = float(facts[name].partition("CPU time a request ")[2].partition("%")[0])
        assert cpu == pytest.approx(100 * share, abs=2)


def test_pairs_that_cannot_be_judged_say_so(tmp_path: Path) -> None:
    broken = Given(wrk=wrk_text(status=900), server=Snapshot())
    special = {(f"{APP}-same-1", block): broken for block in (2, 3)}
    make(tmp_path / "broken", speed=speed, plan_=document(services=NAMES, blocks=5), special=special)
    found = rows_of(read(tmp_path / "broken", ()))
    (row,) = [row for row in of(found, "identical pairs") if (row["A"], row["B"]) == ("same-1", "same-2")]
    assert (row["verdict"], row["claimed"], row["B / A"]) == ("not judged, invalid runs: 2 errors", None, None)
    assert of(found, "identical", "any")[0]["verdict"] == "6 not judged"


def test_disturbed_runs_count_where_that_is_declared_and_the_table_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen = Given(wrk=wrk_text(), server=Snapshot(steal=0.1))
    special = {(name, block): stolen for name in NAMES for block in range(1, 6)}
    make(tmp_path / "stolen", plan_=document(services=NAMES, blocks=5), special=special)
    monkeypatch.setattr(slowdown, "RESULTS", tmp_path / "tables")
    assert main(["--analyse", str(tmp_path / "stolen"), "--use", "environment-changed"]) == 1
    written = json.loads((tmp_path / "tables" / "slowdown.json").read_text(encoding="utf-8"))
    used = written["facts"]["runs that do not count"]
    assert used == "0; declared usable: environment-changed, as on a shared machine"
    assert written["facts"]["verdicts of the runs"] == "environment-changed 45"
    assert "environment-changed" in (tmp_path / "tables" / "slowdown.md").read_text(encoding="utf-8")


def test_another_campaign_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "other", plan_=document(blocks=1))
    assert main(["--analyse", str(tmp_path / "other")]) == 2
    assert capsys.readouterr().err.endswith("no campaign of this benchmark: it has no known-same-1\n")


def test_calibration_is_the_difference_of_the_two(tmp_path: Path) -> None:
    plain, turning = f"{APP}-{SAME[0]}", f"{APP}-{TURNING}"
    costs = {plain: 200.0, turning: 700.0}                    # us for each of 12,000 requests
    plan = document(services=[plain, turning], blocks=4)
    special = {
        (service, block): Given(wrk=wrk_text(), server=Snapshot(daemon_cpu_s=cost * 12_000 / 1e6))
        for service, cost in costs.items() for block in range(1, 5)
    }  # fmt: skip
    found = calibration(load_runs(make(tmp_path / "c", plan_=plan, special=special))[0])
    assert found.plain_us == pytest.approx(200, rel=0.01)
    assert found.turn_us == pytest.approx(500 / TURNS, rel=0.01)
    assert found.turns(0.05) == pytest.approx(400, rel=0.02)


def test_a_loop_that_took_nothing_calibrates_nothing(tmp_path: Path) -> None:
    services = [f"{APP}-{SAME[0]}", f"{APP}-{TURNING}"]
    found = make(tmp_path / "c", plan_=document(services=services, blocks=4), noise=0)
    with pytest.raises(CannotMeasure, match="took no CPU time"):
        calibration(load_runs(found)[0])


def test_the_copy_is_a_project_that_plans_the_campaign(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    words = Calibration(plain_us=180.4, turn_us=0.0213)
    variants = dict.fromkeys(SAME, ("no loop", 0))
    variants |= {name: (words.words(share), words.turns(share)) for name, share in SLOWER.items()}
    write_app(project, variants)
    write_campaign(project, CAMPAIGN, list(variants), Effort(blocks=BLOCKS, seconds=5))
    plan = build_plan(Project(root=project), Request(campaign="slowdown"))
    assert [service.id for service in plan.services] == NAMES
    assert [service.env["BUSY"] for service in plan.services] == ["0"] * 7 + ["423", "847"]
    assert len(plan.runs) == len(NAMES) * BLOCKS
    assert not [finding for finding in plan.findings if finding.fatal]
    for block in range(1, BLOCKS + 1):
        assert sorted(run.cell.service.id for run in plan.runs if run.block == block) == sorted(NAMES)

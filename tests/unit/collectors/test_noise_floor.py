"""The noise floor: made from a campaign's own blocks, kept, found by machine, printed beside every comparison."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.cli import main
from collectors.compare import Options, compare_folders, compare_within, measure
from collectors.compare.floor import NoiseFloor
from collectors.compare.floor_tables import WIDTH, floor_text
from collectors.compare.store import keep, read_floor
from collectors.errors import ReadError, TandemError
from collectors.load_runs import load_runs
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Given, write
from tests.unit.collectors.comparisons import document, make
from tests.unit.collectors.tool_output import Snapshot, wrk_text

BLOCKS = 16


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with a noise campaign in it, measured before the others."""
    place = tmp_path_factory.mktemp("results")
    plan_ = document(services=("django", "flask"), blocks=BLOCKS) | {"campaign": "noise"}
    make(place / "noise-1", plan_=plan_ | {"created_utc": "2026-02-26T10:00:00Z"}, noise=0.02)
    return place


def floor_of(folder: ResultsFolder) -> NoiseFloor:
    return measure(folder, load_runs(folder)[0])


def test_the_floor_is_of_the_size_of_the_noise(results: Path) -> None:
    floor = floor_of(ResultsFolder(results / "noise-1"))
    rows = {(row.metric, row.design): row for row in floor.rows}
    metrics = ("rate", "p50", "p99", "errors", "cpu")
    assert set(rows) == {(metric, design) for metric in metrics for design in ("interleaved", "apart")}
    together, one_by_one = rows["rate", "interleaved"], rows["rate", "apart"]
    assert (together.comparisons, together.values) == (2, BLOCKS // 2)
    assert (one_by_one.comparisons, one_by_one.values) == (2 * 6, BLOCKS // 4)
    for row in (together, one_by_one):
        assert 0.0005 < row.largest < 0.04
        assert row.cv == pytest.approx(0.0115, rel=0.5), "uniform within 2 % either way"
        sizes = list(row.detectable.values())
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] >= row.largest
    assert rows["errors", "apart"].largest == 0


def test_it_is_kept_beside_the_campaigns_and_found_by_machine(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["noise", str(results / "noise-1")]) == 0
    said = capsys.readouterr().out
    path = results / "noise" / "noise-1" / "noise-floor.json"
    assert said.splitlines()[-1] == f"Kept in {path}"
    floor = read_floor(path)
    assert said.startswith(floor_text(floor))
    assert max(map(len, floor_text(floor).splitlines())) <= WIDTH
    assert json.loads(path.read_text())["machines"]["server"]["hostname"] == "tandem-server"
    a, b = make(results / "a"), make(results / "b", seed=2, speed=0.96)
    found = compare_folders(a, b, Options())
    assert found.floor is not None
    assert found.floor.age_days == 3
    assert found.floor.sentence == (
        f"measured by the campaign noise of 2026-02-26T10:00:00Z, 3 days before the later campaign ({path})"
    )
    rate = found.cells[0].deltas[0]
    own = floor.row("calibration", "closed", "rate", "apart")
    assert own is not None
    assert rate.floor == own.largest
    assert rate.verdict == "slower", "4 % are within the floor that is assumed where none was measured"


def test_a_floor_of_other_machines_is_not_used(results: Path) -> None:
    keep(ResultsFolder(results / "noise-1"), floor_of(ResultsFolder(results / "noise-1")))
    other = {"hostname": "another-server"}
    a, b = make(results / "c", server=other), make(results / "d", seed=2, server=other)
    found = compare_folders(a, b, Options())
    assert found.floor is not None
    assert found.floor.source == "assumed"


def test_within_one_campaign_the_interleaved_floor_is_used(results: Path) -> None:
    keep(ResultsFolder(results / "noise-1"), floor_of(ResultsFolder(results / "noise-1")))
    pair = make(results / "pair", plan_=document(services=("django", "flask")))
    found = compare_within(pair, "service", ("django", "flask"), Options())
    own = floor_of(ResultsFolder(results / "noise-1")).row("calibration", "closed", "rate", "interleaved")
    assert own is not None
    assert found.cells[0].deltas[0].floor == own.largest


def test_a_floor_can_be_given_and_a_damaged_one_is_named(results: Path, tmp_path: Path) -> None:
    folder = ResultsFolder(results / "noise-1")
    path = keep(folder, floor_of(folder))
    a, b = make(tmp_path / "a"), make(tmp_path / "b", seed=2)
    found = compare_folders(a, b, Options(floor=read_floor(path), floor_source=str(path)))
    assert found.floor is not None
    assert found.floor.source == str(path)
    broken = tmp_path / "noise" / "broken" / "noise-floor.json"
    write(broken, {"kind": "noise-floor", "schema_version": 9})
    assert compare_folders(a, b, Options()).notes == (
        f"{broken}: a noise floor of schema version 9; allowed: 1",
    )
    write(broken, {"schema_version": 1})
    with pytest.raises(ReadError, match="no noise floor; allowed"):
        read_floor(broken)


def test_rounds_without_a_floor_of_their_own_take_the_largest_of_their_loop(results: Path) -> None:
    floor = floor_of(ResultsFolder(results / "noise-1"))
    assert floor.row("another", "closed", "rate", "apart") == floor.row("calibration", "closed", "rate", "apart")
    assert floor.row("another", "open", "rate", "apart") is None


def test_runs_that_do_not_count_are_left_out_and_said(tmp_path: Path) -> None:
    special: dict[tuple[str, int], Given | None] = {("django", 3): Given(wrk=wrk_text(), server=Snapshot(steal=0.1))}
    folder = make(tmp_path / "noise", plan_=document(blocks=12), special=special)
    floor = floor_of(folder)
    assert floor.left_out == {"environment-changed": 1}
    assert {row.values for row in floor.rows if row.design == "interleaved"} == {5}
    used = measure(folder, load_runs(folder)[0], use=["environment-changed"])
    assert {row.values for row in used.rows if row.design == "interleaved"} == {6}


@pytest.mark.parametrize(("blocks", "said"), [(11, "11 block\\(s\\) hold too few"), (1, "1 block\\(s\\) hold too few")])
def test_too_few_blocks_are_refused(tmp_path: Path, blocks: int, said: str) -> None:
    with pytest.raises(TandemError, match=said):
        floor_of(make(tmp_path / "few", plan_=document(blocks=blocks)))


def test_a_campaign_without_usable_runs_or_without_facts_is_refused(tmp_path: Path) -> None:
    disturbed: dict[tuple[str, int], Given | None] = {
        ("django", block): Given(wrk=wrk_text(), server=Snapshot(steal=0.1)) for block in range(1, 13)
    }
    folder = make(tmp_path / "noise", plan_=document(blocks=12), special=disturbed)
    said = r"no cell has enough usable runs for a noise floor \(12 environment-changed\)"
    with pytest.raises(TandemError, match=said):
        floor_of(folder)
    (folder.directory / "machines" / "client-facts.json").unlink()
    with pytest.raises(TandemError, match="the facts of both machines are not on record"):
        floor_of(folder)

"""The floor, from pacer's raw output to the page: what generator and link cost by themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.readers.detect import read_any
from collectors.readers.floor import Floor, read_floor
from collectors.report.page import page
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from collectors.tables import markdown, text
from collectors.units import DASH
from tests.unit.collectors.builders import Campaign, link_raw
from tests.unit.collectors.tool_output import GOLDEN, golden_json

BOUND = GOLDEN / "floor" / "client-bound.json"


def document(verdict: str = "valid", **figures: float | None) -> dict[str, Any]:
    """The golden floor, judged as asked and with other figures."""
    found: dict[str, Any] = golden_json("floor/client-bound.json")
    found["open"]["validity"]["verdict"] = verdict
    found["floor"].update(figures)
    return found


def floor_of(found: dict[str, Any]) -> Floor:
    return read_floor(json.dumps(found), Path("floor.json"))


def test_a_real_one_is_read_with_its_units() -> None:
    tool, floor = read_any(BOUND)
    assert tool == "floor"
    assert isinstance(floor, Floor)
    assert (floor.rate_per_s, floor.connections, floor.duration_s) == (1000, 64, 2)
    assert (floor.latency_p50_us, floor.latency_p99_us) == (917.503, 8445.951)
    assert floor.closed_loop_per_s == 10282.5
    assert floor.verdict == "client-bound"


def test_one_that_is_itself_invalid_says_so() -> None:
    bound, valid = floor_of(document("client-bound")), floor_of(document("valid"))
    assert bound.fault is not None
    assert "the floor is client-bound itself" in bound.fault
    assert "(client-bound)" in bound.sentence
    assert valid.fault is None
    assert "client-bound" not in valid.sentence


def test_what_the_sample_does_not_support_is_a_dash() -> None:
    floor = floor_of(document(corrected_p99_ns=None, closed_loop_per_s=None, cpu_per_request_us=None))
    assert f"p99 {DASH} at 1000 req/s" in floor.sentence
    assert f"closed loop {DASH} req/s" in floor.sentence
    assert f"cpu        {DASH} of the generator a request" in describe("floor", floor)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("schema_version", 2, "schema version 2, only 1 is understood"),
        ("floor", {"corrected_p50_ns": 1}, "floor.corrected_p99_ns is missing"),
        ("open", {}, "open.load is missing"),
        ("closed", None, "closed is not an object"),
        ("kind", "other", "kind is not 'selftest'"),
    ],
)
def test_a_damaged_one_is_refused_by_name(key: str, value: object, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        floor_of({**document(), key: value})


def shown(directory: Path, content: str | None) -> tuple[ResultsFolder, str, str, str]:
    """A campaign with this floor in its folder, and its summary as text, Markdown and page."""
    Campaign(directory)
    link_raw(directory)
    assert main(["link", str(directory)]) == 0
    folder = ResultsFolder(directory)
    if content is not None:
        folder.floor_file.write_text(content)
    summary, runs = summarise(folder)
    return folder, " ".join(text(summary).split()), markdown(summary), page(folder, summary, runs)


def test_a_campaign_shows_its_floor(tmp_path: Path) -> None:
    folder, *outputs = shown(tmp_path, json.dumps(document()))
    summary, _ = summarise(folder)
    assert summary.floor is not None
    assert to_json(summary)["floor"]["latency_p99_us"] == summary.floor.latency_p99_us
    for output in outputs:
        assert summary.floor.sentence in output
    assert not [finding for finding in summary.warnings if finding.kind == "floor"]


def test_an_invalid_floor_is_among_what_to_know_first(tmp_path: Path) -> None:
    folder, terminal, _, drawn = shown(tmp_path, json.dumps(document("client-bound")))
    (finding,) = [finding for finding in summarise(folder)[0].warnings if finding.kind == "floor"]
    assert finding.where == "link/before/floor.json"
    assert finding.advice in terminal
    assert "client-bound itself" in drawn


def test_a_folder_from_before_floors_has_a_dash(tmp_path: Path) -> None:
    folder, *outputs = shown(tmp_path, None)
    assert all(f"the generator and the link alone: {DASH}" in output.lower() for output in outputs)
    summary, _ = summarise(folder)
    assert summary.floor is None
    assert not [finding for finding in summary.warnings if finding.kind == "floor"]


def test_a_damaged_floor_is_said_and_stops_nothing(tmp_path: Path) -> None:
    folder, *_ = shown(tmp_path, '{"kind": "selftest", "floor"')
    summary, _ = summarise(folder)
    assert summary.floor is None
    (finding,) = [finding for finding in summary.warnings if finding.kind == "floor"]
    assert "link/before/floor.json cannot be read" in finding.advice

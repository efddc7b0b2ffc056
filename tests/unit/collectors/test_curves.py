"""Latency against percentile: from added counts, as far as the sample goes, and honest about what is missing."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.cli import main
from collectors.errors import ReadError
from collectors.readers.pacer_histograms import read_corrected
from collectors.report.curve_chart import spaced
from collectors.report.curves import Curve, Curves, curves, sample
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from pacer.distribution import describe
from pacer.histogram import Histogram
from tests.unit.collectors.builders import Campaign, Given, plan
from tests.unit.collectors.test_summary import full
from tests.unit.collectors.tool_output import pacer_result

MS = 1_000_000


def test_a_point_is_the_percentile_of_the_tables() -> None:
    values = Histogram.of(range(MS, 11 * MS, 1000))
    points = list(sample(values, Histogram()))
    figures = describe(values).percentiles
    for percent, beyond in (("90", 10), ("99", 100), ("99.9", 1000)):
        point = next(each for each in points if each.beyond == pytest.approx(beyond))
        value = figures[percent]
        assert value is not None
        assert point.latency_us * 1000 == value
    assert points[-1].beyond == pytest.approx(1000), "10 of 10000 lie beyond the last point"
    assert all(point.exact for point in points)


@pytest.mark.parametrize(("n", "last"), [(0, None), (19, None), (20, 2), (150, 15), (999, 99.9), (100_000, 10_000)])
def test_it_ends_where_ten_lie_beyond(n: int, last: float | None) -> None:
    points = list(sample(Histogram.of(range(1, n + 1)), Histogram()))
    assert (points[-1].beyond if points else None) == last


@given(st.lists(st.integers(0, 10**10), max_size=300), st.lists(st.integers(0, 10**10), max_size=300))
def test_it_rises_and_is_exact_only_below_what_is_missing(known: list[int], censored: list[int]) -> None:
    points = list(sample(Histogram.of(known), Histogram.of(censored)))
    n = len(known) + len(censored)
    assert bool(points) == (n >= 20)
    beyond, latencies = [point.beyond for point in points], [point.latency_us for point in points]
    assert beyond == sorted(set(beyond))
    assert latencies == sorted(latencies)
    exact = [point.exact for point in points]
    assert exact == sorted(exact, reverse=True), "once a bound, always a bound"
    for point in points:
        true_at_most = sorted([*known, *[10**12] * len(censored)])[n - round(n / point.beyond) - 1]
        assert point.latency_us * 1000 >= true_at_most * 0.999 or not point.exact


def test_requests_without_an_answer_make_it_a_bound() -> None:
    points = list(sample(Histogram.of([MS] * 900), Histogram.of([2 * MS] * 100)))
    assert [point.beyond for point in points if point.exact][-1] == pytest.approx(10)
    bounds = [point for point in points if not point.exact]
    assert {round(point.latency_us / 1000) for point in bounds} == {2}
    assert bounds[0].beyond > 10


def found(directory: Path, round_: str) -> Curves:
    folder = ResultsFolder(directory)
    summary, runs = summarise(folder)
    return curves(folder, next(table for table in summary.tables if table.round == round_), runs)


def of(curves_: Curves, service: str, endpoint: str) -> Curve:
    return next(one for one in curves_.by_endpoint[endpoint] if one.row.cell.service == service)


def test_a_campaign_has_a_curve_for_each_cell_of_an_open_loop(tmp_path: Path) -> None:
    full(tmp_path)
    sustained = found(tmp_path, "sustained")
    rows = {(one.row.cell.service, endpoint) for endpoint, each in sustained.by_endpoint.items() for one in each}
    assert rows == {(run["service"], run["endpoint"]) for run in plan()["runs"] if run["round"] == "sustained"}
    assert sustained.notes == ()
    assert of(sustained, "flask", "agents").points[-1].beyond == pytest.approx(1000)
    assert of(found(tmp_path, "light"), "flask", "agents").points[-1].beyond == pytest.approx(15)
    assert found(tmp_path, "calibration") == Curves(round="calibration", by_endpoint={}, notes=())


def with_two_blocks(directory: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    document = plan()
    document["blocks"] = 2
    one = next(run for run in document["runs"] if (run["service"], run["endpoint"], run["round"]) == (
        "flask", "agents", "sustained"))
    document["runs"] = [one, one | {"id": "0099-flask-agents-sustained-b2", "index": 99, "block": 2}]
    campaign = Campaign(directory, document)
    for run, result in zip(document["runs"], (first, second), strict=True):
        campaign.leave(run, Given(pacer=result))
        assert main(["record", str(directory), run["id"]]) == 0


def test_runs_of_a_cell_are_added_and_not_averaged(tmp_path: Path) -> None:
    """One run fast, one a hundred times slower: the median of all lies in the fast one, no value in between."""
    with_two_blocks(tmp_path, pacer_result(p50_us=1000, duration_s=30), pacer_result(p50_us=100_000, duration_s=20))
    curve = of(found(tmp_path, "sustained"), "flask", "agents")
    assert (curve.runs, curve.requests) == (2, 20_000)
    values = [point.latency_us for point in curve.points]
    assert not [value for value in values if 15_500 < value < 99_000]
    last_fast = max(point.beyond for point in curve.points if point.latency_us < 50_000)
    assert last_fast == pytest.approx(20_000 / 8_000, rel=0.05), "12,000 of the 20,000 were fast"


def test_a_damaged_histogram_is_said_and_the_page_is_made(tmp_path: Path) -> None:
    broken = pacer_result()
    broken["histograms"]["corrected"] = "HISTFAAA"
    other = pacer_result()
    other["latency"]["corrected"]["n"] -= 1
    full(tmp_path, flask_agents_sustained=Given(pacer=broken), django_agents_sustained=Given(pacer=other))
    assert main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r"no curve for flask /agents: runs/\S+/load.json: histograms.corrected cannot be read", page)
    assert re.search(r"django /agents: \S+ histograms.corrected holds 10000 requests, but \S+ counts 9999", page)


def test_too_few_requests_are_said(tmp_path: Path) -> None:
    full(tmp_path, flask_agents_light=Given(pacer=pacer_result(rate=1, duration_s=15)))
    assert found(tmp_path, "light").notes == ("no curve for want of requests: flask /agents (15)",)


def test_a_backlog_is_dashed_and_marked(tmp_path: Path) -> None:
    full(tmp_path, flask_agents_sustained=Given(pacer=pacer_result(completed=2750)))
    assert main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    chart = re.findall(r'<svg [^>]*aria-label="Latency against percentile, round sus.*?</svg>', page, re.DOTALL)[0]
    assert ">flask†</text>" in chart
    assert ">django</text>" in chart
    assert "stroke-dasharray" in chart
    assert re.search(r"flask /agents, 10000 requests: from \S+ to ≥\S+ where 1 request in 1000 was slower", chart)


def test_names_stay_where_they_are_when_there_is_room() -> None:
    assert spaced([0.5, 0.2], 0.1) == pytest.approx([0.5, 0.2])
    assert spaced([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55]), "as little as can be"
    assert spaced([1.0, 0.9], 0.1) == pytest.approx([0.95, 0.85])


@given(st.lists(st.floats(0, 1), max_size=8))
def test_names_do_not_lie_on_each_other(heights: list[float]) -> None:
    gap = 0.1
    moved = spaced(heights, gap)
    by_height = sorted(moved)
    assert all(upper - lower >= gap - 1e-9 for lower, upper in itertools.pairwise(by_height))
    assert all(-1e-9 <= each <= 1 + 1e-9 for each in moved)
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    assert all(moved[a] < moved[b] for a, b in itertools.pairwise(order)), "in their order"


@pytest.mark.parametrize(("change", "says"), [
    ({"histograms": {}}, "histograms.corrected is missing"),
    ({"histograms": None}, "histograms is not an object"),
    ({"latency": {}}, "latency.corrected is missing"),
])
def test_a_result_without_histograms_is_an_error(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ReadError, match=says):
        read_corrected(json.dumps(pacer_result() | change), "load.json")

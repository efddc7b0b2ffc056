"""Published figures: what the data files hold, what is said to be wrong, and what may stand beside what."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.errors import ReadError
from collectors.published import names as names_module
from collectors.published import read as read_module
from collectors.published.model import PublishedSet, TableBeside
from collectors.published.names import published_names
from collectors.published.read import read_published
from collectors.published.tables import remarks
from collectors.record import record
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from collectors.tables import WIDTH, text
from tests.unit.collectors.builders import Campaign, Given, plan
from tests.unit.collectors.test_report import Page
from tests.unit.collectors.tool_output import pacer_result, wrk_text

SERVICES = ("django-faithful", "flask-faithful", "api-hour-faithful")


def campaign(
    directory: Path,
    *,
    blocks: int = 1,
    published: str = "seed-2015",
    rounds: tuple[str, ...] = ("calibration", "sustained", "light"),
) -> Path:
    """A campaign of the first benchmark; requests per second of the calibration by service."""
    document = plan(services=SERVICES, blocks=blocks, rounds=rounds)
    document["published"] = published
    made = Campaign(directory, document)
    speeds = {"django-faithful": 100.0, "flask-faithful": 110.0, "api-hour-faithful": 900.0}
    for run in document["runs"]:
        rate = speeds[run["service"]] * (1 + 0.01 * run["block"])
        given = Given(wrk=wrk_text(rate=rate, mean_ms=6400 / rate * 10)) if run["round"] == "calibration" else Given()
        made.leave(run, given)
        record(ResultsFolder(directory), run["id"])
    return directory


def table_of(directory: Path, title: str) -> TableBeside:
    published = summarise(ResultsFolder(directory))[0].published
    assert published is not None
    return next(table for table in published.tables if table.title == title)


# -- the data -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", published_names())
def test_a_set_is_sound(name: str) -> None:
    found = read_published(name)
    assert found.tables
    for table in found.tables:
        row_names = [row.name for row in table.rows]
        assert len(row_names) == len(set(row_names))
        for row in table.rows:
            assert row.services
            assert row.figure(table.compared) is not None, (table.title, row.name)
        for correction in table.corrections:
            assert correction.printed != correction.correct
            assert correction.why


def test_there_are_three() -> None:
    assert published_names() == ["seed-2015", "seed-2015-second", "seed-2017"]


def row(found: PublishedSet, title: str, name: str) -> Any:
    table = next(each for each in found.tables if each.title == title)
    return next(each for each in table.rows if each.name == name)


def test_figures_are_the_raw_outputs_and_not_the_tables() -> None:
    found = read_published("seed-2015")
    index = "Round 1, calibration, /index"
    assert [row(found, index, name).figure("rate") for name in ("Django", "Flask", "API-Hour")] == [
        (2344.23, 2344.23), (2644.71, 2644.71), (13200.94, 13200.94),
    ]  # fmt: skip
    assert row(found, "Round 1, calibration, /agents", "Flask").figure("mean") == (619_860, 619_860)
    assert row(found, "Round 2, sustained, /index", "Django").figure("mean") == (82_200_000, 82_200_000)


def test_every_known_mistake_is_named() -> None:
    lines = [line for table in read_published("seed-2015").tables for line in map(str, table.corrections)]
    printed = [each.printed for table in read_published("seed-2015").tables for each in table.corrections]
    assert printed == ["70598", "79598", "395847", "13.16 s", "97 s"]
    assert len(lines) == 5
    notes = " ".join(read_published("seed-2015").notes)
    for words in ("396", "different units", "6570 bytes", "closed each connection"):
        assert words in notes


def test_rates_of_2017_are_requests_over_durations() -> None:
    found = read_published("seed-2017")
    table = found.tables[0]
    assert len(table.rows) == 11
    assert row(found, table.title, "aiohttp").figure("rate") == (1527.46, 1527.46)
    assert [each.what for each in table.corrections] == ["max", "p99 and p99.9", "p99.9"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("schema_version: 1", "schema_version: 2", "schema_version is not 1"),
        ("reference: Django\n", "reference: Rails\n", "the reference 'Rails' is none of its rows"),
        ("compared: rate", "compared: speed", "is not one of rate, mean, p50, p99, max"),
        ("endpoint: index", "endpont: index", "unknown key endpont"),
        ("title: Round 1, calibration, /index", "title: [", "not YAML"),
    ],
)
def test_a_damaged_set_leads_to_one_sentence(
    old: str, new: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (names_module.FOLDER / "seed-2015.yml").read_text(encoding="utf-8")
    assert old in whole
    (tmp_path / "seed-2015.yml").write_text(whole.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(names_module, "FOLDER", tmp_path)
    monkeypatch.setattr(read_module, "FOLDER", tmp_path)
    with pytest.raises(ReadError, match=re.escape(sentence)) as caught:
        read_published("seed-2015")
    assert "\n" not in str(caught.value)


def test_an_unknown_set_in_a_frozen_plan_leads_to_one_sentence(tmp_path: Path) -> None:
    document = plan(services=SERVICES)
    document["published"] = "seed-1999"
    folder = ResultsFolder(Campaign(tmp_path, document).directory)
    with pytest.raises(ReadError, match=r"no published figures of this name; there are: seed-2015, seed-2015-second"):
        summarise(folder)


# -- beside what was measured ---------------------------------------------------------------------------


def test_ratios_between_rows_there_and_here(tmp_path: Path) -> None:
    table = table_of(campaign(tmp_path, blocks=6, rounds=("calibration",)), "Round 1, calibration, /agents")
    by_name = {each.name: each for each in table.rows}
    assert (table.compared, table.reference, table.why_not) == ("rate", "Django", None)
    assert by_name["Django"].ratio_here is None
    assert by_name["API-Hour"].ratio_there == pytest.approx((4179.54 / 582.93,))
    here = by_name["API-Hour"].ratio_here
    assert here is not None
    assert here.low is not None
    assert here.n == 6
    assert here.ratio == pytest.approx(9)
    assert by_name["API-Hour"].figures["rate"].here == pytest.approx(900 * 1.035, rel=0.001)
    assert by_name["API-Hour"].figures["mean"].there_low == 98_310


def test_a_row_that_is_not_measured_has_no_figure(tmp_path: Path) -> None:
    table = table_of(campaign(tmp_path), "Round 1, calibration, /agents")
    orm = next(each for each in table.rows if each.name == "Django ORM")
    assert (orm.service, orm.verdict, orm.ratio_here) == (None, "not in this campaign", None)
    assert (orm.figures["rate"].here, orm.figures["rate"].here_shown) == (None, "\N{EN DASH}")
    assert orm.ratio_there


def test_the_faithful_variant_is_preferred(tmp_path: Path) -> None:
    table = table_of(campaign(tmp_path), "Round 1, calibration, /index")
    assert [each.service for each in table.rows] == list(SERVICES)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"loop": "open", "rate_per_s": 100}, "is of the open loop here and of the closed loop there"),
        ({"path": "link"}, "runs through the link here and on the server's own localhost there"),
    ],
)
def test_loops_and_paths_are_never_mixed(change: dict[str, object], why: str, tmp_path: Path) -> None:
    document = plan(services=SERVICES)
    document["published"] = "seed-2015"
    document["rounds"]["calibration"] |= change
    directory = Campaign(tmp_path, document).directory
    table = table_of(directory, "Round 1, calibration, /index")
    assert table.why_not is not None
    assert why in table.why_not
    assert table.here is None
    assert {each.service for each in table.rows} == {None}


def test_a_round_that_is_not_repeated_stands_alone(tmp_path: Path) -> None:
    document = plan(services=SERVICES, rounds=("light",))
    document["published"] = "seed-2015"
    table = table_of(Campaign(tmp_path, document).directory, "Round 2, sustained, /index")
    assert table.why_not == "this campaign has no round sustained"
    assert "published wrong: Django, mean latency: printed 97 s, is 82.2 s" in remarks(table)[0]


def test_a_light_round_compares_latencies(tmp_path: Path) -> None:
    table = table_of(campaign(tmp_path), "Round 3, light, /agents")
    flask = next(each for each in table.rows if each.name == "Flask")
    assert table.compared == "mean"
    assert flask.ratio_there == pytest.approx((18.74 / 19.36,))
    assert flask.ratio_here is not None
    assert flask.ratio_here.ratio == pytest.approx(1)


def test_an_overloaded_row_keeps_its_mark(tmp_path: Path) -> None:
    directory = campaign(tmp_path)
    made = Campaign(directory, json.loads((directory / "campaign.json").read_text(encoding="utf-8")))
    run = made.run_of("flask-faithful", "agents", "sustained")
    made.leave(run, Given(pacer=pacer_result(completed=2000)))
    record(ResultsFolder(directory), run["id"])
    flask = table_of(directory, "Round 2, sustained, /agents").rows[1]
    assert flask.verdict == "overloaded (not ranked)"
    assert flask.figures["mean"].here_shown.endswith("†")


def test_a_published_range_stays_a_range() -> None:
    flask = row(read_published("seed-2015-second"), "Round 5, closed loop, /agents", "Flask, uWSGI")
    assert flask.figure("rate") == (624, 629)


# -- shown ----------------------------------------------------------------------------------------------


def test_text_markdown_json_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = campaign(tmp_path, blocks=6, rounds=("calibration",))
    assert main(["report", str(directory)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= max(WIDTH, len(str(directory)) + 30)
    assert "Published beside measured: 2015, first benchmark" in shown
    assert "published wrong: API-Hour, requests/s: printed 395847, is 13200.94" in " ".join(shown.split())
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    assert summary["published"]["tables"][0]["title"] == "Round 1, calibration, /index"
    assert "## Published beside measured" in (directory / "summary.md").read_text(encoding="utf-8")
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert Page(page).open == []
    assert 'href="#published"' in page
    for words in ("13.16 s", "619.86 ms", "12 x 33", "\N{MULTIPLICATION SIGN}7.17", "\N{MULTIPLICATION SIGN}9"):
        assert words in page


@pytest.mark.parametrize("name", published_names())
def test_every_table_fits_a_terminal(name: str, tmp_path: Path) -> None:
    shown = text(summarise(ResultsFolder(campaign(tmp_path, published=name)))[0])
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_a_campaign_without_published_figures_has_none(tmp_path: Path) -> None:
    summary = summarise(ResultsFolder(Campaign(tmp_path).directory))[0]
    assert summary.published is None
    assert "Published" not in text(summary)

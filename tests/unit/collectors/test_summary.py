"""The summary: rows, marks, peers, replicates, and the same bytes again."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given as given_
from hypothesis import settings
from hypothesis import strategies as st

from collectors.cli import main
from collectors.codec import to_json
from collectors.jsonio import dump
from collectors.model import Errors
from collectors.record import record
from collectors.replicates import interval_note, spread
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from collectors.summary import Row, Summary, errors_by_kind
from collectors.tables import WIDTH, comma_separated, markdown, text
from tests.unit.collectors.builders import Campaign, Given, link_raw, plan, write
from tests.unit.collectors.tool_output import Snapshot, pacer_result, wrk_text


def full(directory: Path, **special: Given) -> Campaign:
    """A campaign with every run recorded; `special` is keyed by service_endpoint_round, dashes as in their
    names."""
    campaign = Campaign(directory)
    for run in campaign.document["runs"]:
        name = f"{run['service']}_{run['endpoint']}_{run['round']}".replace("-", "")
        campaign.leave(run, special.get(name, Given()))
        record(ResultsFolder(directory), run["id"])
    return campaign


def summary_of(directory: Path) -> Summary:
    return summarise(ResultsFolder(directory))[0]


def row_of(summary: Summary, service: str, endpoint: str, round_: str) -> Row:
    for table in summary.tables:
        for row in table.rows:
            if (row.cell.service, row.cell.endpoint, row.cell.round) == (service, endpoint, round_):
                return row
    raise AssertionError((service, endpoint, round_))


def test_every_cell_has_a_row_in_the_plans_order(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path).directory)
    assert [table.round for table in summary.tables] == ["calibration", "sustained", "light"]
    expected = [(endpoint, service) for endpoint in ("index", "agents") for service in ("django", "flask", "api-hour")]
    for table in summary.tables:
        assert [(row.cell.endpoint, row.cell.service) for row in table.rows] == expected


def test_random_order_of_runs_does_not_change_the_rows(tmp_path: Path) -> None:
    document = plan()
    document["runs"] = document["runs"][::-1]
    assert [row.cell for table in summary_of(Campaign(tmp_path, document).directory).tables for row in table.rows] == [
        row.cell for table in summary_of(full(tmp_path / "other").directory).tables for row in table.rows
    ]


def test_an_overloaded_rows_latency_is_a_backlog(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path, flask_agents_sustained=Given(pacer=pacer_result(completed=2750))).directory)
    row = row_of(summary, "flask", "agents", "sustained")
    assert (row.verdict, row.ranked, row.label) == ("overloaded", False, "backlog")
    assert "≥3.60ms†" in text(summary)
    assert any(note.startswith("† backlog") for note in summary.tables[1].notes)


def test_a_closed_loops_latency_is_service_time_and_cut_off_by_timeouts(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path, flask_agents_calibration=Given(wrk=wrk_text(timeouts=900))).directory)
    row = row_of(summary, "flask", "agents", "calibration")
    assert (row.label, row.verdict) == ("service time", "errors")
    assert row.latency is not None
    assert row.latency.truncated
    assert any("service times of a closed loop" in note for note in summary.tables[0].notes)
    assert "‡" in text(summary)


def test_percentiles_only_where_the_sample_supports_them(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path).directory)
    light = row_of(summary, "flask", "index", "light").latency
    sustained = row_of(summary, "flask", "index", "sustained").latency
    assert light is not None
    assert sustained is not None
    assert set(light.percentiles_us) == {"50", "90"}
    assert set(sustained.percentiles_us) == {"50", "90", "99", "99.9"}


def test_runs_that_were_not_measured_have_no_numbers(tmp_path: Path) -> None:
    failure = {"kind": "did-not-start", "message": "port 8000 cannot be used"}
    campaign = full(tmp_path, flask_agents_sustained=Given(contract_failure=failure))
    row = row_of(summary_of(campaign.directory), "flask", "agents", "sustained")
    assert (row.outcome, row.verdict, row.ranked, row.completed_per_s, row.latency) == (
        "did-not-start",
        "did-not-start",
        False,
        None,
        None,
    )
    shown = text(summary_of(campaign.directory))
    assert "    port 8000 cannot be used" in shown.splitlines()


def test_a_broken_raw_file_costs_only_its_run(tmp_path: Path) -> None:
    campaign = full(tmp_path)
    planned = campaign.run_of("flask", "agents", "sustained")
    (tmp_path / "runs" / planned["id"] / "load.json").write_text('{"schema_version": 1,', encoding="utf-8")
    summary = summary_of(tmp_path)
    row = row_of(summary, "flask", "agents", "sustained")
    assert row.outcome == "unreadable"
    assert "load.json, line 1: broken JSON" in row.reasons[0]
    assert row_of(summary, "flask", "agents", "light").outcome == "measured"
    assert summary.outcome.startswith("17 of 18 runs measured")


def test_a_changed_raw_file_is_noticed(tmp_path: Path) -> None:
    campaign = full(tmp_path)
    planned = campaign.run_of("flask", "agents", "sustained")
    write(tmp_path / "runs" / planned["id"] / "load.json", pacer_result(p50_us=901))
    kinds = [finding.kind for finding in summary_of(tmp_path).warnings]
    assert kinds.count("raw-file-changed") == 1


def test_missing_runs_are_named(tmp_path: Path) -> None:
    campaign = full(tmp_path)
    planned = campaign.run_of("flask", "agents", "light")
    shutil.rmtree(tmp_path / "runs" / planned["id"])
    summary = summary_of(tmp_path)
    assert summary.missing_runs == (planned["id"],)
    assert row_of(summary, "flask", "agents", "light").verdict == "not run"
    assert main(["check", str(tmp_path)]) == 1


def test_a_campaign_that_has_not_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Campaign(tmp_path)
    assert main(["summarise", str(tmp_path)]) == 0
    assert "0 of 18 runs measured" in capsys.readouterr().out


def test_one_replicate_gives_no_interval_and_says_so(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path).directory)
    assert summary.replicates_note == "1 replicate: no interval"
    got = row_of(summary, "flask", "index", "sustained").completed_per_s
    assert got is not None
    assert (got.n, got.low, got.high) == (1, None, None)
    assert "1 replicate: no interval" in text(summary)


def test_the_table_fits_a_terminal(tmp_path: Path) -> None:
    slow = Given(
        pacer=pacer_result(completed=900, p50_us=71.3e6, status_5xx=313, timeouts=500),
        client=Snapshot(busy=0.95, swapped=3),
    )
    shown = text(summary_of(full(tmp_path, flask_agents_sustained=slow).directory))
    assert max(map(len, shown.splitlines())) <= WIDTH


# -- peers ----------------------------------------------------------------------------------------------


def test_another_body_is_other_work(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path, django_agents_light=Given(body_bytes=7000)).directory)
    row = row_of(summary, "django", "agents", "light")
    assert row.verdict == "not-equivalent"
    assert row.verdicts[0].evidence[0].value == 7000
    assert row_of(summary, "flask", "agents", "light").verdict == "valid"


def test_a_space_in_a_short_body_is_the_same_work(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path, django_index_light=Given(body_bytes=17)).directory)
    assert row_of(summary, "django", "index", "light").verdict == "valid"


def test_connections_treated_otherwise_are_not_compared(tmp_path: Path) -> None:
    summary = summary_of(full(tmp_path).directory)
    for table in summary.tables:
        for row in table.rows:
            assert (row.verdict == "not-equivalent") == (row.cell.service == "api-hour")


def test_two_that_differ_have_no_majority(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, plan(services=("flask", "api-hour"), rounds=("light",)))
    for run in campaign.document["runs"]:
        campaign.leave(run, Given())
        record(ResultsFolder(tmp_path), run["id"])
    assert {row.verdict for row in summary_of(tmp_path).tables[0].rows} == {"not-equivalent"}


# -- what to know first ---------------------------------------------------------------------------------


def test_warnings(tmp_path: Path) -> None:
    campaign = full(tmp_path)
    document = campaign.document
    document["profile"]["postgresql"] = {"fsync": "off", "synchronous_commit": "on"}
    document["versions"]["dirty"] = True
    write(tmp_path / "campaign.json", document)
    write(tmp_path / "machines" / "server-facts.json", {"schema_version": 1, "label": "virtual lab"})
    write(
        tmp_path / "machines" / "settings-server-report.json",
        {"report": {"unavailable": [{"key": "net.ipv4.tcp_tw_recycle", "why": "gone since 4.12"}]}},
    )
    found = {"restored": False, "others_changed": [{"key": "vm.swappiness", "from": "60", "to": "10"}]}
    write(tmp_path / "machines" / "settings-server-restored.json", {"report": found})
    summary = summary_of(tmp_path)
    advice = " / ".join(finding.advice for finding in summary.warnings)
    assert summary.label == "virtual lab"
    for words in (
        "the link was not checked",
        "fsync = off trades",
        "net.ipv4.tcp_tw_recycle",
        "not put back as it was found",
        "other settings that changed during the campaign: vm.swappiness",
        "net.ipv4.tcp_mem is not applied as published",
        "support no p99",
        "in no commit",
    ):
        assert words in advice
    assert "synchronous_commit" not in advice


def test_a_changed_environment_is_said_once_for_all_runs(tmp_path: Path) -> None:
    directory = full(
        tmp_path,
        flask_agents_light=Given(server=Snapshot(steal=0.02)),
        flask_index_light=Given(client=Snapshot(steal=0.1, swapped=7)),
    ).directory
    advice = [each.advice for each in summary_of(directory).warnings if each.kind == "environment-changed"]
    assert len(advice) == 2
    assert advice[0].startswith("time taken by the hypervisor: up to 10.0% (limit 0.10%), in 2 of 18 runs")
    assert advice[1].startswith("pages swapped: up to 7 pages (limit 0 pages), in 1 of 18 runs")


def test_link_and_drift(tmp_path: Path) -> None:
    full(tmp_path)
    link_raw(tmp_path, mbit=970)
    link_raw(tmp_path, "after", mbit=940)
    assert main(["link", str(tmp_path)]) == 0
    main(["link", str(tmp_path), "--when", "after"])
    summary = summary_of(tmp_path)
    assert summary.link_before is not None
    assert [finding.kind for finding in summary.warnings if finding.kind.startswith("link")] == [
        "link-drift",
        "link-drift",
    ]


def test_a_damaged_link_file_is_a_warning(tmp_path: Path) -> None:
    full(tmp_path)
    link_raw(tmp_path)
    (tmp_path / "link" / "before" / "link.json").write_text("{", encoding="utf-8")
    assert any("link.json cannot be read" in finding.advice for finding in summary_of(tmp_path).warnings)


# -- files ----------------------------------------------------------------------------------------------


def test_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    full(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for name in ("one", "two", "two"):
        assert main(["summarise", str(tmp_path / name)]) == 0
    for name in ("summary.json", "summary.md", "summary.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@settings(max_examples=20)
@given_(
    completed=st.lists(st.integers(0, 10_000), min_size=6, max_size=6),
    p50_us=st.floats(1, 1e7),
    lag_us=st.one_of(st.none(), st.floats(0, 5000)),
)
def test_any_campaign_is_rebuilt_byte_for_byte(completed: list[int], p50_us: float, lag_us: float | None) -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        campaign = Campaign(directory, plan(rounds=("sustained",)))
        for count, run in zip(completed, campaign.document["runs"], strict=True):
            campaign.leave(run, Given(pacer=pacer_result(completed=count, p50_us=p50_us, lag_p99_us=lag_us)))
            record(ResultsFolder(directory), run["id"])
        first, second = summary_of(directory), summary_of(directory)
        assert dump(to_json(first)) == dump(to_json(second))
        assert markdown(first) == markdown(second)
        assert max(map(len, text(first).splitlines())) <= WIDTH


def test_csv_is_plain_numbers(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(summary_of(full(tmp_path).directory)))))
    assert len(rows) == 18
    sustained = next(
        row for row in rows if row["round"] == "sustained" and row["service"] == "flask" and row["endpoint"] == "index"
    )
    assert float(sustained["asked_per_s"]) == float(sustained["completed_per_s"]) == 400
    assert float(sustained["latency_p99_us"]) == 3600
    assert (sustained["verdict"], sustained["ranked"], sustained["errors_timeout"]) == ("valid", "true", "0")
    light = next(row for row in rows if row["round"] == "light")
    assert light["latency_p99_us"] == ""


def test_markdown_has_every_row_and_escapes(tmp_path: Path) -> None:
    failure = {"kind": "wrong-answer", "message": "a | b <c>"}
    shown = markdown(summary_of(full(tmp_path, flask_agents_light=Given(contract_failure=failure)).directory))
    assert sum(line.startswith("| ") for line in shown.splitlines()) == 18 + 3
    assert "a \\| b &lt;c>" in shown
    assert "not ranked" in shown


def test_json_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full(tmp_path)
    capsys.readouterr()
    assert main(["summarise", str(tmp_path), "--json"]) == 0
    out = capsys.readouterr().out
    assert out == (tmp_path / "summary.json").read_text(encoding="utf-8")
    assert json.loads(out)["schema_version"] == 1


# -- replicates -----------------------------------------------------------------------------------------


def test_replicates_are_medians(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, plan(rounds=("sustained",), services=("flask",), blocks=3))
    for completed, run in zip((10_000, 10_000, 9_950, 9_960, 9_920, 9_990), campaign.document["runs"], strict=True):
        campaign.leave(run, Given(pacer=pacer_result(completed=completed)))
        record(ResultsFolder(tmp_path), run["id"])
    summary = summary_of(tmp_path)
    got = row_of(summary, "flask", "index", "sustained").completed_per_s
    assert got is not None
    assert (got.n, got.median, got.low) == (3, 398.0, None)
    assert summary.replicates_note == "3 replicates: medians, no interval (it takes 6)"


def test_a_percentile_that_some_replicates_have_too_few_requests_for_is_said(tmp_path: Path) -> None:
    """The others' median would stand for all; what no replicate has (p99.9 of the light round) is just not there."""
    campaign = Campaign(tmp_path, plan(blocks=3, rounds=("sustained", "light"), services=("django",)))
    for run in campaign.document["runs"]:
        short = run["round"] == "sustained" and run["endpoint"] == "index" and run["block"] == 2
        campaign.leave(run, Given(pacer=pacer_result(timeouts=5)) if short else Given())
        record(ResultsFolder(tmp_path), run["id"])
    summary, _ = summarise(ResultsFolder(tmp_path))
    gaps = {(row.cell.endpoint, row.cell.round): row.gaps for table in summary.tables for row in table.rows}
    said = "p99.9 of 1 of 3 runs: too few requests"
    assert gaps.pop(("index", "sustained")) == (said,)
    assert set(gaps.values()) == {()}
    assert f"\n    {said}\n" in text(summary)
    assert f"- django /index: {said}\n" in markdown(summary)
    assert main(["report", str(tmp_path)]) == 0
    assert f'<p class="reason">{said}</p>' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_row_is_ranked_only_when_all_its_runs_are(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, plan(rounds=("sustained",), services=("flask",), blocks=2))
    for run in campaign.document["runs"]:
        campaign.leave(run, Given(pacer=pacer_result(completed=2000 if run["block"] == 2 else None)))
        record(ResultsFolder(tmp_path), run["id"])
    row = row_of(summary_of(tmp_path), "flask", "index", "sustained")
    assert (row.verdict, row.ranked) == ("overloaded", False)


@pytest.mark.parametrize(
    ("n", "low", "high"), [(1, None, None), (5, None, None), (6, 1, 6), (8, 1, 8), (9, 2, 8), (20, 6, 15)]
)
def test_order_statistic_interval(n: int, low: int | None, high: int | None) -> None:
    found = spread([float(value) for value in range(n, 0, -1)])
    assert found is not None
    assert (found.low, found.high) == (low, high)


@given_(values=st.lists(st.floats(0, 1e9), min_size=1, max_size=60))
def test_the_median_lies_in_its_interval(values: list[float]) -> None:
    found = spread(values)
    assert found is not None
    if found.low is not None and found.high is not None:
        assert found.low <= found.median <= found.high
    assert min(values) <= found.median <= max(values)


def test_nothing_has_no_spread() -> None:
    assert spread([]) is None


def test_interval_notes() -> None:
    assert interval_note(6) == "6 replicates: medians with 95 % intervals"


def test_errors_add_up_kind_by_kind() -> None:
    assert errors_by_kind((Errors(connect=1, timeout=3), Errors(connect=2, read=0))) == {
        "connect": 3,
        "timeout": 3,
    }

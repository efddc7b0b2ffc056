"""The eight mistakes in the published tables of 2015, one test each: none of them can be made here.

The texts are in the form of the raw outputs, with figures of their own; test_wrk.py holds the same rules against the
outputs of 2015 themselves where they are at hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.errors import ReadError
from collectors.readers.wrk import read_wrk
from collectors.record import record
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from collectors.summary import Row, Summary
from collectors.tables import text
from tests.unit.collectors.builders import Campaign, Given, plan
from tests.unit.collectors.tool_output import GOLDEN, pacer_result, wrk_text
from tests.unit.collectors.wrk2_text import wrk2_text

ARGV = ["wrk2", "-R4000"]
OVERLOADED = wrk2_text(duration="5m", threads=12, connections=400, seconds=300.0, completed=814_328, recorded=None,
                       latency="52.10s    22.36s   1.55m    58.00%")  # fmt: skip


def row_of(summary: Summary, service: str) -> Row:
    (table,) = summary.tables
    (row,) = [row for row in table.rows if row.cell.service == service and row.cell.endpoint == "agents"]
    return row


def summary_of(root: Path, round_: str, **given: Given) -> Summary:
    """The summary of a campaign of one round, with what the named services left for /agents."""
    services = ("django", "flask", "api-hour")
    campaign = Campaign(root, plan(rounds=(round_,), services=services))
    for run in campaign.document["runs"]:
        name = run["service"].replace("-", "_")
        campaign.leave(run, given.get(name, Given()) if run["endpoint"] == "agents" else Given())
        record(ResultsFolder(root), run["id"])
    return summarise(ResultsFolder(root))[0]


def test_1_a_total_is_no_rate(tmp_path: Path) -> None:
    """Totals were printed under "Requests/s": the rate is read from its own line and must fit total and duration."""
    result = read_wrk((GOLDEN / "wrk" / "latency.txt").read_text(encoding="utf-8"), "x")
    assert (result.counts.completed, result.completed_per_s) == (20263, 10012.66)
    with pytest.raises(ReadError, match="are not this rate"):
        read_wrk((GOLDEN / "wrk" / "broken" / "total-as-rate.txt").read_text(encoding="utf-8"), "x")
    got = row_of(summary_of(tmp_path, "calibration"), "flask").completed_per_s
    wrk = read_wrk(wrk_text(), "x")
    assert got is not None
    assert (got.median, got.median < wrk.counts.completed / 2) == (wrk.completed_per_s, True)


def test_2_each_row_has_its_own_latency(tmp_path: Path) -> None:
    """A latency was copied from the neighbouring row."""
    medians = {"django": 700.0, "flask": 1_900.0, "api-hour": 3_300.0}
    given = {name.replace("-", "_"): Given(pacer=pacer_result(p50_us=value)) for name, value in medians.items()}
    summary = summary_of(tmp_path, "sustained", **given)
    for name, value in medians.items():
        latency = row_of(summary, name).latency
        assert latency is not None
        assert latency.percentile_us("50") == value


def test_3_a_fraction_of_a_minute_is_no_seconds() -> None:
    """1.37m was read as 1 min 37 s."""
    result = read_wrk(wrk2_text(latency="1.37m    22.36s   2.50m    58.00%"), "x", argv=ARGV)
    assert result.latency.mean_us == pytest.approx(82.2e6)
    assert result.latency.max_us == pytest.approx(150e6)


def test_4_400_connections_over_12_threads_are_396() -> None:
    result = read_wrk(OVERLOADED, "x", argv=ARGV)
    assert (result.connections_asked, result.connections) == (400, 396)
    assert any("400 connections were asked, 396 were opened" in note for note in result.notes)


def test_5_different_errors_are_never_added_up() -> None:
    line = "Socket errors: connect 199, read 62, write 0, timeout 3505"
    result = read_wrk(wrk2_text(errors=f"{line}\n  Non-2xx or 3xx responses: 700"), "x", argv=ARGV)
    assert result.errors.seen() == {"connect": 199, "read": 62, "timeout_ticks": 3505, "status_over_399": 700}
    assert (result.counts.failed, result.errors.share_kinds()) == (
        199 + 62 + 700,
        ("connect", "read", "write", "status_over_399"),
    )


def test_6_requests_that_were_never_measured_are_no_latency() -> None:
    """A third of the schedule was missing, and 52 s were shown as the latency."""
    result = read_wrk(OVERLOADED, "x", argv=ARGV)
    assert (result.counts.scheduled, result.unfinished) == (1_200_000, 385_672)
    assert result.latency.at_least == ("mean", "max")
    assert {"wrk2-censored", "wrk2-overload"} <= {flag.kind for flag in result.flags}


def test_7_bodies_of_different_size_are_not_compared(tmp_path: Path) -> None:
    """6571 bytes against 7262 for the same question."""
    given = {"django": Given(body_bytes=7262), "flask": Given(body_bytes=7262), "api_hour": Given(body_bytes=6571)}
    row = row_of(summary_of(tmp_path, "sustained", **given), "api-hour")
    assert ("not-equivalent" in row.verdict, row.ranked) == (True, False)
    assert any(each.what == "bytes of a reply's body" for verdict in row.verdicts for each in verdict.evidence)


def test_8_keep_alive_and_none_are_not_compared(tmp_path: Path) -> None:
    """gunicorn's sync workers closed each connection, API-Hour kept them: the table did not say so."""
    summary = summary_of(tmp_path, "sustained")
    row = row_of(summary, "api-hour")
    assert ("not-equivalent" in row.verdict, row.ranked) == (True, False)
    evidence = [each for verdict in row.verdicts for each in verdict.evidence if each.what == "connections"]
    assert [each.value for each in evidence] == ["kept open"]
    assert "not-equivalent" in text(summary)

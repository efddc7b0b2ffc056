"""pacer's JSON, iperf3's JSON, ping's text, and telling them apart."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from collectors.errors import ReadError
from collectors.model import LoadResult
from collectors.readers.detect import read_any
from collectors.readers.iperf3 import Iperf3Result, read_iperf3
from collectors.readers.pacer import read_pacer
from collectors.readers.ping import read_ping
from tests.unit.collectors.tool_output import GOLDEN, golden_json, pacer_result

ROOT = Path(__file__).parents[3]


def pacer(name: str) -> LoadResult:
    return read_pacer((GOLDEN / "pacer" / name).read_text(encoding="utf-8"), name)


def iperf3(name: str) -> Iperf3Result:
    return read_iperf3((GOLDEN / "iperf3" / name).read_text(encoding="utf-8"), name)


def test_pacer_steady() -> None:
    result = pacer("steady.json")
    raw = golden_json("pacer/steady.json")
    assert (result.tool, result.loop, result.rate_asked_per_s) == ("pacer", "open", 500)
    assert result.counts.scheduled == result.counts.completed == result.counts.ok == 2000
    assert result.latency.kind == "corrected"
    assert result.latency.percentile_us("99") == raw["latency"]["corrected"]["percentiles"]["99"] / 1000
    assert result.latency.percentile_us("99.9") is None
    assert result.lag is not None
    assert len(result.series) >= 4
    assert {check.name for check in result.checks} >= {"lag_p99", "error_share"}


def test_pacer_overload_has_lower_bounds() -> None:
    result = pacer("overload.json")
    assert result.unfinished == 160
    assert result.latency.censored == 160
    assert "50" in result.latency.at_least
    assert result.latency.percentile_us("90") is not None, "censored requests take part in the sample"


def test_pacer_errors_by_class() -> None:
    assert pacer("errors.json").errors.seen() == {"status_5xx": 200}
    assert pacer("errors.json").error_share == 1.0
    timeouts = pacer("timeouts.json").errors
    assert timeouts.seen() == {"timeout": 12}
    assert timeouts.detail == {"timeout": 12}


def test_pacer_closed_loop_prints_service_time() -> None:
    result = pacer("closed.json")
    assert (result.loop, result.latency.kind, result.counts.scheduled) == ("closed", "service", None)
    assert result.counts.attempted == result.counts.completed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("truncated.json", "broken JSON"),
        ("books.json", "the books do not balance: 2000 scheduled, but 1999 ok"),
        ("version.json", "schema_version is not 1"),
        ("nan.json", "NaN is not JSON"),
    ],
)
def test_broken_pacer_results_are_refused(name: str, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        pacer(f"broken/{name}")


def test_every_missing_key_of_pacer_is_named() -> None:
    raw = golden_json("pacer/steady.json")
    for key in (
        "tool",
        "target",
        "load",
        "counts",
        "failures",
        "status",
        "rates",
        "latency",
        "series",
        "validity",
    ):
        broken = copy.deepcopy(raw)
        del broken[key]
        with pytest.raises(ReadError, match=key):
            read_pacer(json.dumps(broken), "x.json")


def test_sample_results_of_these_tests_are_what_pacer_writes() -> None:
    schema = json.loads((ROOT / "docs" / "pacer-result.schema.json").read_text(encoding="utf-8"))
    for name in ("steady", "overload", "errors", "timeouts", "closed", "light"):
        jsonschema.validate(golden_json(f"pacer/{name}.json"), schema)
    jsonschema.validate(pacer_result(completed=9000, status_5xx=3, timeouts=2), schema)


def test_iperf3_each_way() -> None:
    forward, reverse = iperf3("forward.json"), iperf3("reverse.json")
    assert forward.forward is not None
    assert forward.reverse is None
    assert reverse.reverse is not None
    assert reverse.forward is None
    assert forward.forward.omitted_intervals == 1
    assert len(forward.forward.intervals_mbit) == 5
    assert forward.forward.intervals_mbit[0] == pytest.approx(8179.033)
    assert forward.forward.retransmits == 54
    assert forward.forward.segments == -(-6194462720 // 32768)


def test_iperf3_both_ways_at_once() -> None:
    both = iperf3("bidir.json")
    assert both.forward is not None
    assert both.reverse is not None
    assert both.forward.intervals_mbit[0] == pytest.approx(6029.27)
    assert both.reverse.intervals_mbit[0] == pytest.approx(7494.119)


def test_the_first_second_is_left_out_where_iperf3_omitted_none() -> None:
    raw = golden_json("iperf3/forward.json")
    for row in raw["intervals"]:
        row["sum"]["omitted"] = False
    direction = read_iperf3(json.dumps(raw), "x").forward
    assert direction is not None
    assert len(direction.intervals_mbit) == 5


@pytest.mark.parametrize(
    ("name", "said"),
    [("refused.json", "iperf3 failed: unable to connect"), ("truncated.json", "line 44: broken JSON")],
)
def test_broken_iperf3_results_are_refused(name: str, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        iperf3(f"broken/{name}")


def test_ping() -> None:
    result = read_ping((GOLDEN / "ping" / "ping.txt").read_text(encoding="utf-8"), "ping.txt")
    assert (result.target, result.transmitted, result.received, result.loss_share) == ("127.0.0.1", 20, 20, 0)
    assert max(result.round_trips_ms) == 0.443


def test_ping_without_answers() -> None:
    result = read_ping((GOLDEN / "ping" / "unreachable.txt").read_text(encoding="utf-8"), "ping.txt")
    assert (result.received, result.loss_share, result.round_trips_ms) == (0, 1.0, ())


@pytest.mark.parametrize(("name", "line"), [("echo.txt", 9), ("no-summary.txt", 24)])
def test_broken_ping_is_refused(name: str, line: int) -> None:
    with pytest.raises(ReadError) as caught:
        read_ping((GOLDEN / "ping" / "broken" / name).read_text(encoding="utf-8"), name)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("wrk/latency.txt", "wrk"),
        ("pacer/steady.json", "pacer"),
        ("iperf3/bidir.json", "iperf3"),
        ("ping/ping.txt", "ping"),
    ],
)
def test_formats_are_told_apart(path: str, tool: str) -> None:
    assert read_any(GOLDEN / path)[0] == tool


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n\nhello\n", "line 3: not a file of a known tool"),
        (b"{}", "not of a known tool"),
        (b"[1]", "not a file of a known tool"),
        (b"\xff\xfe\n", "line 1: not text in UTF-8"),
        (b'{"a": 1', "line 1: broken JSON"),
        (b'{"a":' * 100_000, "nested too deeply|broken JSON"),
    ],
    ids=["empty", "text", "object", "list", "bytes", "cut", "deep"],
)
def test_foreign_files_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=said):
        read_any(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"absent\.txt: no such file"):
        read_any(tmp_path / "absent.txt")

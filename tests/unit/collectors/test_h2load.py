"""h2load's text and log as real runs left them: good, failing, refused, silent, lost, paced, damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.errors import ReadError
from collectors.model import LoadResult
from collectors.readers.detect import read_any
from collectors.readers.h2load import read_h2load
from collectors.readers.h2load_command import asked_of
from collectors.readers.h2load_log import latency_of, read_log, series_of
from collectors.verdicts import Measured, judge
from tests.unit.collectors.tool_output import GOLDEN

H2LOAD = GOLDEN / "h2load"


def read(name: str) -> LoadResult:
    tool, result = read_any(H2LOAD / f"{name}.txt")
    assert tool == "h2load"
    assert isinstance(result, LoadResult)
    return result


def flags(result: LoadResult) -> list[str]:
    return [flag.kind for flag in result.flags]


def verdicts(result: LoadResult) -> list[str]:
    return [verdict.kind for verdict in judge(Measured(load=result, load_on="client", path="link"))]


def test_a_run_with_its_log() -> None:
    result = read("steady")
    assert (result.loop, result.connections, result.streams, result.threads) == ("closed", 4, 2, 2)
    assert result.url == "http://127.0.0.1:18444/index"
    assert (result.duration_s, result.completed_per_s) == (3.0, 854.67)  # "finished in 4.00s" holds the warm-up
    assert (result.counts.completed, result.counts.ok, result.latency.recorded) == (2564, 2564, 2564)
    assert (result.counts.scheduled, result.error_share) == (None, 0)
    assert result.latency.kind == "service"
    assert result.latency.mean_us == pytest.approx(9320, rel=0.01)
    assert result.latency.percentile_us("99") == 66189
    assert result.latency.percentile_us("99.9") is None  # 2564 requests are not 10,000
    assert sum(each.completed for each in result.series) <= 2564
    assert len(result.series) == 3
    assert flags(result) == []


def test_without_a_log_no_percentile_is_invented() -> None:
    path = H2LOAD / "steady.txt"
    result = read_h2load(path.read_text(encoding="utf-8"), path)
    assert result.latency.percentiles_us == {}
    assert result.latency.percentile_us("50") is None
    assert (result.latency.min_us, result.latency.mean_us, result.latency.max_us) == (1440.0, 9320.0, 81960.0)
    assert flags(result) == ["h2load-no-distribution"]


def test_error_replies_are_no_good_requests_and_not_in_the_latency() -> None:
    result = read("mixed")
    assert result.errors.seen() == {"status_4xx": 65, "status_5xx": 65}
    assert (result.counts.ok, result.counts.failed, result.latency.recorded) == (129, 128, 129)
    assert result.error_share == pytest.approx(128 / 257)
    assert "errors" in verdicts(result)


def test_all_failed() -> None:
    result = read("fail")
    assert (result.counts.ok, result.error_share, verdicts(result)) == (0, 1.0, ["errors"])


@pytest.mark.parametrize("name", ["refused", "silent", "h2-to-h1"])
def test_nothing_answered_is_never_valid_though_h2load_counts_no_error(name: str) -> None:
    result = read(name)
    assert (result.counts.completed, result.errors.seen(), result.error_share) == (0, {}, None)
    assert (result.latency.mean_us, result.latency.max_us) == (None, None)
    assert flags(result) == ["h2load-nothing"]
    assert verdicts(result) == ["errors"]


def test_requests_without_an_answer_make_lower_bounds() -> None:
    result = read("partly")
    assert (result.counts.completed, result.unfinished, result.latency.censored) == (128, 32, 32)
    assert "50" in result.latency.at_least
    assert "max" in result.latency.at_least


def test_connections_lost_on_the_way_are_found_in_the_log() -> None:
    result = read("lost")
    assert (result.errors.seen(), result.error_share) == ({}, 0)
    assert flags(result) == ["h2load-silent-end"]
    assert [each.completed > 0 for each in result.series] == [True, True, False, False]
    assert verdicts(result) == ["unsteady"]


def test_connections_that_the_server_ended_are_counted_and_said() -> None:
    """Hypercorn ends a connection after 1000 requests; h2load prints the sum of refused requests for each."""
    result = read("gave-up")
    assert (result.counts.completed, result.errors.seen()) == (5323, {"read": 14})
    assert flags(result) == ["h2load-no-distribution", "h2load-gave-up"]
    assert verdicts(result) == ["client-bound", "errors"]
    assert result.notes[1].startswith("the server ended 2 of 8 connections and h2load opens no other, ")


def test_a_paced_run_is_labelled_and_never_corrected() -> None:
    result = read("paced")
    assert (result.loop, result.rate_asked_per_s, result.latency.kind) == ("open", 50.0, "service")
    assert (result.counts.scheduled, result.counts.completed) == (150, 148)
    assert flags(result) == ["h2load-coordinated-omission"]
    assert "never ranks with corrected latency" in result.notes[0]


def test_http1_and_what_h2load_makes_of_a_reply_without_a_reason_phrase() -> None:
    assert read("h1").error_share == 0
    result = read("h1-no-reason")
    assert (result.errors.seen(), flags(result)) == ({"parse": 723}, ["h2load-no-status"])
    assert verdicts(result) == ["errors"]


def test_lost_bytes_are_the_sum_of_their_parts() -> None:
    result = read("h1-close")
    assert (flags(result), result.read_bytes) == (["h2load-bytes"], 24721 + 7542)


def test_a_number_of_requests_instead_of_a_duration() -> None:
    result = read("number")
    assert result.counts.completed == 200
    assert result.duration_s == pytest.approx(0.01644)


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("aborted.txt", 13, "the text ends before 'finished in …'"),
        ("truncated.txt", 17, "the text ends before 'finished in …'"),
        ("books.txt", 16, "the numbers of requests do not add up"),
        ("rate.txt", 20, "7 req/s, printed above, are not these requests in 2 s"),
        ("no-traffic.txt", 22, "expected 'traffic: …'"),
        ("unit.txt", 24, "4.90min"),
        ("trailing.txt", 28, "Segmentation fault"),
    ],
)
def test_damage_is_an_error_that_quotes_the_line(name: str, line: int, said: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_any(H2LOAD / "broken" / name)
    assert caught.value.line == line
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(cut=st.integers(0, 10_000))
def test_a_text_cut_anywhere_is_read_whole_or_refused(cut: int) -> None:
    text = (H2LOAD / "steady.txt").read_text(encoding="utf-8")
    cut %= len(text.rstrip("\n"))
    try:
        read_h2load(text[:cut], "cut.txt")
    except ReadError:
        return
    assert text[:cut].splitlines()[-1].startswith("req/s")


LOG = "1000000\t200\t500\n1200000\t404\t9000\n2900000\t200\t400\n2100000\t-1\t7\n"


def test_a_log_by_hand() -> None:
    log = read_log(LOG, "x.log")
    assert (log.rows, log.ok_us, log.ended, log.ended_ok) == (4, [400, 500], [2, 2], [1, 1])
    assert log.last_end_s == pytest.approx(1.9004)
    latency = latency_of(log, censored=0)
    assert (latency.recorded, latency.min_us, latency.mean_us, latency.max_us) == (2, 400, 450, 500)
    assert set(latency.percentiles_us.values()) == {None}
    seconds = series_of(log, duration_s=3, rate_per_s=None)
    assert [(each.scheduled, each.completed, each.ok) for each in seconds] == [(2, 2, 1), (2, 2, 1), (0, 0, 0)]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("1000000\t200\t500\n1200\n", 2, "expected start, status and duration"),
        ("1000000\t200\t500\n1000000\t200\t-5\n", 2, "expected start, status and duration"),
        ("1000000\t200\t500\n1000000\t200\t5", 2, "the log ends within a line"),
        ("1\t200\t500\n9000000000000000\t200\t5\n", None, "more than 11 days apart"),
    ],
)
def test_a_damaged_log_is_refused(text: str, line: int | None, said: str) -> None:
    with pytest.raises(ReadError, match=said) as caught:
        read_log(text, "x.log")
    assert caught.value.line == line


def test_a_log_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    path = H2LOAD / "steady.txt"
    rows = (H2LOAD / "steady.log").read_text(encoding="utf-8").splitlines(keepends=True)[:-7]
    with pytest.raises(ReadError, match="2557 requests, where h2load counted 2564: the log is not whole"):
        read_h2load(path.read_text(encoding="utf-8"), path, log=("".join(rows), tmp_path / "h2load.log"))


@settings(max_examples=15, deadline=None)
@given(values=st.lists(st.integers(1, 10**6), min_size=1000, max_size=1200))
def test_percentiles_are_those_of_the_sorted_values(values: list[int]) -> None:
    latency = latency_of(read_log("".join(f"5000000\t200\t{value}\n" for value in values), "x"), censored=0)
    for name in ("50", "90", "99"):
        value = latency.percentiles_us[name]
        assert value is not None
        assert sum(each <= value for each in values) >= float(name) / 100 * len(values) - 1e-9
        assert sum(each < value for each in values) < float(name) / 100 * len(values)


@pytest.mark.parametrize("words", [["-m", "x"], ["--rps", "0"], ["--rps=nan"], ["-m", "-2"], ["--rps"]])
def test_a_command_that_makes_no_sense_is_named(words: list[str]) -> None:
    with pytest.raises(ReadError, match="the command cannot be understood"):
        asked_of(["h2load", *words], "x")


@pytest.mark.parametrize(
    "words", [["-m", "8", "--rps", "2.5"], ["-m8", "--rps=2.5"], ["--max-concurrent-streams=8", "--h1", "--rps=2.5"]]
)
def test_the_forms_of_an_option(words: list[str]) -> None:
    asked = asked_of(["h2load", "-c", "4", *words, "-H", "a: http://no", "http://h/x"], "x")
    assert (asked.streams, asked.rps, asked.url) == (8, 2.5, "http://h/x")

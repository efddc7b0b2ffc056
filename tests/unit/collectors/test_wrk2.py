"""What wrk2 gets wrong is named in each result, and weighs in the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.model import LoadResult, Verdict
from collectors.readers.wrk import read_wrk
from collectors.readers.wrk2 import calibration_s
from collectors.verdicts import Measured, judge
from tests.unit.collectors.wrk2_text import NOTHING, wrk2_text

ALWAYS = ["wrk2-calibration", "wrk2-timers"]


def read(rate: str = "2000", **figures: Any) -> LoadResult:
    return read_wrk(wrk2_text(**figures), "x", argv=["/opt/tandem/wrk2", f"-R{rate}", "--timeout", "5s"])


def kinds(result: LoadResult) -> list[str]:
    return [flag.kind for flag in result.flags]


def verdicts(result: LoadResult) -> dict[str, Verdict]:
    return {verdict.kind: verdict for verdict in judge(Measured(load=result, load_on="client", path="link"))}


def test_a_good_run_still_says_what_it_cannot_know() -> None:
    result = read()
    assert (result.tool, result.loop, result.latency.kind) == ("wrk2", "open", "corrected")
    assert kinds(result) == ALWAYS
    assert list(verdicts(result)) == ["valid"]
    assert result.latency.at_least == ()


def test_the_calibration_takes_ten_seconds_and_five_milliseconds_for_each_connection() -> None:
    assert calibration_s(400) == pytest.approx(12.0)
    (flag,) = [flag for flag in read(connections=400, threads=10).flags if flag.kind == "wrk2-calibration"]
    assert flag.value == pytest.approx(12.0)
    assert "the first 12 s, but counted its requests" in flag.advice


def test_an_empty_histogram_is_named_and_not_ranked() -> None:
    result = read(**NOTHING)
    assert kinds(result) == ["wrk2-empty-histogram", *ALWAYS]
    assert (result.latency.recorded, result.latency.mean_us, result.latency.max_us) == (0, None, None)
    assert set(result.latency.percentiles_us.values()) == {None}
    evidence = verdicts(result)["client-bound"].evidence
    assert [each.what for each in evidence] == ["latencies recorded"]


def test_a_single_nan_is_named_and_not_measured() -> None:
    result = read(latency="20.06ms    -nanus   42.32ms   -nan%")
    assert kinds(result) == ["wrk2-nan", *ALWAYS]
    assert (result.latency.mean_us, result.latency.stdev_us) == (20060.0, None)


def test_timeouts_are_connections_waiting_at_a_tick_and_never_requests() -> None:
    """800 for 202 good requests have been seen."""
    result = read(
        "10", completed=202, seconds=20.2, duration="20s", connections=100, recorded=100,
        errors="Socket errors: connect 0, read 0, write 0, timeout 800",
    )  # fmt: skip
    assert "wrk2-false-timeouts" in kinds(result)
    assert result.errors.seen() == {"timeout_ticks": 800}
    assert (result.counts.failed, result.error_share) == (0, 0)
    assert "errors" not in verdicts(result)


@pytest.mark.parametrize(
    ("p99", "limit_us"), [("9.90ms", 990.0), ("1.20ms", 120.0), ("10.00ms", None), ("1.37m", None)]
)
def test_timers_of_a_millisecond_are_too_coarse_below_ten(p99: str, limit_us: float | None) -> None:
    result = read(percentiles=(("50.000", "1.00ms"), ("99.000", p99)))
    found = verdicts(result).get("client-bound")
    assert (found is None) == (limit_us is None)
    if found is not None:
        assert [(each.value, each.limit, each.unit) for each in found.evidence] == [(1000.0, limit_us, "us")]


def test_unfinished_requests_make_lower_bounds() -> None:
    """500 of 60,000 missing: the p99.9 would lie among them, the p99 not."""
    result = read(completed=59_500, recorded=39_980)
    assert "wrk2-censored" in kinds(result)
    assert (result.unfinished, result.latency.censored) == (500, 500)
    assert result.latency.at_least == ("mean", "50", "99", "99.9", "max")
    few = read(completed=59_940, recorded=39_980)
    assert few.latency.at_least == ("99.9", "max")


def test_the_latency_of_an_overload_is_named_a_backlog() -> None:
    result = read("4000", completed=60_000, percentiles=(("50.000", "9.10s"), ("99.000", "14.90s")))
    assert kinds(result) == [*ALWAYS, "wrk2-censored", "wrk2-overload"]
    assert set(result.latency.at_least) == {"mean", "50", "99", "max"}
    assert list(verdicts(result)) == ["overloaded"]
    (flag,) = [flag for flag in result.flags if flag.kind == "wrk2-overload"]
    assert "only 50.0% of the schedule" in flag.advice


@pytest.mark.parametrize(
    ("shown", "us"), [("712.00us", 712.0), ("1.76ms", 1760.0), ("7.84s", 7.84e6), ("1.37m", 82.2e6), ("1.02h", 3.672e9)]
)
def test_every_unit_of_a_latency(shown: str, us: float) -> None:
    result = read(latency=f"{shown}  {shown}  {shown}  66.00%", percentiles=(("50.000", shown), ("99.000", shown)))
    latency = result.latency
    assert {latency.mean_us, latency.stdev_us, latency.max_us, latency.percentiles_us["99"]} == {us}


def test_notes_say_each_flag_once() -> None:
    result = read(connections=11, completed=59_500)
    assert [note for note in result.notes if note.startswith("11 connections were asked, 10 were opened")]
    assert [flag.advice for flag in result.flags] == list(result.notes[1:])

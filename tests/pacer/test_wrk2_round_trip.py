"""What `--format wrk2` prints is read by the reader of wrk2's text and gives the figures of the JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.model import LoadResult
from collectors.readers.wrk import read_wrk
from pacer.arguments import parse_options, parser
from pacer.recording import Inside, Recording
from pacer.result import conclude, to_json
from pacer.wrk2 import show_wrk2
from tests.pacer.servers import serving
from tests.pacer.support import Ran, pacer

PRINTED = 0.0051        # two decimals of at least 1.00


def read(text: str, *arguments: str) -> LoadResult:
    return read_wrk(text, "load.txt", argv=["wrk2", *arguments, "http://127.0.0.1:1/"])


def made_up(values_ns: list[int], *, unanswered_ns: tuple[int, ...] = (), http_errors: int = 0,
            **failures: int) -> tuple[str, dict[str, object], LoadResult]:
    """Return text, JSON and what is read of a run of 10 s at 100/s that ended so."""
    arguments = ["-R", "100", "-c", "7", "-t", "2", "-L", "-U", "--format", "wrk2"]
    failed = sum(failures.values())
    recording = Recording(
        window_ns=10 * 10**9, scheduled=len(values_ns) + len(unanswered_ns) + http_errors + failed,
        completed=len(values_ns) + http_errors, ok=len(values_ns), unfinished=len(unanswered_ns),
        http_errors=http_errors, inside=Inside(completed=len(values_ns) + http_errors))
    recording.failures.update(failures)
    recording.bytes_read = 3_456_789
    for value in values_ns:
        for tag in ("corrected", "service"):
            recording.values[tag].record(value)
    for age in unanswered_ns:
        recording.censored["corrected"].record(age)
    options = parse_options(parser().parse_args([*arguments, "http://127.0.0.1:1/"]), ["pacer"])
    outcome = conclude(options, recording, address="", started_wall_ns=0, busiest_core=None)
    text = show_wrk2(outcome)
    return text, to_json(outcome), read(text, *arguments[:6])


def check_latency(result: LoadResult, latency: dict[str, object]) -> None:
    """Each figure read is the JSON's, to the precision printed."""
    seen = result.latency
    assert seen.mean_us == pytest.approx(latency["mean_ns"] / 1e3, rel=PRINTED)       # type: ignore[operator]
    assert seen.max_us == pytest.approx(latency["max_ns"] / 1e3, rel=PRINTED)         # type: ignore[operator]
    assert seen.stdev_us == pytest.approx(latency["stdev_ns"] / 1e3, rel=PRINTED, abs=0.0051)  # type: ignore[operator]
    wanted = {name: ns for name, ns in latency["percentiles"].items() if ns is not None}     # type: ignore[attr-defined]
    assert wanted
    for name, ns in wanted.items():
        assert seen.percentiles_us[name] == pytest.approx(ns / 1e3, rel=PRINTED), name


@pytest.mark.parametrize("scale_ns", [1_500, 12_000, 999_990, 1_234_567, 45 * 10**6, 999 * 10**6, 2 * 10**9, 59 * 10**9,
                                      75 * 10**9, 2 * 3600 * 10**9], ids=str)
def test_all_units_from_microseconds_to_hours(scale_ns: int) -> None:
    _text, document, result = made_up([scale_ns + scale_ns * number // 1000 for number in range(1000)])
    check_latency(result, document["latency"]["corrected"])         # type: ignore[index]
    assert (result.tool, result.counts.completed, result.completed_per_s) == ("wrk2", 1000, 100)
    assert (result.connections_asked, result.threads, result.duration_s) == (7, 2, 10)
    assert result.read_bytes == pytest.approx(3_456_789, rel=0.002)
    assert result.service is not None


def test_requests_without_an_answer_stand_with_their_age() -> None:
    _text, document, result = made_up([10**6] * 500, unanswered_ns=(4 * 10**9,) * 500)
    check_latency(result, document["latency"]["corrected"])         # type: ignore[index]
    assert result.counts.completed == 500
    assert result.latency.percentiles_us["99"] == pytest.approx(4e6, rel=PRINTED)


def test_errors_keep_their_kinds() -> None:
    _text, _document, result = made_up([10**6] * 100, http_errors=9, connect_refused=1, connect_timeout=2, timeout=4,
                                       write=8, read_reset=16, parse=32, validate=64)
    errors = result.errors
    assert (errors.connect, errors.read, errors.write, errors.timeout, errors.status_over_399) == (1, 112, 8, 6, 9)


def test_nothing_recorded_is_not_measured() -> None:
    text, _document, result = made_up([], connect_refused=1000)
    assert "-nan" in text
    assert (result.latency.recorded, result.latency.mean_us, result.latency.max_us) == (0, None, None)
    assert result.counts.completed == 0


@pytest.mark.parametrize(("behaviour", "value", "arguments"), [
    ("ok", 0, ("-R", "200", "-c", "5", "-d", "1", "-t", "2", "-L", "-U")),
    ("ok", 0, ("-c", "2", "-d", "1", "-L")),
    ("slow", 2, ("-R", "50", "-c", "2", "-d", "1", "-T", "300ms", "-L")),
    ("garbage", 0, ("-R", "50", "-c", "2", "-d", "1", "-L")),
    ("status", 503, ("-R", "50", "-c", "2", "-d", "1", "-L", "-U")),
], ids=["open", "closed", "timeouts", "garbage", "503"])
def test_real_runs(behaviour: str, value: float, arguments: tuple[str, ...], tmp_path: Path) -> None:
    with serving(behaviour, value) as url:
        ran: Ran = pacer(*arguments, "--format", "wrk2", "--json", tmp_path / "load.json", f"{url}/")
    assert ran.status in (0, 3, 4), ran.err
    document = json.loads((tmp_path / "load.json").read_text())
    result = read(ran.out, *arguments)
    inside = document["rates"]["completed_per_s"] * document["load"]["measured_s"]
    assert result.counts.completed == round(inside)
    assert result.completed_per_s == pytest.approx(document["rates"]["completed_per_s"], abs=0.0051)
    latency = document["latency"][document["latency"]["primary"]]
    if latency["mean_ns"] is not None:
        check_latency(result, latency)

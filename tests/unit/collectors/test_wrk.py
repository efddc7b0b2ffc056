"""wrk's and wrk2's text: what they really print, damaged text, and the mistakes of 2015 that must not come
back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import ReadError
from collectors.model import LoadResult
from collectors.readers.wrk import read_wrk
from tests.unit.collectors.tool_output import GOLDEN, wrk_text

WRK = GOLDEN / "wrk"
SEED_2015 = Path(__file__).parents[4] / "shared" / "reference" / "seed-2015"
seed = pytest.mark.skipif(not SEED_2015.is_dir(), reason="the raw outputs of 2015 are not beside this checkout")


def read(name: str) -> LoadResult:
    return read_wrk((WRK / name).read_text(encoding="utf-8"), name)


def read_2015(name: str) -> LoadResult:
    path = SEED_2015 / f"{name}.txt"
    return read_wrk(path.read_text(encoding="utf-8"), path)


def test_a_run_with_percentiles() -> None:
    result = read("latency.txt")
    assert (result.tool, result.loop, result.connections, result.url) == (
        "wrk",
        "closed",
        10,
        "http://127.0.0.1:18080/index",
    )
    assert result.completed_per_s == 10012.66
    assert result.counts.completed == result.latency.recorded == 20263
    assert result.counts.scheduled is None
    assert result.latency.kind == "service"
    assert (result.latency.mean_us, result.latency.max_us) == (2140.0, 50120.0)
    assert result.latency.percentiles_us == {"50": 479.0, "75": 2440.0, "90": 5200.0, "99": 22090.0}
    assert result.errors.seen() == {}
    assert result.error_share == 0
    assert result.read_bytes == 1803551


def test_without_percentiles_none_is_invented() -> None:
    assert read("plain.txt").latency.percentiles_us == {}
    assert read("plain.txt").latency.percentile_us("50") is None


def test_no_error_line_means_no_errors_of_every_kind_wrk_counts() -> None:
    assert read("plain.txt").errors.by_kind() == {
        "connect": 0, "read": 0, "write": 0, "timeout": 0, "status_over_399": 0,
    }  # fmt: skip


def test_error_replies_are_a_kind_of_their_own() -> None:
    result = read("status.txt")
    assert result.errors.seen() == {"status_over_399": 21988}
    assert (result.counts.ok, result.error_share) == (0, 1.0)
    assert any("error replies" in note for note in result.notes)


@pytest.mark.parametrize("name", ["nothing.txt", "close.txt", "partial.txt"])
def test_printed_zeros_of_an_empty_run_are_not_measurements(name: str) -> None:
    latency = read(name).latency
    assert (latency.mean_us, latency.stdev_us, latency.max_us, latency.recorded) == (None, None, None, 0)
    assert set(latency.percentiles_us.values()) == {None}
    assert any("nan" in note for note in read(name).notes)


def test_read_errors_share() -> None:
    result = read("close.txt")
    assert result.errors.seen() == {"read": 3255}
    assert result.error_share == 1.0


def test_nothing_attempted_has_no_error_share() -> None:
    assert read("nothing.txt").error_share is None


def test_latencies_above_the_timeout_are_missing_and_that_is_said() -> None:
    result = read("timeouts.txt")
    assert result.errors.timeout == 8
    assert result.errors.timeout_unit == "requests"
    assert result.latency.truncated
    assert result.latency.recorded == 0


def test_timeouts_below_an_older_maximum_are_ticks() -> None:
    """A maximum above the timeout proves that nothing was dropped: then timeouts are ticks, no requests."""
    text = wrk_text(timeouts=14, mean_ms=800)
    late = read_wrk(text, "x", argv=["wrk", "--timeout", "2s"])
    cut = read_wrk(text, "x", argv=["wrk", "--timeout", "10s"])
    assert (late.errors.timeout_unit, late.latency.truncated, late.latency.recorded) == ("ticks", False, None)
    assert (cut.errors.timeout_unit, cut.latency.truncated, cut.latency.recorded) == ("requests", True, 11986)
    assert "timeout" not in late.errors.share_kinds()


def test_minutes_as_duration() -> None:
    result = read("minute.txt")
    assert result.duration_asked_s == 60.0
    assert result.duration_s == pytest.approx(61.2)


def test_connections_are_divided_as_integers() -> None:
    assert read("status.txt").connections == 4
    assert read("status.txt").connections_asked == 5
    assert any("5 connections were asked, 4 were opened" in note for note in read("status.txt").notes)


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("truncated.txt", 7, "the text ends before"),
        ("socket-errors.txt", 12, "'  Socket errors: connect 0, read 3255, wri'"),
        ("unit.txt", 4, "2.14min"),
        ("total-as-rate.txt", 12, "are not this rate"),
        ("no-transfer.txt", 12, "ends before 'Transfer/sec:'"),
        ("trailing.txt", 9, "Segmentation fault"),
        ("status.txt", 12, "Non-2xx or 3xx responses: many"),
        ("refused.txt", 1, "unable to connect"),
    ],
)
def test_damage_is_an_error_that_quotes_the_line(name: str, line: int, said: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(f"broken/{name}")
    assert caught.value.line == line
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@given(cut=st.integers(0, 10_000))
def test_a_text_cut_anywhere_is_read_whole_or_refused(cut: int) -> None:
    text = (WRK / "status.txt").read_text(encoding="utf-8")
    cut %= len(text.rstrip("\n"))
    try:
        read_wrk(text[:cut], "cut.txt")
    except ReadError:
        return
    assert text[:cut].splitlines()[-1].startswith("Transfer/sec:")


@given(line=st.integers(0, 30), junk=st.text(max_size=40))
def test_a_foreign_line_never_passes_and_never_crashes(line: int, junk: str) -> None:
    lines = (WRK / "latency.txt").read_text(encoding="utf-8").splitlines()
    whole = read_wrk("\n".join(lines), "x")
    lines[line % len(lines)] = junk
    try:
        result = read_wrk("\n".join(lines), "x")
    except ReadError:
        return
    assert result.counts.completed == whole.counts.completed


WRK2_TEXT = """\
Running 30s test @ http://10.0.0.1:8000/index
  2 threads and 10 connections
  Thread calibration: mean lat.: 1.100ms, rate sampling interval: 10ms
  Thread calibration: mean lat.: 1.120ms, rate sampling interval: 10ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.06ms  420.00us   2.32ms   66.00%
    Req/Sec     1.05k   177.00     1.55k    70.00%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.06ms
 99.000%    2.08ms
 99.900%    2.24ms
100.000%    2.32ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       0.063     0.000000            1         1.00
       1.057     0.500000        19990         2.00
       2.323     1.000000        39980          inf
#[Mean    =        1.060, StdDeviation   =        0.420]
#[Max     =        2.322, Total count    =        39980]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
  60000 requests in 30.00s, 10.00MB read
Requests/sec:   2000.00
Transfer/sec:    341.33KB
"""


def test_wrk2_with_its_histogram() -> None:
    result = read_wrk(
        WRK2_TEXT,
        "x",
        argv=["wrk2", "-t2", "-c10", "-d30s", "-R", "2k", "--latency", "http://10.0.0.1:8000/index"],
    )
    assert (result.tool, result.loop, result.rate_asked_per_s) == ("wrk2", "open", 2000)
    assert (result.counts.scheduled, result.counts.completed, result.latency.recorded) == (
        60000,
        60000,
        39980,
    )
    assert result.latency.percentile_us("99.9") == 2240.0
    assert result.latency.kind == "corrected"


def test_a_short_wrk2_run_prints_nan() -> None:
    text = WRK2_TEXT.replace("1.06ms  420.00us   2.32ms   66.00%", " -nanus    -nanus   0.00us    0.00%")
    latency = read_wrk(text, "x").latency
    assert (latency.mean_us, latency.stdev_us) == (None, None)


@pytest.mark.parametrize("rate", ["many", "-5", ""])
def test_a_command_that_makes_no_sense_is_named(rate: str) -> None:
    with pytest.raises(ReadError, match="the command cannot be understood"):
        read_wrk(WRK2_TEXT, "x", argv=["wrk2", f"-R{rate}" if rate else "--rate="])


# -- the raw outputs of 2015 and the mistakes of the article that was made from them --------------------


@seed
def test_all_files_of_2015_read_completely() -> None:
    files = sorted(SEED_2015.glob("*.txt"))
    assert len(files) == 20
    for path in files:
        result = read_wrk(path.read_text(encoding="utf-8"), path)
        assert result.tool == ("wrk2" if "_wrk2_" in path.name else "wrk")
        assert result.latency.mean_us is not None
        assert result.counts.completed > 0
        assert (result.rate_asked_per_s is None) == (result.tool == "wrk")


@seed
@pytest.mark.parametrize(
    ("name", "rate", "printed_in_the_article"),
    [
        ("django_wrk_index_p8004", 2344.23, 70598),
        ("flask_wrk_index_p8000", 2644.71, 79598),
        ("api-hour_wrk_index_p8008", 13200.94, 395847),
    ],
)
def test_2015_totals_are_not_rates(name: str, rate: float, printed_in_the_article: int) -> None:
    result = read_2015(name)
    assert result.completed_per_s == rate
    assert result.counts.completed == printed_in_the_article


@seed
def test_2015_latency_is_of_its_own_row() -> None:
    assert read_2015("flask_wrk_agents_p8000").latency.mean_us == pytest.approx(619_860)
    assert read_2015("flask_wrk_index_p8000").latency.mean_us == pytest.approx(13.16e6)


@seed
def test_2015_fraction_of_a_minute() -> None:
    assert read_2015("django_wrk2_index_p8004_r4000").latency.mean_us == pytest.approx(82.2e6)


@seed
def test_2015_connections_were_396() -> None:
    result = read_2015("django_wrk2_index_p8004_r4000")
    assert (result.connections_asked, result.connections) == (400, 396)


@seed
def test_2015_error_kinds_stay_apart() -> None:
    result = read_2015("flask_wrk_agents_with_pool_p8000")
    assert result.errors.seen() == {"connect": 199, "read": 62, "timeout_ticks": 3505, "status_over_399": 75932}
    assert result.counts.ok == 480
    assert not {"timeout", "timeout_ticks"}.intersection(result.errors.share_kinds())


@seed
def test_2015_unfinished_requests_are_counted() -> None:
    result = read_2015("flask_wrk2_index_p8000_r4000")
    assert (result.counts.scheduled, result.counts.completed) == (1_200_000, 814_328)
    assert result.unfinished == 385_672
    assert result.unfinished / 1_200_000 == pytest.approx(0.32, abs=0.005)


@seed
def test_2015_replies_had_other_sizes() -> None:
    api_hour = read_2015("api-hour_wrk_agents_p8008").reply_bytes_mean
    flask = read_2015("flask_wrk_agents_p8000").reply_bytes_mean
    assert api_hour == pytest.approx(6570, abs=1)
    assert flask == pytest.approx(7262, abs=1)


@seed
def test_2015_percentiles_were_never_recorded() -> None:
    for path in SEED_2015.glob("*.txt"):
        assert read_2015(path.stem).latency.percentile_us("99") is None

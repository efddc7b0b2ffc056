"""When requests really go out, and that exactly as many do."""

from __future__ import annotations

import signal
import time
from fractions import Fraction

import pytest

from pacer.schedule import POISSON, Schedule, Stage
from tests.pacer import theory
from tests.pacer.servers import serving
from tests.pacer.support import Metronome, load, start, urgently
from tests.pacer.timed_servers import fetch_log

MS = 1_000_000
S = 1_000_000_000


RATE, SECONDS, CONNECTIONS = 1000, 5, 100


def test_requests_arrive_evenly() -> None:
    """1000/s over 100 connections, whose own turns are 100 ms apart: as evenly as anything can on this machine.

    Gaps between arrivals must vary by less than 0.3 and counts per 10 ms by less than 0.1 of their mean. A machine that
    is busy with other things spoils that for everybody. So a metronome runs beside it, which does nothing but sleep and
    send: where it is less even than half of that, pacer may be twice as uneven as it. (wrk2: 2.2 to 5.9, and 1.7.)
    """
    with urgently(), serving("record") as url, serving("record") as other_url:
        beside = Metronome(other_url, RATE, SECONDS, CONNECTIONS)
        load("-R", RATE, "-c", CONNECTIONS, "-d", SECONDS, f"{url}/")
        beside.finish()
        came, reference = fetch_log(url).came, fetch_log(other_url).came
    assert len(came) == RATE * SECONDS
    of_gaps, of_counts = theory.evenness(came, rate=RATE)
    gaps_beside, counts_beside = theory.evenness(reference, rate=RATE)
    assert of_gaps < max(0.3, 2 * gaps_beside), (of_gaps, gaps_beside)
    assert of_counts < max(0.1, 2 * counts_beside), (of_counts, counts_beside)


def test_poisson_requests_arrive_when_they_are_due() -> None:
    every = Stage(rate_per_s=Fraction(500), duration_ns=1 * S)
    times = list(Schedule(stages=(every,), arrival=POISSON, seed=3).times(0))
    with urgently(), serving("record") as url:
        load("-R", 500, "-c", 100, "-d", 1, "--arrival", "poisson", "--seed", 3, f"{url}/")
        came = fetch_log(url).came
    assert theory.share_on_time(came, times, MS // 2) > 0.25


def test_light_loads_are_exact() -> None:
    """Ten a second over 1, 10, 100 and 400 connections, all at the same time."""
    with urgently(), serving("ok") as url:
        running = [start("--format", "json", "-R", 10, "-c", connections, "-d", 1, "--warmup", "200ms", f"{url}/")
                   for connections in (1, 10, 100, 400)]
        for ran in [process.finish() for process in running]:
            assert (ran.counts["scheduled"], ran.counts["ok"], ran.failures) == (10, 10, {})
            assert ran.balanced()


def test_connections_that_the_server_closes_while_idle_are_opened_again() -> None:
    with urgently(), serving("idle-close", 0.15) as url:
        ran = load("-R", 20, "-c", 10, "-d", 1.2, f"{url}/")
    assert (ran.counts["ok"], ran.failures) == (24, {})
    kept = ran.result["connections"]
    assert kept["closed_idle"] >= 12
    assert kept["opened"] >= 22


def test_without_keepalive_each_request_has_a_connection_and_its_time_counts_as_wait() -> None:
    with serving("ok") as url:
        ran = load("-R", 100, "-c", 4, "-d", 1, "--no-keepalive", f"{url}/")
    assert ran.counts["ok"] == 100
    assert ran.result["connections"]["opened"] == 101       # one to see that the server is there
    assert ran.result["connections"]["requests_per_connection_mean"] == pytest.approx(1, abs=0.02)
    assert ran.result["latency"]["wait"]["min_ns"] > 0


def test_corrected_is_wait_plus_lag_plus_service() -> None:
    """Exactly so for every request, hence within the histogram's resolution for the means."""
    with serving("slow", 0.01) as url:
        ran = load("-R", 200, "-c", 3, "-d", 1, "--arrival", "poisson", "--seed", 1, f"{url}/")
    latency = ran.result["latency"]
    assert ran.counts["unfinished"] == 0
    assert latency["wait"]["max_ns"] > 5 * MS
    parts = sum(latency[tag]["mean_ns"] for tag in ("wait", "lag", "service"))
    assert latency["corrected"]["mean_ns"] == pytest.approx(parts, rel=0.001)


def test_a_closed_loop_keeps_every_connection_busy() -> None:
    with serving("slow", 0.02) as url:
        ran = load("-c", 5, "-d", 1, "--warmup", "100ms", f"{url}/")
    assert ran.result["load"]["loop"] == "closed"
    assert ran.counts["ok"] == pytest.approx(5 * 1 / 0.02, rel=0.4)
    assert ran.counts["unfinished"] == 0
    assert ran.result["latency"]["primary"] == "service"
    assert ran.result["latency"]["corrected"]["n"] == 0
    assert ran.result["rates"]["completed_per_s"] == pytest.approx(5 / 0.02, rel=0.4)


@pytest.mark.parametrize(("number", "rate"), [
    pytest.param(signal.SIGINT, ("-R", "200"), id="SIGINT-open"),
    pytest.param(signal.SIGTERM, (), id="SIGTERM-closed"),
])
def test_a_signal_ends_the_run_early_with_a_complete_marked_result(number: signal.Signals,
                                                                   rate: tuple[str, ...]) -> None:
    with serving("ok") as url:
        process = start("--format", "json", *rate, "-d", 30, f"{url}/")
        time.sleep(0.7)
        process.send_signal(number)
        ran = process.finish()
    assert ran.balanced()
    assert (ran.status, ran.verdict, ran.result["interrupted"]) == (3, "interrupted", number.name)
    load_ = ran.result["load"]
    assert load_["duration_s"] == 30
    assert 0.05 < load_["measured_s"] < 5
    if rate:
        assert ran.counts["scheduled"] == pytest.approx(200 * load_["measured_s"], abs=2)


def test_stages_follow_one_another() -> None:
    with serving("ok") as url:
        ran = load("--stages", "1s@50,500ms@300", "-c", 10, f"{url}/")
    assert ran.counts["scheduled"] == ran.counts["ok"] == 200
    assert [entry["scheduled"] for entry in ran.result["series"]][:2] == [50, 150]
    assert ran.result["load"]["rate_per_s"] == pytest.approx(200 / 1.5)


def test_a_rate_that_the_generator_cannot_hold_is_never_a_slower_server() -> None:
    with serving("ok") as url:
        ran = load("-R", 500_000, "-c", 50, "-d", "300ms", f"{url}/")
    assert ran.counts["scheduled"] == 150_000
    assert (ran.status, ran.verdict) == (3, "client-bound")
    assert "late_share" in ran.broken()

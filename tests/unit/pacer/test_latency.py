"""Latencies against theory: a frozen server, half of one, a queue, overload, and the generator itself stopped."""

from __future__ import annotations

import random
import signal
import time
from fractions import Fraction

import pytest

from pacer.schedule import Stage, poisson_times
from tests.unit.pacer.servers import serving
from tests.unit.pacer.support import Ran, load, start

MS = 1_000_000
S = 1_000_000_000


def test_a_frozen_server_shows_in_corrected_latency_and_not_in_service_time() -> None:
    """Frozen S of every T seconds, load rho of capacity: P(L > x) = (S - x) / ((1 - rho) T).

    Here S = 0.5 s, T = 2.5 s; 400 requests a second are a few per cent of what the server can do.
    """
    frozen, period = 0.5, 2.5
    with serving("freeze", frozen, period, 1.0, 1) as url:
        ran = load("-R", 400, "-c", 20, "-d", 2 * period, f"{url}/")
    assert ran.counts["ok"] == 2000
    for percent in ("85", "90", "95", "99"):
        expected_s = frozen - (1 - float(percent) / 100) * period
        assert ran.percentile_ns("corrected", percent) / S == pytest.approx(expected_s, abs=0.06 * frozen), percent
    mean_s = frozen * frozen / (2 * period)
    assert ran.result["latency"]["corrected"]["mean_ns"] / S == pytest.approx(mean_s, rel=0.15)
    # Each connection has one request out when the server freezes: 2 x 20 of 2000. The others wait unsent.
    assert ran.percentile_ns("service", "97") < 0.2 * frozen * S
    assert ran.percentile_ns("lag", "97") < 0.2 * frozen * S


@pytest.mark.parametrize("dispatch", ["pinned", "pool"])
def test_half_a_frozen_server_shows_only_where_requests_are_bound_to_connections(dispatch: str) -> None:
    """One of two workers frozen S of every T: with pinned requests p99 = S - 0.01 * 2 T; a pool evades it."""
    frozen, period = 0.4, 1.6
    with serving("freeze", frozen, period, 0.6, 2) as url:
        ran = load("-R", 500, "-c", 8, "-d", period, "--dispatch", dispatch, f"{url}/")
    p99_s = ran.percentile_ns("corrected", "99") / S
    if dispatch == "pinned":
        assert p99_s == pytest.approx(frozen - 0.01 * 2 * period, abs=0.06 * frozen)
    else:
        assert p99_s < 0.1 * frozen


def waits(times: list[int], service_ns: int) -> list[int]:
    """Return each request's time in a queue with one server and a fixed service time (Lindley's recursion)."""
    free, stays = 0, []
    for due in times:
        free = max(free, due) + service_ns
        stays.append(free - due)
    return stays


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_poisson_arrivals_at_a_deterministic_server_are_the_queue_m_d_1(rho: float) -> None:
    """The mean stay is that of M/D/1, D (1 + rho / (2 (1 - rho))), and over the network the same plus its share."""
    service_ns, seed = 10 * MS, 11
    rate = Fraction(rho) * S / service_ns
    long_run = waits(list(poisson_times(Stage(duration_ns=2000 * S, rate_per_s=rate), 0, random.Random(5))), service_ns)
    theory_ns = service_ns * (1 + rho / (2 * (1 - rho)))
    assert sum(long_run) / len(long_run) == pytest.approx(theory_ns, rel=0.03)

    with serving("deterministic", service_ns / S) as url:
        ran = load("-R", float(rate), "-c", 64, "-d", 2, "--arrival", "poisson", "--seed", seed, f"{url}/")
    times = list(poisson_times(Stage(duration_ns=2 * S, rate_per_s=rate), 0, random.Random(seed)))
    exact = waits(times, service_ns)
    assert ran.counts["scheduled"] == len(times)
    mean_ns = ran.result["latency"]["corrected"]["mean_ns"]
    assert mean_ns == pytest.approx(sum(exact) / len(exact), rel=0.25)


def test_uniform_arrivals_at_a_deterministic_server_do_not_queue() -> None:
    with serving("deterministic", 0.01) as url:
        ran = load("-R", 80, "-c", 64, "-d", 1, f"{url}/")
    assert ran.percentile_ns("corrected", "50") == pytest.approx(10 * MS, rel=0.25)


def test_overload_grows_with_the_right_slope_and_is_called_overload() -> None:
    """At R = 1.5 mu latency grows by R / mu - 1 seconds a second; a third of the requests is left over."""
    service_s, seconds = 0.005, 3
    with serving("deterministic", service_s) as url:
        ran = load("-R", 1.5 / service_s, "-c", 10, "-d", seconds, f"{url}/")
    counts = ran.counts
    assert ran.broken()[-2:] == ["kept_up_share", "completed_share"]
    if ran.broken()[0] == "kept_up_share":          # else this machine has not given the generator its time either
        assert (ran.status, ran.verdict) == (3, "overloaded")
    assert counts["scheduled"] == 900
    assert counts["completed"] == pytest.approx(600, rel=0.06)
    assert counts["unfinished"] == counts["unsent"] == counts["scheduled"] - counts["completed"]
    series = ran.result["series"]
    # An answer that comes at time t was due at t / 1.5: in terms of t the slope is 1 - 1 / 1.5.
    slope = (series[2]["p50_ns"] - series[0]["p50_ns"]) / (2 * S)
    assert slope == pytest.approx(1 - 1 / 1.5, rel=0.15)
    corrected = ran.result["latency"]["corrected"]
    assert corrected["censored"] == counts["unfinished"]
    assert {"75", "90"} <= set(corrected["at_least"])
    assert series[2]["backlog"] > series[0]["backlog"] > 0


def stopped_for_a_while(*arguments: str | float) -> Ran:
    """Run pacer against a healthy server and stop it (the generator) for 200 ms."""
    with serving("ok") as url:
        process = start("--format", "json", "-d", 1.5, *arguments, f"{url}/")
        time.sleep(0.8)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        process.send_signal(signal.SIGCONT)
        return process.finish()


@pytest.mark.parametrize("rate", [500, 20])
def test_a_generator_that_was_stopped_says_so(rate: int) -> None:
    ran = stopped_for_a_while("-R", rate)
    assert ran.balanced()
    assert (ran.status, ran.verdict) == (3, "client-bound")
    assert ran.result["cost"]["loop_gap_max_ns"] > 150 * MS
    assert ran.result["latency"]["lag"]["max_ns"] > 130 * MS


def test_a_generator_that_was_stopped_says_so_in_a_closed_loop() -> None:
    ran = stopped_for_a_while()
    assert ran.verdict == "client-bound"
    assert ran.result["cost"]["loop_gap_max_ns"] > 150 * MS

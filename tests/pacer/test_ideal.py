"""Latencies against theory, to the letter: pacer's own code with a clock, a network and a server without noise.

What remains between measured and right is pacer's doing. The live counterparts, where the machine has its say, are in
test_latency.py and test_pacing.py.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from pacer.schedule import POISSON, Schedule, Stage
from tests.pacer import theory
from tests.pacer.virtual import NETWORK_NS, POLL_NS, Ideal, Queue, simulate

MS = 1_000_000
S = 1_000_000_000
FAST = S // 60_000              # service time of a server that answers 60,000 requests a second


@pytest.fixture(scope="module")
def stalled() -> Ideal:
    """A server frozen for 1 s in 10 s, at 1000 requests a second."""
    return simulate(Queue(FAST, frozen_ns=S, period_ns=10 * S, first_ns=5 * S), "-R", 1000, "-c", 100, "-d", "20s")


def test_a_stall_is_in_the_percentiles_that_theory_says(stalled: Ideal) -> None:
    rho = 1000 * FAST / S
    for percent, expected_s in (("95", 0.508), ("99", 0.902), ("99.9", 0.990)):
        theory_s = theory.stall_percentile(float(percent), frozen=1, period=10, rho=rho)
        assert theory_s == pytest.approx(expected_s, abs=0.001)
        assert stalled.percentile_ns(percent) / S == pytest.approx(expected_s, rel=0.005), percent
    assert theory.stall_mean(frozen=1, period=10, rho=rho) == pytest.approx(0.051, abs=3e-4)
    assert stalled.mean_ns() / S == pytest.approx(0.051, rel=0.01)
    assert stalled.outcome.validity.verdict == "valid"


def test_the_service_time_does_not_show_a_stall(stalled: Ideal) -> None:
    """Each of 100 connections has at most one request out when one of the two stalls begins; the others wait unsent."""
    service = stalled.histogram("service")
    assert service.n == 20_000
    assert theory.above(service, 2 * MS) <= 2 * 100
    assert theory.above(stalled.histogram("corrected"), 2 * MS) > 2 * 980
    assert stalled.percentile_ns("100", "lag") < MS


def test_a_closed_loop_is_blind_to_the_same_stall() -> None:
    """The control: what asks only after an answer has hardly any slow requests to show."""
    blind = simulate(Queue(MS, frozen_ns=S, period_ns=10 * S, first_ns=5 * S), "-c", 4, "-d", "10s")
    assert blind.percentile_ns("99", "service") < 0.01 * theory.stall_percentile(99, frozen=1, period=10, rho=0.02) * S


@pytest.mark.parametrize(("dispatch", "least", "most"), [("pinned", 0.79, 0.81), ("pool", 0, 0.01)])
def test_one_of_two_workers_frozen(dispatch: str, least: float, most: float) -> None:
    """Bound to connections, half of a second's requests wait: p99 = 0.80 s. A pool loses 32 to the frozen half."""
    half = Queue(2 * FAST, workers=2, frozen_ns=S, period_ns=10 * S, first_ns=5 * S)
    ran = simulate(half, "-R", 1000, "-c", 64, "-d", "10s", "--dispatch", dispatch)
    assert least * S <= ran.percentile_ns("99") <= most * S
    assert ran.recording.balanced
    assert ran.recording.ok == 10_000


def arrivals(rate: int, seconds: int, seed: int) -> list[int]:
    stage = Stage(rate_per_s=Fraction(rate), duration_ns=seconds * S)
    return list(Schedule(stages=(stage,), arrival=POISSON, seed=seed).times(0))


@pytest.mark.parametrize(("rho", "seconds"), [(0.5, 40), (0.8, 60)])
def test_poisson_arrivals_at_a_deterministic_server_are_the_queue_m_d_1(rho: float, seconds: int) -> None:
    service_ns = MS // 2
    rate = round(rho * S / service_ns)
    ran = simulate(Queue(service_ns), "-R", rate, "-c", 256, "-d", f"{seconds}s", "--arrival", "poisson", "--seed", 2)
    assert ran.mean_ns() == pytest.approx(theory.md1_mean(service_ns, rho) + 2 * NETWORK_NS, rel=0.05)
    exact = theory.stays(arrivals(rate, seconds, 2), service_ns)
    assert ran.recording.ok == len(exact)
    assert ran.mean_ns() == pytest.approx(sum(exact) / len(exact) + 2 * NETWORK_NS, rel=0.005)
    exact.sort()
    for percent in (50, 90, 99, 99.9):
        right = exact[-int(-percent * len(exact) // 100) - 1] + 2 * NETWORK_NS
        assert ran.percentile_ns(str(percent)) == pytest.approx(right, rel=0.01), percent


def test_uniform_arrivals_at_a_deterministic_server_all_take_the_same_time() -> None:
    ran = simulate(Queue(MS // 2), "-R", 1600, "-c", 64, "-d", "5s")
    for percent in ("0.1", "50", "99.9", "100"):
        assert ran.percentile_ns(percent) == pytest.approx(MS // 2 + 2 * NETWORK_NS, abs=2 * POLL_NS + 1000)


def test_overload_grows_with_the_right_slope() -> None:
    """Asked 1.5 times what the server can do, latency grows by R / mu - 1 = 0.5 s a second of the schedule."""
    ran = simulate(Queue(MS), "-R", 1500, "-c", 50, "-d", "10s", "--drain", "1s")
    recording = ran.recording
    assert (ran.outcome.validity.verdict, recording.balanced) == ("overloaded", True)
    assert (recording.scheduled, recording.late) == (15_000, 0)
    # 10 s, 100 ms of grace, and the 50 that are then out: each takes 1 ms.
    assert recording.completed == pytest.approx(10_100 + 50, abs=25)
    assert recording.unfinished == recording.scheduled - recording.completed
    # Answers of second k were due at 2/3 of their time: they took a third of it.
    middles = [entry.p50_ns for entry in recording.seconds[:10]]
    for second, middle in enumerate(middles):
        assert middle is not None
        assert middle / S == pytest.approx((second + 0.5) * (1 - 1 / 1.5), rel=0.01, abs=0.004)
    # Due at t, answered at 1.5 t: what was due in the last moment of the window would have waited 0.5 x 10 s.
    assert ran.percentile_ns("100") / S == pytest.approx(0.5 * 10.1 / 1.5, rel=0.02)


def test_requests_leave_evenly() -> None:
    """1000/s over 100 connections, whose own turns are 100 ms apart."""
    ran = simulate(Queue(FAST), "-R", 1000, "-c", 100, "-d", "5s")
    assert len(ran.came) == 5000
    variation, dispersion = theory.evenness(ran.came, rate=1000)
    assert variation < 0.01
    assert dispersion < 0.001


def test_poisson_requests_leave_as_they_should() -> None:
    ran = simulate(Queue(FAST), "-R", 1000, "-c", 100, "-d", "40s", "--arrival", "poisson", "--seed", 1)
    assert 0.95 < theory.gap_variation(ran.came) < 1.05
    gaps = [came - due for came, due in zip(ran.came, arrivals(1000, 40, 1), strict=True)]
    assert max(gaps) - min(gaps) < 3 * POLL_NS


def test_a_train_of_bursts_is_told_from_an_even_one() -> None:
    """The control for the two tests above: 10 at a time every 10 ms, and 30 connections in lock-step."""
    bursts = [number // 10 * 10 * MS for number in range(5000)]
    assert theory.evenness(bursts, rate=1000)[0] > 2.5
    lock_step = sorted(turn * 30 * MS for turn, _connection in itertools.product(range(160), range(30)))
    assert min(theory.evenness(lock_step, rate=1000)) > 1.5


@pytest.mark.parametrize("connections", [1, 10, 100, 400])
def test_light_loads_are_exact(connections: int) -> None:
    ran = simulate(Queue(MS), "-R", 10, "-c", connections, "-d", "60s", "-T", "2s")
    assert (ran.recording.scheduled, ran.recording.ok, ran.recording.failed) == (600, 600, 0)
    assert ran.histogram("corrected").n == 600

"""Latencies against theory on a real server: frozen, half frozen, a queue, overload.

The machine lets everybody wake up late now and then. So what is right is worked out from what really happened in that
very run, by the server's own log. Without noise, to the letter: test_ideal.py.
"""

from __future__ import annotations

import statistics

import pytest

from pacer.histogram import Histogram, rank_of
from tests.pacer import theory
from tests.pacer.live import Live, Plan, run_live

MS = 1_000_000
S = 1_000_000_000
# A server that is frozen for a tenth of the time, as in test_ideal.py, at half the scale.

RATE, PERIOD_S, CONNECTIONS = 1000, 5, 20


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Live]:
    half = ("freeze", (PERIOD_S / 10, PERIOD_S, 2.5, 2), RATE // 2, PERIOD_S, CONNECTIONS)
    return run_live({
        "whole": Plan("freeze", (PERIOD_S / 10, PERIOD_S, 1.0, 1), RATE, PERIOD_S, CONNECTIONS),
        "pinned": Plan(*half),
        "pool": Plan(*half, dispatch="pool"),
    }, tmp_path_factory.mktemp("frozen"))


def test_a_frozen_server_shows_in_corrected_latency(frozen: dict[str, Live]) -> None:
    live = frozen["whole"]
    assert live.ran.counts["ok"] == RATE * PERIOD_S
    frozen_s, rho = live.stall()
    for percent in ("95", "99", "99.9"):
        right_s = theory.stall_percentile(float(percent), frozen=frozen_s, period=PERIOD_S, rho=rho)
        measured_s = live.ran.percentile_ns("corrected", percent) / S
        assert measured_s == pytest.approx(right_s, rel=live.within(0.02)), percent
    mean_s = live.ran.result["latency"]["corrected"]["mean_ns"] / S
    assert mean_s == pytest.approx(live.stall_mean_s(PERIOD_S), rel=live.within(0.02))


def test_corrected_latency_is_what_the_server_saw(frozen: dict[str, Live]) -> None:
    """Percentile by percentile against the latencies worked out from the server's log."""
    for name in ("whole", "pinned"):
        live = frozen[name]
        right = sorted(live.observed)
        for percent in ("95", "99", "99.9") if name == "whole" else ("97", "99", "99.5"):
            expected = right[rank_of(percent, len(right)) - 1]
            found = live.ran.percentile_ns("corrected", percent)
            assert found == pytest.approx(expected, rel=live.within(0.02)), (name, percent)


def test_the_service_time_does_not_show_a_stall(frozen: dict[str, Live]) -> None:
    """Each connection has one request out when the server freezes; the others wait unsent."""
    live = frozen["whole"]
    service, corrected = (Histogram.decode(live.ran.result["histograms"][tag]) for tag in ("service", "corrected"))
    stalled_ns = 0.2 * PERIOD_S / 10 * S
    assert theory.above(service, stalled_ns) <= CONNECTIONS
    assert theory.above(corrected, stalled_ns) > 0.7 * RATE * PERIOD_S / 10


def test_half_a_frozen_server_shows_where_requests_are_bound_to_connections(frozen: dict[str, Live]) -> None:
    """One of two workers frozen S of every T: p99 = S - 0.01 * 2 T, here 0.80 S."""
    live = frozen["pinned"]
    frozen_s, rho = live.stall()
    right_s = theory.stall_percentile(98, frozen=frozen_s, period=PERIOD_S, rho=rho)
    assert right_s / frozen_s == pytest.approx(0.80, abs=0.05)
    assert live.ran.percentile_ns("corrected", "99") / S == pytest.approx(right_s, rel=live.within(0.02))


def test_a_pool_evades_half_a_frozen_server(frozen: dict[str, Live]) -> None:
    """It loses one request to each connection of the frozen half, 10 of 2500, and nothing else."""
    live = frozen["pool"]
    corrected = Histogram.decode(live.ran.result["histograms"]["corrected"])
    assert theory.above(corrected, 0.2 * PERIOD_S / 10 * S) <= CONNECTIONS // 2
    assert live.ran.percentile_ns("corrected", "99") < 0.1 * frozen["pinned"].ran.percentile_ns("corrected", "99")


# A server that takes the same time for every request, one after the other. Forty times slower than in test_ideal.py,
# so that what the machine adds is small beside it.

SERVICE_NS = 20 * MS
OVERLOADED_NS, OVERLOAD = 5 * MS, 1.5


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Live]:
    server = ("deterministic", (SERVICE_NS / S,))
    full = S // SERVICE_NS
    return run_live({
        "0.5": Plan(*server, full // 2, 6, 64, arrival="poisson"),
        "0.8": Plan(*server, full * 4 // 5, 6, 64, arrival="poisson"),
        "uniform": Plan(*server, full // 2, 6, 64),
        "overload": Plan("deterministic", (OVERLOADED_NS / S,), round(OVERLOAD * S / OVERLOADED_NS), 4, 10),
    }, tmp_path_factory.mktemp("queues"))


@pytest.mark.parametrize("rho", ["0.5", "0.8"])
def test_poisson_arrivals_at_a_deterministic_server_are_the_queue_m_d_1(rho: str, queues: dict[str, Live]) -> None:
    """The mean is that of this schedule in an M/D/1 queue, plus the network's share.

    The share is what uniform arrivals, which never queue, take longer than the service in the same second. Each second
    is looked at by itself; their median counts, since a machine that stands still for a moment spoils a second.
    """
    live, alone = queues[rho], queues["uniform"]
    assert live.ran.counts["ok"] == len(live.times)
    right = theory.stays(live.times, SERVICE_NS)
    ratios = []
    for second in range(6):
        share_ns = (alone.seconds[second].mean() or 0) - SERVICE_NS
        # A second of the log holds what was answered in it.
        queue = [stay for due, stay in zip(live.times, right, strict=True)
                 if (due + stay + share_ns) // S == second]
        ratios.append((live.seconds[second].mean() or 0) / (statistics.fmean(queue) + share_ns))
    assert statistics.median(ratios) == pytest.approx(1, rel=live.within(0.05)), ratios


def test_uniform_arrivals_at_a_deterministic_server_do_not_queue(queues: dict[str, Live]) -> None:
    """All take the same time: what the server's log shows, which is its service time and its own waking up late."""
    live = queues["uniform"]
    right = sorted(live.observed)
    for percent in ("5", "50", "75"):
        expected = right[rank_of(percent, len(right)) - 1]
        assert live.ran.percentile_ns("corrected", percent) == pytest.approx(expected, rel=live.within(0.05)), percent
    assert live.ran.percentile_ns("corrected", "50") == pytest.approx(SERVICE_NS, rel=live.within(0.05))
    assert live.ran.percentile_ns("corrected", "5") == pytest.approx(SERVICE_NS, rel=live.within(0.05))


def test_overload_grows_with_the_right_slope_and_is_called_overload(queues: dict[str, Live]) -> None:
    """At R = 1.5 mu latency grows by R / mu - 1 seconds a second; a third of the requests is left over."""
    live = queues["overload"]
    ran, counts = live.ran, live.ran.counts
    assert ran.broken()[-2:] == ["kept_up_share", "completed_share"]
    if ran.broken()[0] == "kept_up_share":          # else this machine has not given the generator its time either
        assert (ran.status, ran.verdict) == (3, "overloaded")
    answered = sorted(done for connection in live.log.connections for _came, done in connection)
    assert counts["scheduled"] == len(live.times)
    assert counts["completed"] == len(answered)
    assert counts["unfinished"] == counts["unsent"] == counts["scheduled"] - counts["completed"]
    # An answer that comes at time t was due at t mu / R: by t the slope is 1 - mu / R, with mu as it really was.
    mu = (len(answered) - 1) * S / (answered[-1] - answered[0])
    assert mu == pytest.approx(S / OVERLOADED_NS, rel=live.within(0.05))
    middles = [entry["p50_ns"] for entry in ran.result["series"]]
    slope = (middles[3] - middles[0]) / (3 * S)
    assert slope == pytest.approx(1 - mu * OVERLOADED_NS / S / OVERLOAD, rel=live.within(0.05))
    corrected = ran.result["latency"]["corrected"]
    assert corrected["censored"] == counts["unfinished"]
    assert {"75", "90"} <= set(corrected["at_least"])
    assert ran.result["series"][3]["backlog"] > ran.result["series"][0]["backlog"] > 0

"""Several processes and an agreed start."""

from __future__ import annotations

import signal
import time

from tests.pacer import theory
from tests.pacer.servers import serving
from tests.pacer.support import load, pacer, start, urgently
from tests.pacer.timed_servers import fetch_log


def test_processes_share_one_interleaved_schedule() -> None:
    with urgently(), serving("record") as url:
        ran = load("-R", 15, "-c", 7, "-t", 3, "-d", 2, "--progress", f"{url}/")
        arrivals = fetch_log(url).came
    assert (ran.counts["scheduled"], ran.counts["ok"]) == (30, 30)
    assert ran.result["connections"]["established"] == 7
    assert ran.result["series"][0]["scheduled"] == 15
    assert ran.result["series"][0]["p50_ns"] > 0
    assert "sent 15" in ran.err
    due = [number * 1_000_000_000 // 15 for number in range(30)]
    assert theory.share_on_time(arrivals, due, 33_000_000) > 0.5, "in lock-step it would be a third"


def test_processes_in_a_closed_loop() -> None:
    with serving("slow", 0.02) as url:
        ran = load("-c", 4, "-t", 2, "-d", "500ms", f"{url}/")
    # Four connections, an answer every 20 ms at best, and one each that is out when the window ends.
    assert 8 <= ran.counts["ok"] <= 4 * 500 / 20 + 4


def test_processes_that_cannot_connect_say_so_once() -> None:
    ran = pacer("-R", 10, "-c", 4, "-t", 2, "-d", 1, "http://127.0.0.1:1/")
    assert ran.status == 2
    assert ran.err.count("\n") == 1


def test_a_signal_reaches_all_processes() -> None:
    with serving("ok") as url:
        process = start("--format", "json", "-R", 100, "-c", 4, "-t", 2, "-d", 30, f"{url}/")
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        ran = process.finish()
    assert ran.balanced()
    assert ran.result["interrupted"] == "SIGTERM"
    assert ran.result["load"]["measured_s"] < 10


def test_a_start_that_has_passed_is_refused() -> None:
    with serving("ok") as url:
        ran = pacer("-R", 10, "-d", 1, "--t0", "2020-01-01T00:00:00Z", f"{url}/")
    assert ran.status == 1
    assert "too early" in ran.err

"""Time: only CLOCK_MONOTONIC counts, and a generator that was itself stopped says so."""

from __future__ import annotations

import ast
import signal
import time
from pathlib import Path

import pytest

from pacer.clock import Timer
from tests.pacer.servers import serving
from tests.pacer.support import ROOT, Ran, load, start, urgently

MS = 1_000_000
S = 1_000_000_000
HOUR_S = 3600

#: What reads the wall clock, by module.
WALL = {"time": {"time", "time_ns", "localtime", "ctime", "asctime", "clock_gettime", "clock_gettime_ns"},
        "datetime": {"now", "utcnow", "today"}}
#: Where it may be read, both before the load: to refuse an agreed start that is years ahead; to begin then, and to say
#: when a run began.
STAMPS = {"options.py": ["time.time_ns"], "run.py": ["time.time_ns"]}


def wall_clock_reads(path: Path) -> list[str]:
    """Return what a module could read the wall clock with, or import for that."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            owner = "datetime" if owner == "date" else owner
            if node.attr in WALL.get(owner, ()):
                found.append(f"{owner}.{node.attr}")
            elif node.attr == "CLOCK_REALTIME":
                found.append(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            found += [f"time.{name.name}" for name in node.names if name.name in WALL["time"]]
    return found


def test_the_wall_clock_is_read_before_the_load_only() -> None:
    reads = {path.name: found for path in sorted((ROOT / "pacer").glob("*.py")) if (found := wall_clock_reads(path))}
    assert reads == STAMPS


def test_the_timer_runs_on_the_monotonic_clock() -> None:
    timer = Timer()
    lines = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{timer.fd}").read_text().splitlines())
    timer.close()
    assert int(lines["clockid"]) == time.CLOCK_MONOTONIC


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_step_of_the_wall_clock_changes_nothing(step_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the wall clock finds it an hour further on, or back: latencies, counts and length are as ever."""
    real_ns, looks = time.time_ns(), iter(range(1, 1_000_000))

    def stepping_ns() -> int:
        return real_ns + next(looks) * step_s * S

    monkeypatch.setattr(time, "time_ns", stepping_ns)
    monkeypatch.setattr(time, "time", lambda: stepping_ns() / S)
    with urgently(), serving("ok") as url:
        ran = load("-R", 100, "-c", 4, "-d", 1, "--warmup", "200ms", f"{url}/")
    assert (ran.counts["scheduled"], ran.counts["failed"]) == (100, 0)
    assert ran.counts["ok"] >= 80, "on a busy machine the last may be left over"
    assert ran.result["load"]["measured_s"] == 1
    for tag in ("corrected", "service", "lag", "wait"):
        assert ran.result["latency"][tag]["max_ns"] < S, tag
    begun = time.gmtime(real_ns // S + step_s)
    assert ran.result["started_utc"].startswith(time.strftime("%Y-%m-%dT%H:", begun))


RATES: tuple[int | None, ...] = (500, 20, None)


@pytest.fixture(scope="module")
def stopped() -> tuple[list[Ran], float]:
    """Three runs (open loop, few requests, closed loop) against healthy servers, the generators stopped for 200 ms.

    And for how long they really were, in seconds.
    """
    with serving("ok") as url:
        running = [start("--format", "json", "-d", 1.5, *(("-R", rate) if rate else ()), f"{url}/") for rate in RATES]
        time.sleep(0.9)
        for process in running:
            process.send_signal(signal.SIGSTOP)
        since = time.monotonic()
        time.sleep(0.2)
        took_s = time.monotonic() - since
        for process in running:
            process.send_signal(signal.SIGCONT)
        return [process.finish() for process in running], took_s


@pytest.mark.parametrize("number", range(len(RATES)), ids=["500/s", "20/s", "closed loop"])
def test_a_generator_that_was_stopped_says_so(number: int, stopped: tuple[list[Ran], float]) -> None:
    runs, took_s = stopped
    ran = runs[number]
    assert ran.result, ran.err
    assert ran.balanced()
    assert (ran.status, ran.verdict) == (3, "client-bound")
    assert ran.result["cost"]["loop_gap_max_ns"] > 0.8 * took_s * S
    rate = RATES[number]
    if rate:        # the request that was due first while it was stopped is late by all of it but a gap
        assert ran.result["latency"]["lag"]["max_ns"] > (0.95 * took_s - 1 / rate) * S

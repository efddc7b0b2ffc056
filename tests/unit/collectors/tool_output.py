"""What the tools on the machines write, made from real output and a few numbers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacer.histogram import Histogram, cell_of

GOLDEN = Path(__file__).parents[2] / "golden"


def golden_json(name: str) -> dict[str, Any]:
    """A golden file as a dictionary of its own."""
    value: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return value


def pacer_result(
    *,
    rate: float = 400,
    duration_s: float = 25,
    p50_us: float = 900,
    completed: int | None = None,
    status_5xx: int = 0,
    timeouts: int = 0,
    lag_p99_us: float | None = 20,
    loop: str = "open",
    second_half: float = 1,
) -> dict[str, Any]:
    """pacer's JSON, its books balanced, its distribution stretched around a median."""
    document = golden_json("pacer/steady.json")
    scheduled = round(rate * duration_s)
    completed = scheduled - timeouts if completed is None else completed
    ok, unfinished = completed - status_5xx, scheduled - completed - timeouts
    document["load"] |= {
        "loop": loop,
        "rate_per_s": rate if loop == "open" else None,
        "duration_s": duration_s,
        "measured_s": duration_s,
        "connections": 64,
        "warmup_s": 3.0,
    }
    document["counts"] |= {
        "scheduled": scheduled,
        "sent": completed + timeouts,
        "completed": completed,
        "ok": ok,
        "http_errors": status_5xx,
        "failed": timeouts,
        "unfinished": unfinished,
        "bytes_read": 7262 * completed,
    }
    document["failures"]["timeout"] = timeouts
    document["status"] = {"200": ok} | ({"500": status_5xx} if status_5xx else {})
    document["rates"] |= {
        "asked_per_s": rate if loop == "open" else None,
        "completed_per_s": completed / duration_s,
        "ok_per_s": ok / duration_s,
        "sent_per_s": completed / duration_s,
    }
    names = {"50": 1.0, "75": 1.3, "90": 1.9, "99": 4.0, "99.9": 9.0, "99.99": 14.0}
    needed = {"50": 20, "75": 40, "90": 100, "99": 1000, "99.9": 10_000, "99.99": 100_000}
    for name in ("corrected", "service"):
        one = document["latency"][name]
        samples = ok + unfinished
        one |= {
            "n": ok,
            "censored": unfinished,
            "mean_ns": round(p50_us * 1200),
            "max_ns": round(p50_us * 15_000),
            "at_least": ["99", "99.9", "max"] if unfinished else [],
        }
        one["percentiles"] = {
            key: round(p50_us * 1000 * factor) if samples >= needed[key] else None for key, factor in names.items()
        }
    stretched = [(50, 1.0), (75, 1.3), (90, 1.9), (99, 4.0), (99.9, 9.0), (100, 15.0)]
    document["histograms"] |= {
        "corrected": _spread(ok, [(percent, p50_us * 1000 * factor) for percent, factor in stretched]).encode(),
        "censored_corrected": Histogram({cell_of(round(p50_us * 4000)): unfinished} if unfinished else {}).encode(),
    }
    lag = document["latency"]["lag"]
    lag |= {"n": completed, "censored": 0}
    lag["percentiles"]["99"] = None if lag_p99_us is None or completed < 1000 else round(lag_p99_us * 1000)
    if loop == "closed":
        document["latency"]["primary"] = "service"
    seconds = int(duration_s)
    per_second = completed / seconds
    document["series"] = [
        {
            "second": second,
            "scheduled": round(rate),
            "sent": round(rate),
            "errors": 0,
            "in_flight": 1,
            "backlog": 0,
            "completed": round(per_second * (1 if second < seconds // 2 else second_half)),
            "ok": round(per_second * (1 if second < seconds // 2 else second_half)),
            "p50_ns": 1,
            "p99_ns": 1,
            "max_ns": 1,
            "lag_p99_ns": 1,
        }
        for second in range(seconds)
    ]
    return document


def _spread(count: int, percentiles: list[tuple[float, float]]) -> Histogram:
    """So many values (ns) with these percentiles."""
    histogram, done = Histogram(), 0
    for percent, value in percentiles:
        upto = math.ceil(count * percent / 100)
        if upto > done:
            histogram.counts[cell_of(round(value))] += upto - done
            done = upto
    return histogram


def wrk_text(
    *, rate: float = 1200.0, duration_s: int = 10, timeouts: int = 0, status: int = 0, mean_ms: float = 52.0
) -> str:
    """wrk's report of a calibration."""
    completed = round(rate * duration_s)
    lines = [
        f"Running {duration_s}s test @ http://127.0.0.1:8000/agents",
        "  2 threads and 64 connections",
        "  Thread Stats   Avg      Stdev     Max   +/- Stdev",
        f"    Latency    {mean_ms:.2f}ms   12.10ms {mean_ms * 4:.2f}ms   78.22%",
        "    Req/Sec   600.10     80.20     0.90k    70.00%",
        "  Latency Distribution",
        f"     50%   {mean_ms * 0.9:.2f}ms",
        f"     75%   {mean_ms * 1.2:.2f}ms",
        f"     90%   {mean_ms * 1.5:.2f}ms",
        f"     99%   {mean_ms * 2.5:.2f}ms",
        f"  {completed} requests in {duration_s}.00s, 8.22MB read",
    ]
    if timeouts:
        lines.append(f"  Socket errors: connect 0, read 0, write 0, timeout {timeouts}")
    if status:
        lines.append(f"  Non-2xx or 3xx responses: {status}")
    return "\n".join([*lines, f"Requests/sec: {rate:9.2f}", "Transfer/sec:    841.20KB"]) + "\n"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What changes between two snapshots of a machine, over 30 s on one core of 100 ticks a second."""

    busy: float = 0.3
    steal: float = 0.0
    swapped: int = 0
    clock_step_ms: float = 0.0
    tx_bytes: int = 40_000_000
    overflows: int = 0
    daemon_cpu_s: float = 8.0


def counters(machine: str, when: str, change: Snapshot | None = None) -> dict[str, Any]:
    """counters/<machine>-<when>.json; the change applies to the later snapshot."""
    seconds, now = (30, change) if when == "after" and change is not None else (0, Snapshot(busy=0))
    ticks = 100 * seconds
    steal = round(ticks * now.steal)
    busy = round(ticks * now.busy)
    core = "0" if machine == "server" else "1"
    after = when == "after"
    return {
        "schema_version": 1,
        "machine": machine,
        "when": when,
        "monotonic_ns": 10**12 + seconds * 10**9,
        "realtime_ns": 17 * 10**17 + seconds * 10**9 + (round(now.clock_step_ms * 1e6) if after else 0),
        "ticks_per_s": 100,
        "cpus": [int(core)],
        "cpu": {
            core: {
                "user": 1000 + busy // 2,
                "nice": 0,
                "system": 500 + busy - busy // 2,
                "irq": 0,
                "softirq": 0,
                "idle": 90_000 + ticks - busy - steal,
                "iowait": 3,
                "steal": 7 + steal,
            }
        },
        "net": {
            "lo": {
                "rx_bytes": 10**12 if after else 0,
                "tx_bytes": 10**12 if after else 0,
                "rx_drops": 0,
                "tx_drops": 0,
            },
            "lab0": {
                "rx_bytes": 5000 + (2_000_000 if after else 0),
                "rx_drops": 0,
                "tx_drops": 0,
                "tx_bytes": 9000 + (now.tx_bytes if after else 0),
            },
        },
        "tcp": {
            "ListenOverflows": 3 + (now.overflows if after else 0),
            "ListenDrops": 3 + (now.overflows if after else 0),
            "RetransSegs": 2,
        },
        "vm": {"pswpin": 5, "pswpout": 5 + (now.swapped if after else 0)},
        "daemon": {
            "cpu_ns": 10**9 + (round(now.daemon_cpu_s * 1e9) if after else 0),
            "memory_bytes": 2**28,
            "memory_peak_bytes": None,
            "tasks": 17,
        }
        if machine == "server"
        else None,
    }

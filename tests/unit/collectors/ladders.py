"""A results folder of a ladder with known effects, for the tests of what explains a difference."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collectors.record import record
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Campaign, Given, plan
from tests.unit.collectors.tool_output import Snapshot, pacer_result, wrk_text

RUNGS = ("flask", "flask-no-tls", "flask-pooled", "flask-threads", "api-hour")
FACTORS = (
    "as published",
    "no TLS to the database",
    "connections from a pool",
    "threads instead of processes",
    "asyncio instead of threads",
)
EFFECTS = (1.0, 1.5, 8.0, 1.0, 2.0)
"""What each rung does to requests per second; the whole is 24-fold. CPU per request is the inverse."""
START_PER_S = 100.0
NOISE = 0.02


def document(*, rounds: Sequence[str] = ("calibration",), blocks: int = 6) -> dict[str, Any]:
    """The frozen plan of the ladder, one endpoint in each round."""
    found = plan(rounds=rounds, blocks=blocks, services=RUNGS)
    for each in found["rounds"].values():
        each["endpoints"] = ["agents"]
    found["runs"] = [run for run in found["runs"] if run["endpoint"] == "agents"]
    found["kind"] = "ladder"
    found["ladder"] = [
        {"service": service, "factor": factor} for service, factor in zip(RUNGS, FACTORS, strict=True)
    ]
    return found


def speed(service: str) -> float:
    """Requests per second that a rung can do."""
    value = START_PER_S
    for effect in EFFECTS[: RUNGS.index(service) + 1]:
        value *= effect
    return value


def make(
    directory: Path,
    special: Mapping[tuple[str, str, int], Given | None] | None = None,
    *,
    rounds: Sequence[str] = ("calibration",),
    blocks: int = 6,
) -> ResultsFolder:
    """A campaign recorded; `special` replaces runs by (service, round, block), None leaves one out."""
    campaign = Campaign(directory, document(rounds=rounds, blocks=blocks))
    source = random.Random(7)
    for run in campaign.document["runs"]:
        key = (run["service"], run["round"], run["block"])
        usual = _usual(run, source)
        given = (special or {}).get(key, usual)
        if given is not None:
            campaign.leave(run, given)
            record(ResultsFolder(directory), run["id"])
    return ResultsFolder(directory)


def closed(rate: float, *, status: int = 0, server: Snapshot | None = None) -> Given:
    """A run of wrk, 10 s long, its daemon busy for 8 s unless told."""
    text = wrk_text(rate=rate, mean_ms=64_000 / rate, status=status)
    return Given(wrk=text, server=server or Snapshot(), keep_alive=None)


def _usual(run: Mapping[str, Any], source: random.Random) -> Given:
    """The slow drift of a day, which blocks take away, and noise."""
    drift = 1 + 0.1 * run["block"]
    rate = speed(run["service"]) * drift * source.uniform(1 - NOISE, 1 + NOISE)
    if run["round"] == "calibration":
        return closed(rate)
    asked = 400.0
    done = min(asked, rate)
    return Given(pacer=pacer_result(rate=asked, completed=round(25 * done), p50_us=0.5e6 / rate))

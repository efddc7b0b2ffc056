"""The floor: what the generator and the path to the server cost by themselves."""

from __future__ import annotations

from typing import Any

from pacer.arguments import parse_options, parser
from pacer.errors import PacerError
from pacer.result import Outcome, to_json
from pacer.run import run

SCHEMA_VERSION = 1


def selftest(url: str, *, rate: str, connections: int, duration: str,
             cpus: str | None = None) -> dict[str, Any]:
    """Load a null server once at a rate and once as fast as it answers; return both results and the floor.

    Raises PacerError with one sentence when the server is not there.
    """
    common = ["-c", str(connections), "-d", duration, "--warmup", "500ms", url]
    if cpus is not None:
        common = ["--cpu", cpus, *common]
    paced = _measure(["-R", rate, *common])
    if paced.recording.interrupted is not None:
        raise PacerError("interrupted: the floor is not known")
    closed = _measure(common)
    return {"schema_version": SCHEMA_VERSION, "kind": "selftest", "floor": floor(paced, closed),
            "open": to_json(paced), "closed": to_json(closed)}


def floor(paced: Outcome, closed: Outcome) -> dict[str, float | int | None]:
    """Return the figures that no measurement over this path can go below; times in nanoseconds."""
    figures: dict[str, float | int | None] = {}
    for tag in ("corrected", "service", "lag"):
        for percent in ("50", "99"):
            figures[f"{tag}_p{percent}_ns"] = paced.latency[tag].percentiles[percent]
    done = paced.recording.inside.completed
    figures["cpu_per_request_us"] = paced.recording.cost.cpu_ns / done / 1000 if done else None
    figures["closed_loop_per_s"] = closed.per_s(closed.recording.inside.completed)
    return figures


def _measure(arguments: list[str]) -> Outcome:
    return run(parse_options(parser().parse_args(arguments), ["pacer", *arguments]))

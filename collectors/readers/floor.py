"""The floor, `pacer selftest`'s JSON: what the generator and the path to the server cost by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collectors.errors import ReadError
from collectors.jsonio import Fields, parse_object
from collectors.units import show_latency, show_rate

KIND = "selftest"
SCHEMA_VERSION = 1
VALID = "valid"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What was measured against a server that does nothing; no figure over the same path can be below. None: the sample
    does not support it.

    Latencies are in microseconds, at `rate_per_s`: `latency` from the intended send time, `service` from the send on,
    `lag` the generator's own lateness. `verdict` is pacer's own on that measurement, `closed_verdict` the one on the
    closed loop.
    """

    rate_per_s: float
    connections: int
    duration_s: float
    latency_p50_us: float | None
    latency_p99_us: float | None
    service_p50_us: float | None
    service_p99_us: float | None
    lag_p50_us: float | None
    lag_p99_us: float | None
    cpu_per_request_us: float | None
    closed_loop_per_s: float | None
    verdict: str
    closed_verdict: str

    @property
    def valid(self) -> bool:
        """Say whether the generator kept its schedule even against nothing."""
        return self.verdict == VALID

    @property
    def fault(self) -> str | None:
        """Return what is wrong with the floor itself, None where nothing is."""
        if self.valid:
            return None
        return (
            f"the floor is {self.verdict} itself: even against a server that does nothing the generator and the link "
            f"did not carry {show_rate(self.rate_per_s)} requests per second as asked"
        )

    @property
    def sentence(self) -> str:
        """Return the figures in one line."""
        judged = "" if self.valid else f" ({self.verdict})"
        return (
            f"p50 {show_latency(self.latency_p50_us)}, p99 {show_latency(self.latency_p99_us)} at "
            f"{show_rate(self.rate_per_s)} req/s over {self.connections} connections{judged}; "
            f"closed loop {show_rate(self.closed_loop_per_s)} req/s; nothing measured here can be below"
        )


def is_floor(top: dict[str, object]) -> bool:
    """Say whether a JSON object is of `pacer selftest`."""
    return top.get("kind") == KIND and "floor" in top


def read_floor(text: str, path: Path) -> Floor:
    """Return what `pacer selftest --format json` measured; ReadError where the text is damaged or something else."""
    top = Fields(parse_object(text, path), path)
    if top.text("kind") != KIND:
        raise top.fail("kind", f"{KIND!r}")
    if (version := top.integer("schema_version")) != SCHEMA_VERSION:
        raise ReadError(f"schema version {version}, only {SCHEMA_VERSION} is understood", file=path)
    figures, paced = top.inner("floor"), top.inner("open")
    load = paced.inner("load")
    return Floor(
        rate_per_s=load.amount("rate_per_s"),
        connections=load.count("connections"),
        duration_s=load.amount("duration_s"),
        latency_p50_us=_us(figures, "corrected_p50_ns"),
        latency_p99_us=_us(figures, "corrected_p99_ns"),
        service_p50_us=_us(figures, "service_p50_ns"),
        service_p99_us=_us(figures, "service_p99_ns"),
        lag_p50_us=_us(figures, "lag_p50_ns"),
        lag_p99_us=_us(figures, "lag_p99_ns"),
        cpu_per_request_us=figures.optional_amount("cpu_per_request_us"),
        closed_loop_per_s=figures.optional_amount("closed_loop_per_s"),
        verdict=paced.inner("validity").text("verdict"),
        closed_verdict=top.inner("closed").inner("validity").text("verdict"),
    )


def _us(figures: Fields, key: str) -> float | None:
    if key not in figures.names():
        raise figures.fail(key, "a number")
    value = figures.optional_amount(key)
    return None if value is None else value / 1e3

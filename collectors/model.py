"""What was measured, as data: one load generator's result, one machine's figures, one run with its verdicts.

Nothing here knows a tool's format (collectors/readers does) or how a number is shown (collectors/units
does). None means "not measured"; a count that a tool does not report is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from collectors.limits import samples_needed

SCHEMA_VERSION: Final = 1

Loop = Literal["open", "closed"]
LatencyKind = Literal["corrected", "service", "lag", "wait"]
Outcome = Literal[
    "measured", "did-not-start", "not-installable", "wrong-answer", "died", "generator-failed", "unreachable",
    "unreadable",
]  # fmt: skip
VerdictKind = Literal[
    "valid", "degraded", "overloaded", "errors", "client-bound", "network-bound", "unsteady",
    "environment-changed", "not-equivalent",
]  # fmt: skip

PRECEDENCE: Final[tuple[VerdictKind, ...]] = (
    "not-equivalent",
    "environment-changed",
    "client-bound",
    "errors",
    "overloaded",
    "network-bound",
    "degraded",
    "unsteady",
    "valid",
)
"""Which verdict heads a row that has several: first those that say the number is not about this daemon's
work."""
UNRANKED: Final[frozenset[VerdictKind]] = frozenset(
    {"not-equivalent", "environment-changed", "client-bound", "errors", "overloaded"}
)
"""A run with one of these is shown and not ranked; the other kinds are marks on a row that still counts."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """One distribution of latencies.

    `kind`: corrected counts from the intended send time, service from the actual send, lag is the
    generator's own lateness, wait the time no connection was free. `recorded` is the number of samples
    behind the figures, `censored` the number of requests known only to have taken at least so long.
    `at_least` names the figures ("99", "max", "mean") that are lower bounds. `truncated`: samples at or
    above the generator's timeout are missing.
    """

    kind: LatencyKind
    recorded: int | None
    censored: int = 0
    mean_us: float | None = None
    stdev_us: float | None = None
    min_us: float | None = None
    max_us: float | None = None
    percentiles_us: Mapping[str, float | None] = field(default_factory=dict)
    at_least: tuple[str, ...] = ()
    truncated: bool = False

    def supports(self, percentile: str) -> bool:
        """Say whether the sample is large enough for the percentile: N >= 10 / (1 - p)."""
        return self.recorded is not None and self.recorded + self.censored >= samples_needed(percentile)

    def percentile_us(self, percentile: str) -> float | None:
        """Return the percentile in microseconds, None where it is not known or the sample does not support
        it."""
        return self.percentiles_us.get(percentile) if self.supports(percentile) else None


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Errors by kind, as counted by the generator. None: the generator does not report that kind.

    `status_over_399` is for generators that do not split it into 4xx and 5xx. `timeout_unit`: wrk2 and
    older wrk count connections found waiting at a tick, which are not requests and enter no share.
    `detail` holds finer classes.
    """

    connect: int | None = None
    read: int | None = None
    write: int | None = None
    timeout: int | None = None
    status_4xx: int | None = None
    status_5xx: int | None = None
    status_over_399: int | None = None
    parse: int | None = None
    body_mismatch: int | None = None
    timeout_unit: Literal["requests", "ticks"] = "requests"
    detail: Mapping[str, int] = field(default_factory=dict)

    def by_kind(self) -> dict[str, int]:
        """Return the kinds that were counted (0 included) in a fixed order; timeouts that are ticks under
        their own name."""
        return {kind: value for kind in ERROR_KINDS if (value := self._count(kind)) is not None}

    def _count(self, kind: str) -> int | None:
        if kind in {"timeout", "timeout_ticks"}:
            return self.timeout if (kind == "timeout") == (self.timeout_unit == "requests") else None
        value: int | None = getattr(self, kind)
        return value

    def seen(self) -> dict[str, int]:
        """Return the kinds that occurred."""
        return {kind: value for kind, value in self.by_kind().items() if value}

    def share_kinds(self) -> tuple[str, ...]:
        """Return the kinds that count failed requests and so may enter an error share."""
        return tuple(kind for kind in self.by_kind() if kind != "timeout_ticks")


ERROR_KINDS: Final = (
    "connect",
    "read",
    "write",
    "timeout",
    "timeout_ticks",
    "status_4xx",
    "status_5xx",
    "status_over_399",
    "parse",
    "body_mismatch",
)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Requests, each stage apart.

    `requested`: rate x duration as asked. `scheduled`: due in the measured window. `attempted`: what an
    error share is a share of (scheduled in an open loop; completed and failed ones in a closed loop).
    `completed`: complete replies, whatever they said. `ok`: complete, correct replies. `failed`: requests
    that failed, an error reply included. `unfinished`: scheduled, neither answered nor failed at the end.
    """

    requested: int | None = None
    scheduled: int | None = None
    attempted: int | None = None
    sent: int | None = None
    completed: int
    ok: int | None = None
    failed: int | None = None
    unfinished: int | None = None
    completed_in_window: int | None = None


@dataclass(frozen=True, kw_only=True)
class Second:
    """One second of the measured window as the generator counted it."""

    second: int
    scheduled: int
    completed: int
    ok: int


@dataclass(frozen=True, kw_only=True)
class Check:
    """One of the generator's own checks of itself."""

    name: str
    value: float | str | None
    limit: float | str | None
    unit: str
    ok: bool


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What one load generator reported of one run.

    Rates are per second of the measured window. `connections` is what really existed: wrk and wrk2 divide
    the asked number by the threads as integers. `streams`: requests at a time on each connection, where
    there may be several. `reply_bytes_mean` includes headers. `flags` are what this generator is known to
    get wrong and did in this run, each by its name; `notes` are the reader's warnings as sentences, those of
    the flags among them.
    """

    tool: Literal["wrk", "wrk2", "pacer", "h2load"]
    tool_version: str | None = None
    loop: Loop
    url: str
    threads: int | None = None
    connections_asked: int
    connections: int
    streams: int | None = None
    rate_asked_per_s: float | None = None
    duration_asked_s: float
    duration_s: float
    timeout_s: float | None = None
    counts: Counts
    errors: Errors
    completed_per_s: float
    ok_per_s: float | None = None
    read_bytes: int
    latency: Latency
    service: Latency | None = None
    lag: Latency | None = None
    wait: Latency | None = None
    generator_cpu_s: float | None = None
    interrupted: str | None = None
    checks: tuple[Check, ...] = ()
    series: tuple[Second, ...] = ()
    flags: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def error_share(self) -> float | None:
        """Failed requests over attempted ones; None where nothing was attempted."""
        if self.counts.failed is None or not self.counts.attempted:
            return None
        return min(1.0, self.counts.failed / self.counts.attempted)

    @property
    def unfinished(self) -> int | None:
        """Scheduled minus completed minus failed without a reply, as the generator says or as it follows."""
        if self.counts.unfinished is not None or self.counts.scheduled is None:
            return self.counts.unfinished
        return max(0, self.counts.scheduled - self.counts.completed)

    @property
    def reply_bytes_mean(self) -> float | None:
        """Bytes read per completed request, headers included; None where none completed."""
        return self.read_bytes / self.counts.completed if self.counts.completed else None


@dataclass(frozen=True, kw_only=True)
class MachineFigures:
    """What one machine did between two snapshots of its counters. Shares are of the time of its own cores."""

    machine: str
    interval_s: float
    cores: tuple[int, ...]
    cpu_mean_share: float | None
    busiest_core: int | None
    busiest_core_share: float | None
    softirq_share: float | None
    steal_share: float | None
    interface: str | None
    wire_rx_bytes: int | None
    wire_tx_bytes: int | None
    wire_drops: int | None
    listen_overflows: int | None
    listen_drops: int | None
    retransmitted_segments: int | None
    swapped_pages: int | None
    clock_step_ms: float
    daemon_cpu_s: float | None
    daemon_memory_bytes: int | None
    daemon_memory_peak_bytes: int | None
    daemon_tasks: int | None
    tcp: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One measured value against its limit, and where it was measured."""

    what: str
    value: float | str | None
    limit: float | str | None
    unit: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run is worth, and why."""

    kind: VerdictKind
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something an operator should know: what, where, the value, its limit, and what to do."""

    kind: str
    where: str
    value: float | str | None = None
    limit: float | str | None = None
    advice: str

"""What one engine has seen, complete enough to be added to what others have seen.

`Recording` is the raw outcome of a run: counts, histograms, one `Second` per second. Processes of one run,
and machines of one campaign, are merged by adding counts; percentiles are only ever computed from added
counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pacer.errors import FAILURES
from pacer.histogram import Histogram

#: The five distributions; each has its tag in the histogram log.
TAGS = ("corrected", "service", "lag", "wait", "error")
#: Distributions that can hold requests known only to have taken at least so long.
CENSORED_TAGS = ("corrected", "service", "wait")


@dataclass(kw_only=True, slots=True)
class Second:
    """One second of the run. Histograms are kept only where they are needed later."""

    second: int
    scheduled: int = 0
    sent: int = 0
    completed: int = 0
    ok: int = 0
    errors: int = 0
    in_flight: int = 0
    backlog: int = 0
    p50_ns: int | None = None
    p99_ns: int | None = None
    max_ns: int | None = None
    lag_p99_ns: int | None = None
    encoded: dict[str, str] = field(default_factory=dict)      # tag -> HdrHistogram V2


@dataclass(kw_only=True)
class Inside:
    """What happened inside the window by the time it happened, requests of the warm-up included."""

    sent: int = 0
    completed: int = 0
    ok: int = 0
    bytes_read: int = 0


@dataclass(kw_only=True)
class ConnectionCounts:
    """Connections over the whole run."""

    established: int = 0            # at the end of the connect phase
    opened: int = 0
    closed_idle: int = 0
    closed_after_response: int = 0
    stray: int = 0
    responses: int = 0
    tls: str | None = None


@dataclass(kw_only=True)
class Cost:
    """What the generator used while the window was open."""

    cpu_ns: int = 0
    busiest_process_cpu_ns: int = 0
    loop_gap_max_ns: int = 0
    involuntary_switches: int = 0
    rss_max_bytes: int = 0


@dataclass(kw_only=True)
class Recording:
    """Everything measured. Counts are of requests whose intended time lies in the window."""

    window_ns: int = 0              # length of the window as measured
    drain_ns: int = 0
    interrupted: str | None = None
    scheduled: int = 0
    late: int = 0                   # dealt with more than 1 ms after they were due, by the generator's own fault
    sent: int = 0
    completed: int = 0
    ok: int = 0
    http_errors: int = 0
    unfinished: int = 0
    unsent: int = 0
    retried: int = 0
    bytes_read: int = 0
    bytes_sent: int = 0
    failures: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(FAILURES, 0)))
    status: Counter[int] = field(default_factory=Counter)
    inside: Inside = field(default_factory=Inside)
    connections: ConnectionCounts = field(default_factory=ConnectionCounts)
    cost: Cost = field(default_factory=Cost)
    values: dict[str, Histogram] = field(default_factory=lambda: {tag: Histogram() for tag in TAGS})
    censored: dict[str, Histogram] = field(
        default_factory=lambda: {tag: Histogram() for tag in CENSORED_TAGS})
    seconds: list[Second] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Requests that failed, whatever the class."""
        return sum(self.failures.values())

    @property
    def balanced(self) -> bool:
        """Every scheduled request ended in exactly one place."""
        return self.scheduled == self.ok + self.http_errors + self.failed + self.unfinished

    @property
    def error_share(self) -> float:
        """Failed requests and HTTP errors as a share of the scheduled ones (0 when none was scheduled)."""
        return (self.failed + self.http_errors) / self.scheduled if self.scheduled else 0.0


_ADDED = ("scheduled", "late", "sent", "completed", "ok", "http_errors", "unfinished", "unsent", "retried",
          "bytes_read", "bytes_sent")
_ADDED_INSIDE = ("sent", "completed", "ok", "bytes_read")
_ADDED_CONNECTIONS = ("established", "opened", "closed_idle", "closed_after_response", "stray", "responses")
_ADDED_SECOND = ("scheduled", "sent", "completed", "ok", "errors", "in_flight", "backlog")


def merge(parts: list[Recording]) -> Recording:
    """Return the recording of all parts together; at least one part is needed."""
    total = Recording()
    for part in parts:
        _add_fields(total, part, _ADDED)
        _add_fields(total.inside, part.inside, _ADDED_INSIDE)
        _add_fields(total.connections, part.connections, _ADDED_CONNECTIONS)
        total.connections.tls = total.connections.tls or part.connections.tls
        total.window_ns = max(total.window_ns, part.window_ns)
        total.drain_ns = max(total.drain_ns, part.drain_ns)
        total.interrupted = total.interrupted or part.interrupted
        total.failures.update(part.failures)
        total.status.update(part.status)
        for tag, histogram in part.values.items():
            total.values[tag].add(histogram)
        for tag, histogram in part.censored.items():
            total.censored[tag].add(histogram)
        _add_cost(total.cost, part.cost)
    total.seconds = merge_seconds([part.seconds for part in parts])
    return total


def merge_seconds(parts: list[list[Second]]) -> list[Second]:
    """Add up the series of several parts, second by second."""
    together: dict[int, list[Second]] = {}
    for series in parts:
        for entry in series:
            together.setdefault(entry.second, []).append(entry)
    return [_merge_second(number, together[number]) for number in sorted(together)]


def _merge_second(number: int, entries: list[Second]) -> Second:
    if len(entries) == 1:
        return entries[0]
    total = Second(second=number)
    histograms: dict[str, Histogram] = {}
    for entry in entries:
        _add_fields(total, entry, _ADDED_SECOND)
        for tag, text in entry.encoded.items():
            histograms.setdefault(tag, Histogram()).add(Histogram.decode(text))
    if all(entry.encoded for entry in entries):
        total.encoded = {tag: histogram.encode() for tag, histogram in histograms.items()}
        primary = histograms["corrected"] if histograms["corrected"].counts else histograms["service"]
        fill_percentiles(total, primary, histograms["lag"])
    return total


def fill_percentiles(entry: Second, primary: Histogram, lag: Histogram) -> None:
    """Set a second's latency figures from its histograms."""
    entry.p50_ns, entry.p99_ns, entry.max_ns = primary.percentiles("50", "99", "100")
    (entry.lag_p99_ns,) = lag.percentiles("99")


def _add_cost(total: Cost, part: Cost) -> None:
    _add_fields(total, part, ("cpu_ns", "involuntary_switches"))
    for name in ("busiest_process_cpu_ns", "loop_gap_max_ns", "rss_max_bytes"):
        setattr(total, name, max(getattr(total, name), getattr(part, name)))


def _add_fields(total: object, part: object, names: tuple[str, ...]) -> None:
    for name in names:
        setattr(total, name, getattr(total, name) + getattr(part, name))

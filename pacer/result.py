"""The result as one JSON object; docs/pacer-result.schema.json describes it."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass
from typing import Any

from pacer import __version__
from pacer.distribution import Distribution, describe
from pacer.histogram import Histogram
from pacer.options import Options
from pacer.recording import CENSORED_TAGS, TAGS, Recording, Second
from pacer.schedule import POISSON
from pacer.units import NS_PER_S, seconds
from pacer.validity import Validity, judge

SCHEMA_VERSION = 1
Json = dict[str, Any]

_COUNTS = ("scheduled", "late", "sent", "completed", "ok", "http_errors", "failed", "unfinished", "unsent", "retried",
           "bytes_read", "bytes_sent")
_SECOND = ("second", "scheduled", "sent", "completed", "ok", "errors", "in_flight", "backlog", "p50_ns",
           "p99_ns", "max_ns", "lag_p99_ns")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished run, judged."""

    options: Options
    recording: Recording
    validity: Validity
    latency: dict[str, Distribution]
    address: str
    started_wall_ns: int
    busiest_core: tuple[int, float] | None

    @property
    def primary(self) -> str:
        """The distribution to print first."""
        return "corrected" if self.options.open_loop else "service"

    def per_s(self, count: int) -> float:
        """Return a count as a rate over the window."""
        return per_s(count, self.recording)


@dataclass(frozen=True, kw_only=True)
class Sections:
    """The parts of a result that do not come from what was recorded."""

    command: list[str]
    host: Json
    started_utc: str
    target: Json
    load: Json
    asked_per_s: float | None
    connections_asked: int
    primary: str
    busiest_core: tuple[int, float] | None


def conclude(options: Options, recording: Recording, *, address: str, started_wall_ns: int,
             busiest_core: tuple[int, float] | None) -> Outcome:
    """Judge a recording and describe its latencies."""
    validity = judge(recording, open_loop=options.open_loop, max_error_share=options.max_error_share,
                     connections_asked=options.connections if options.keepalive else None)
    latency = {tag: describe(recording.values[tag], recording.censored.get(tag)) for tag in TAGS}
    return Outcome(options=options, recording=recording, validity=validity, latency=latency, address=address,
                   started_wall_ns=started_wall_ns, busiest_core=busiest_core)


def to_json(outcome: Outcome) -> Json:
    """Return the whole result of a run."""
    options = outcome.options
    rate = options.rate_per_s
    host = {"name": platform.node(), "kernel": platform.release(), "machine": platform.machine(),
            "cpus": sorted(os.sched_getaffinity(0))}
    target = {"url": options.url.text, "method": options.requests[0].method, "address": outcome.address,
              "tls": outcome.recording.connections.tls, "requests": len(options.requests)}
    return assemble(outcome.recording, outcome.validity, outcome.latency, Sections(
        command=list(options.command), host=host, started_utc=utc(outcome.started_wall_ns), target=target,
        load=_load(outcome), asked_per_s=None if rate is None else float(rate / options.shards),
        connections_asked=options.connections, primary=outcome.primary, busiest_core=outcome.busiest_core))


def assemble(recording: Recording, validity: Validity, latency: dict[str, Distribution],
             sections: Sections) -> Json:
    """Return a result of what was recorded and the other sections."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "pacer", "version": __version__, "python": platform.python_version(),
                 "command": sections.command},
        "host": sections.host,
        "started_utc": sections.started_utc,
        "target": sections.target,
        "load": sections.load,
        "interrupted": recording.interrupted,
        "counts": {name: getattr(recording, name) for name in _COUNTS},
        "failures": dict(recording.failures),
        "status": {str(code): recording.status[code] for code in sorted(recording.status)},
        "rates": _rates(recording, sections.asked_per_s),
        "connections": _connections(recording, sections.connections_asked),
        "latency": {"primary": sections.primary,
                    **{tag: distribution_json(latency[tag]) for tag in TAGS}},
        "series": [second_json(entry) for entry in recording.seconds],
        "cost": _cost(recording, sections.busiest_core),
        "validity": validity_json(validity),
        "histograms": histograms_json(recording.values, recording.censored),
    }


def per_s(count: int, recording: Recording) -> float:
    """Return a count as a rate over the window, 0 where there was no window."""
    return count * NS_PER_S / recording.window_ns if recording.window_ns else 0.0


def utc(wall_ns: int) -> str:
    """Return a wall-clock time as ISO 8601 with milliseconds, UTC."""
    whole, rest = divmod(wall_ns, NS_PER_S)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{rest // 1_000_000:03d}Z"


def distribution_json(distribution: Distribution) -> Json:
    """Return one distribution of `latency`."""
    fields = asdict(distribution)
    fields["at_least"] = list(distribution.at_least)
    fields["intervals"] = {percent: None if pair is None else list(pair)
                           for percent, pair in distribution.intervals.items()}
    return fields


def second_json(entry: Second) -> Json:
    """Return one entry of `series`."""
    return {name: getattr(entry, name) for name in _SECOND}


def validity_json(validity: Validity) -> Json:
    """Return `validity`."""
    return {"valid": validity.valid, "verdict": validity.verdict,
            "checks": [{"name": check.name, "value": check.value, "limit": check.limit, "unit": check.unit,
                        "ok": check.ok} for check in validity.checks]}


def histograms_json(values: dict[str, Histogram], censored: dict[str, Histogram]) -> Json:
    """Return `histograms`."""
    return ({tag: values[tag].encode() for tag in TAGS}
            | {f"censored_{tag}": censored[tag].encode() for tag in CENSORED_TAGS})


def _load(outcome: Outcome) -> Json:
    options, recording = outcome.options, outcome.recording
    open_loop, rate = options.open_loop, options.rate_per_s
    drawn = options.arrival == POISSON or len(options.requests) > 1
    return {
        "loop": "open" if open_loop else "closed",
        "rate_per_s": None if rate is None else float(rate),
        "arrival": options.arrival if open_loop else None,
        "seed": options.seed if drawn else None,
        "stages": [{"duration_s": seconds(stage.duration_ns), "rate_per_s": float(stage.rate_per_s)}
                   for stage in options.stages] if len(options.stages) > 1 else None,
        "connections": options.connections,
        "dispatch": options.dispatch if open_loop else None,
        "keepalive": options.keepalive,
        "processes": options.processes,
        "warmup_s": seconds(options.warmup_ns),
        "duration_s": seconds(options.duration_ns),
        "measured_s": seconds(recording.window_ns),
        "drain_s": seconds(recording.drain_ns),
        "timeout_s": seconds(options.timeout_ns),
        "connect_rate_per_s": float(options.connect_rate_per_s),
        "shard": {"index": options.shard, "count": options.shards} if options.shards > 1 else None,
    }


def _rates(recording: Recording, asked_per_s: float | None) -> Json:
    inside = recording.inside
    return {"asked_per_s": asked_per_s, "sent_per_s": per_s(inside.sent, recording),
            "completed_per_s": per_s(inside.completed, recording), "ok_per_s": per_s(inside.ok, recording),
            "read_bytes_per_s": per_s(inside.bytes_read, recording)}


def _connections(recording: Recording, asked: int) -> Json:
    counts = recording.connections
    return {"asked": asked, "established": counts.established, "opened": counts.opened,
            "closed_idle": counts.closed_idle, "closed_after_response": counts.closed_after_response,
            "stray": counts.stray,
            "requests_per_connection_mean": counts.responses / counts.opened if counts.opened else None}


def _cost(recording: Recording, core: tuple[int, float] | None) -> Json:
    cost, wall_ns, done = recording.cost, recording.window_ns, recording.inside.completed
    return {"wall_s": seconds(wall_ns), "cpu_s": seconds(cost.cpu_ns),
            "cpu_share": cost.busiest_process_cpu_ns / wall_ns if wall_ns else 0.0,
            "cpu_per_request_us": cost.cpu_ns / done / 1000 if done else None,
            "busiest_core": None if core is None else {"cpu": core[0], "busy_share": core[1]},
            "loop_gap_max_ns": cost.loop_gap_max_ns, "involuntary_switches": cost.involuntary_switches,
            "rss_max_bytes": cost.rss_max_bytes}

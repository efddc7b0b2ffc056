"""Put the results of several generators together by adding their counts; nothing is averaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pacer.distribution import describe
from pacer.errors import UsageError
from pacer.histogram import Histogram
from pacer.hlog import read_log, totals, write_log
from pacer.merge_checks import check_log, check_result, check_together, guarded, need, wall_ns
from pacer.recording import (
    CENSORED_TAGS,
    TAGS,
    ConnectionCounts,
    Cost,
    Inside,
    Recording,
    Second,
    merge,
)
from pacer.result import Sections, assemble
from pacer.units import NS_PER_S
from pacer.validity import MAX_ERROR_SHARE, judge

Json = dict[str, Any]

_COUNTS = ("scheduled", "late", "sent", "completed", "ok", "http_errors", "unfinished", "unsent", "retried",
           "bytes_read", "bytes_sent")
_SECOND = ("second", "scheduled", "sent", "completed", "ok", "errors", "in_flight", "backlog", "p50_ns",
           "p99_ns", "max_ns", "lag_p99_ns")


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one generator left: its result and, where it was kept, the text of its histogram log.

    The names stand in sentences about what is wrong with them.
    """

    name: str
    result: Mapping[str, Any]
    log: str | None = None
    log_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """Several results as one."""

    result: Json
    recording: Recording

    def log(self) -> str:
        """Return the merged histogram log. Raises UsageError when a part had none."""
        if not all(entry.encoded for entry in self.recording.seconds):
            raise UsageError("a merged histogram log needs the log of each result")
        return write_log(self.recording.seconds, started_wall_ns=wall_ns(self.result["started_utc"]))


def merge_results(results: Sequence[Mapping[str, Any]], logs: Sequence[str] = (), *,
                  command: Sequence[str] = ("pacer", "merge")) -> Json:
    """Return one result for several of one load: the shards of a schedule, or independent generators.

    results are what --json wrote; logs the texts of their histogram logs in the same order, without which the
    merged series has no percentiles. Raises UsageError with one sentence when they do not belong together.
    """
    if logs and len(logs) != len(results):
        raise UsageError(f"{len(results)} results, {len(logs)} logs: give one log for each result, or none")
    return merge_parts([
        Part(name=f"result {number}", result=result, log=logs[number - 1] if logs else None, log_name=f"log {number}")
        for number, result in enumerate(results, start=1)], command=command).result


def merge_parts(parts: Sequence[Part], *, command: Sequence[str]) -> Merged:
    """Add up what several generators measured. Raises UsageError as `merge_results` does."""
    recordings = [_read(part) for part in parts]
    results = [part.result for part in parts]
    check_together(results, [part.name for part in parts])
    for recording, part in zip(recordings, parts, strict=True):
        if part.log is not None:
            _attach(recording, part, part.log)
    recording = merge(recordings)
    load = _merge_loads([result["load"] for result in results])
    open_loop = load["loop"] == "open"
    validity = judge(recording, open_loop=open_loop, max_error_share=_error_limit(results),
                     connections_asked=load["connections"] if load["keepalive"] else None)
    first = results[0]
    latency = {tag: describe(recording.values[tag], recording.censored.get(tag)) for tag in TAGS}
    names = dict.fromkeys(result["host"]["name"] for result in results)
    return Merged(recording=recording, result=assemble(recording, validity, latency, Sections(
        command=list(command), host=dict(first["host"]) | {"name": ", ".join(names)},
        started_utc=min(result["started_utc"] for result in results), target=dict(first["target"]), load=load,
        asked_per_s=load["rate_per_s"], connections_asked=load["connections"],
        primary="corrected" if open_loop else "service", busiest_core=_busiest_core(results))))


def _read(part: Part) -> Recording:
    check_result(part.result, part.name)
    guarded(need, part.result, part.name)
    recording: Recording = guarded(to_recording, part.result, part.name)
    guarded(lambda _: merge([recording, recording]), part.result, part.name)    # what cannot be added is damaged
    return recording


def to_recording(result: Mapping[str, Any]) -> Recording:
    """Rebuild what was recorded from a result. Raises KeyError, TypeError or ValueError when it is not whole."""
    measured_s, rates, cost = result["load"]["measured_s"], result["rates"], result["cost"]
    kept = result["connections"]
    per_connection = kept["requests_per_connection_mean"] or 0
    recording = Recording(
        window_ns=round(measured_s * NS_PER_S), drain_ns=round(result["load"]["drain_s"] * NS_PER_S),
        interrupted=result["interrupted"], **{name: result["counts"].get(name, 0) for name in _COUNTS},
        failures=Counter(result["failures"]),
        status=Counter({int(code): number for code, number in result["status"].items()}),
        inside=Inside(**{name: round(rates[f"{rate}_per_s"] * measured_s) for name, rate in (
            ("sent", "sent"), ("completed", "completed"), ("ok", "ok"), ("bytes_read", "read_bytes"))}),
        connections=ConnectionCounts(
            established=kept["established"], opened=kept["opened"], closed_idle=kept["closed_idle"],
            closed_after_response=kept["closed_after_response"], stray=kept["stray"],
            responses=round(per_connection * kept["opened"]), tls=result["target"]["tls"]),
        cost=Cost(cpu_ns=round(cost["cpu_s"] * NS_PER_S),
                  busiest_process_cpu_ns=round(cost["cpu_share"] * cost["wall_s"] * NS_PER_S),
                  loop_gap_max_ns=cost["loop_gap_max_ns"], involuntary_switches=cost["involuntary_switches"],
                  rss_max_bytes=cost["rss_max_bytes"]))
    for tag in TAGS:
        recording.values[tag] = Histogram.decode(result["histograms"][tag])
    for tag in CENSORED_TAGS:
        recording.censored[tag] = Histogram.decode(result["histograms"][f"censored_{tag}"])
    recording.seconds = [Second(**{name: entry[name] for name in _SECOND}) for entry in result["series"]]
    return recording


def _attach(recording: Recording, part: Part, log: str) -> None:
    """Give a recording's seconds the histograms that its log holds."""
    try:
        intervals = list(read_log(log))
    except ValueError as error:
        raise UsageError(f"{part.log_name}, {error}") from error
    check_log(part.result, log, totals(intervals), (part.name, part.log_name))
    by_second: dict[int, dict[str, Histogram]] = {entry.second: {} for entry in recording.seconds}
    for interval in intervals:
        found = by_second.get(round(interval.start_s))
        if found is None:
            raise UsageError(f"{part.log_name} is not the log of {part.name}: it has a second "
                             f"{round(interval.start_s)}, which the result has not")
        found.setdefault(interval.tag, Histogram()).add(interval.histogram)
    for entry in recording.seconds:
        found = by_second[entry.second]
        entry.encoded = {tag: found.get(tag, Histogram()).encode() for tag in TAGS}


def _merge_loads(loads: Sequence[Mapping[str, Any]]) -> Json:
    """Return the load of all together; shards divide a rate, independent generators add theirs."""
    merged = dict(loads[0])
    for name in ("connections", "processes", "connect_rate_per_s"):
        merged[name] = sum(load[name] for load in loads)
    for name in ("measured_s", "drain_s"):
        merged[name] = max(load[name] for load in loads)
    if merged["shard"] is None:
        if merged["rate_per_s"] is not None:
            merged["rate_per_s"] *= len(loads)
        if merged["stages"] is not None:
            merged["stages"] = [dict(stage, rate_per_s=stage["rate_per_s"] * len(loads)) for stage in merged["stages"]]
        if any(load["seed"] != merged["seed"] for load in loads):
            merged["seed"] = None
    merged["shard"] = None
    return merged


def _error_limit(results: Sequence[Mapping[str, Any]]) -> float:
    limits = [float(check["limit"]) for result in results for check in result["validity"]["checks"]
              if check["name"] == "error_share"]
    return min(limits, default=MAX_ERROR_SHARE)


def _busiest_core(results: Sequence[Mapping[str, Any]]) -> tuple[int, float] | None:
    cores = [core for result in results if (core := result["cost"]["busiest_core"]) is not None]
    if not cores:
        return None
    busiest = max(cores, key=lambda core: float(core["busy_share"]))
    return busiest["cpu"], busiest["busy_share"]

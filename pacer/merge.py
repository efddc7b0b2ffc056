"""Put the results of several generators together by adding their counts; nothing is averaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pacer.distribution import describe
from pacer.errors import UsageError
from pacer.histogram import Histogram
from pacer.hlog import read_log
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
from pacer.result import SCHEMA_VERSION, Sections, assemble
from pacer.units import NS_PER_S
from pacer.validity import MAX_ERROR_SHARE, judge

Json = dict[str, Any]

_COUNTS = ("scheduled", "late", "sent", "completed", "ok", "http_errors", "unfinished", "unsent", "retried",
           "bytes_read", "bytes_sent")
_SECOND = ("second", "scheduled", "sent", "completed", "ok", "errors", "in_flight", "backlog", "p50_ns",
           "p99_ns", "max_ns", "lag_p99_ns")


def merge_results(results: Sequence[Mapping[str, Any]], logs: Sequence[str] = (), *,
                  command: Sequence[str] = ("pacer", "merge")) -> Json:
    """Return one result for several of one load: the shards of a schedule, or independent generators.

    results are what --json wrote; logs the texts of their histogram logs in the same order, without which the
    merged series has no percentiles. Raises UsageError with one sentence when they do not belong together.
    """
    if not results:
        raise UsageError("there is nothing to merge")
    if logs and len(logs) != len(results):
        raise UsageError(f"{len(results)} results, {len(logs)} logs: give one log for each result, or none")
    _check_together(results)
    parts = [to_recording(result) for result in results]
    for part, log in zip(parts, logs, strict=False):
        _attach(part, log)
    recording = merge(parts)
    load = _merge_loads([result["load"] for result in results])
    open_loop = load["loop"] == "open"
    validity = judge(recording, open_loop=open_loop, max_error_share=_error_limit(results),
                     connections_asked=load["connections"] if load["keepalive"] else None)
    first = results[0]
    latency = {tag: describe(recording.values[tag], recording.censored.get(tag)) for tag in TAGS}
    names = dict.fromkeys(result["host"]["name"] for result in results)
    return assemble(recording, validity, latency, Sections(
        command=list(command), host=dict(first["host"]) | {"name": ", ".join(names)},
        started_utc=min(result["started_utc"] for result in results), target=dict(first["target"]), load=load,
        asked_per_s=load["rate_per_s"], connections_asked=load["connections"],
        primary="corrected" if open_loop else "service", busiest_core=_busiest_core(results)))


def to_recording(result: Mapping[str, Any]) -> Recording:
    """Rebuild what was recorded from a result. Raises UsageError when it is not one of this version."""
    if result.get("schema_version") != SCHEMA_VERSION or result.get("tool", {}).get("name") != "pacer":
        raise UsageError(f"not a result of pacer in version {SCHEMA_VERSION} of its format")
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
    try:
        for tag in TAGS:
            recording.values[tag] = Histogram.decode(result["histograms"][tag])
        for tag in CENSORED_TAGS:
            recording.censored[tag] = Histogram.decode(result["histograms"][f"censored_{tag}"])
    except ValueError as error:
        raise UsageError(f"a result's histogram cannot be read: {error}") from error
    recording.seconds = [Second(**{name: entry[name] for name in _SECOND}) for entry in result["series"]]
    return recording


def _attach(recording: Recording, log: str) -> None:
    """Give a recording's seconds the histograms that its log holds."""
    by_second = {entry.second: entry for entry in recording.seconds}
    try:
        for interval in read_log(log):
            entry = by_second.get(round(interval.start_s))
            if entry is not None and interval.tag in TAGS:
                entry.encoded[interval.tag] = interval.histogram.encode()
    except ValueError as error:
        raise UsageError(f"a histogram log cannot be read: {error}") from error


def _check_together(results: Sequence[Mapping[str, Any]]) -> None:
    for name in ("loop", "duration_s", "warmup_s", "arrival", "stages", "dispatch", "keepalive"):
        values = {repr(result["load"][name]) for result in results}
        if len(values) > 1:
            raise UsageError(f"the results do not belong together: {name} is {' and '.join(sorted(values))}")
    shards = [result["load"]["shard"] for result in results]
    if all(shard is None for shard in shards):
        return
    if any(shard is None for shard in shards) or len({shard["count"] for shard in shards}) > 1:
        raise UsageError("the results do not belong together: they are shards of different schedules")
    for name in ("rate_per_s", "seed"):
        if len({result["load"][name] for result in results}) > 1:
            raise UsageError(f"the results do not belong together: the shards have a different {name}")
    found = sorted(shard["index"] for shard in shards)
    if found != list(range(shards[0]["count"])):
        raise UsageError(f"of {shards[0]['count']} shards these are there: {', '.join(map(str, found))}; "
                         "each is needed once")


def _merge_loads(loads: Sequence[Mapping[str, Any]]) -> Json:
    """Return the load of all together; shards divide a rate, independent generators add theirs."""
    merged = dict(loads[0])
    for name in ("connections", "processes", "connect_rate_per_s"):
        merged[name] = sum(load[name] for load in loads)
    for name in ("measured_s", "drain_s", "timeout_s"):
        merged[name] = max(load[name] for load in loads)
    if merged["shard"] is None and merged["rate_per_s"] is not None:
        merged["rate_per_s"] = sum(load["rate_per_s"] for load in loads)
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

"""Whether several results and logs belong together, and the one sentence that says why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pacer.errors import UsageError
from pacer.histogram import Histogram
from pacer.recording import TAGS
from pacer.result import SCHEMA_VERSION
from pacer.units import NS_PER_S

Json = Mapping[str, Any]

#: Generators without a common schedule began together when their seconds overlap at all.
MAX_START_DIFFERENCE_S = 1.0
MAX_SHARDS = 10_000
_LARGEST = 2**63            # no counter and no clock reaches it

_SAME_LOAD = ("loop", "duration_s", "warmup_s", "timeout_s", "arrival", "stages", "dispatch", "keepalive", "rate_per_s")
_SAME_TARGET = ("url", "method", "requests")
_START = re.compile(r"^#\[StartTime: ([0-9]+(?:\.[0-9]+)?) ", re.MULTILINE)


def check_result(result: Json, name: str) -> None:
    """Refuse what is not a result of this version of pacer."""
    tool = result.get("tool")
    if not isinstance(tool, Mapping) or tool.get("name") != "pacer":
        raise UsageError(f"{name} is not a result of pacer")
    if result.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(f"{name} is a result of pacer in version {result.get('schema_version')} of its format; "
                         f"this pacer merges version {SCHEMA_VERSION} only")


def check_together(results: Sequence[Json], names: Sequence[str]) -> None:
    """Refuse results that are not parts of one load."""
    if not results:
        raise UsageError("there is nothing to merge")
    if len(results) == 1:
        raise UsageError(f"{names[0]} is the only result: a merge needs at least two")
    for number, result in enumerate(results):
        if result in results[:number]:
            raise UsageError(f"{names[number]} is the same result as {names[results.index(result)]}")
    for section, keys in (("target", _SAME_TARGET), ("load", _SAME_LOAD)):
        for key in keys:
            _same(key, [result[section][key] for result in results], names)
    shards = [result["load"]["shard"] for result in results]
    if any(shard is not None for shard in shards):
        _check_shards(results, shards, names)
    else:
        _check_starts(results, names)


def _same(what: str, values: Sequence[object], names: Sequence[str]) -> None:
    for value, name in zip(values, names, strict=True):
        if value != values[0]:
            raise UsageError(f"the results do not belong together: {what} is {_shown(values[0])} in {names[0]} "
                             f"and {_shown(value)} in {name}")


def _shown(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _check_shards(results: Sequence[Json], shards: Sequence[Json | None], names: Sequence[str]) -> None:
    _same("shard", [None if shard is None else f"one of {shard['count']}" for shard in shards], names)
    _same("seed", [result["load"]["seed"] for result in results], names)
    _same("the start (--t0)", [result["started_utc"] for result in results], names)
    there: dict[int, str] = {}
    count = 0
    for shard, name in zip(shards, names, strict=True):
        index, count = (shard["index"], shard["count"]) if shard is not None else (0, 0)
        if index in there:
            raise UsageError(f"shard {index}/{count} is there twice: {there[index]} and {name}")
        there[index] = name
    missing = [f"{index}/{count}" for index in range(count) if index not in there]
    if missing:
        word = "shard" if len(missing) == 1 else "shards"
        raise UsageError(f"{word} {', '.join(missing)} missing: all {count} make up the schedule, "
                         f"and here are {len(there)}")


def _check_starts(results: Sequence[Json], names: Sequence[str]) -> None:
    starts = [wall_ns(result["started_utc"]) for result in results]
    apart_s = (max(starts) - min(starts)) / NS_PER_S
    if apart_s > MAX_START_DIFFERENCE_S:
        first, last = (names[starts.index(each)] for each in (min(starts), max(starts)))
        raise UsageError(f"the results do not belong together: {last} began {apart_s:.1f} s after {first}; "
                         "give generators that are to be merged the same --t0")


def check_log(result: Json, text: str, added: Mapping[str, Histogram], names: tuple[str, str]) -> None:
    """Refuse a log that does not hold exactly what its result holds; names are the result's and the log's."""
    result_name, log_name = names
    start = _START.search(text)
    began_ns = None if start is None else round(float(start[1]) * NS_PER_S)
    if began_ns is not None and abs(began_ns - wall_ns(result["started_utc"])) > NS_PER_S // 1000:
        raise UsageError(f"{log_name} is not the log of {result_name}: they began at different times")
    for tag in TAGS:
        kept = Histogram.decode(result["histograms"][tag])
        logged = added.get(tag, Histogram())
        if logged.counts != kept.counts:
            raise UsageError(f"{log_name} is not the whole log of {result_name}: it holds {logged.n} {tag} values"
                             + (f" of {kept.n}" if logged.n != kept.n else ", and others"))


def wall_ns(utc: str) -> int:
    """Return a result's `started_utc` in nanoseconds since 1970. Raises ValueError when it is not one."""
    moment = datetime.fromisoformat(utc.removesuffix("Z") + "+00:00")
    return round(moment.timestamp() * 1000) * (NS_PER_S // 1000)


def guarded(read: Callable[[Json], Any], result: Json, name: str) -> Any:  # noqa: ANN401 - whatever `read` gives
    """Call `read`; a result that lacks something, or holds what pacer never writes, is said in one sentence."""
    try:
        return read(result)
    except KeyError as error:
        raise UsageError(f"{name} is damaged: {error.args[0]} is missing") from error
    except (TypeError, AttributeError, ValueError, OverflowError) as error:
        raise UsageError(f"{name} is damaged: {error}") from error


def need(result: Json) -> None:
    """Raise KeyError, TypeError or ValueError where a part that merging reads is missing or cannot be."""
    for name in ("counts", "failures", "status", "series"):
        _check_numbers(result[name], name, whole=True)
    for name in ("load", "rates", "connections", "cost"):
        _check_numbers(result[name], name, whole=False)
    load, target, core = result["load"], result["target"], result["cost"]["busiest_core"]
    texts = [result["host"]["name"], result["started_utc"], *(target[key] for key in ("url", "method"))]
    for key in _SAME_TARGET:
        target[key]
    numbers = [load[key] for key in ("connections", "processes", "connect_rate_per_s", "measured_s", "drain_s",
                                     "duration_s")]
    numbers += [result["cost"][key] for key in ("cpu_s", "cpu_share", "wall_s", "loop_gap_max_ns")]
    numbers += [result["rates"][f"{key}_per_s"] for key in ("sent", "completed", "ok", "read_bytes")]
    numbers += [result["connections"]["opened"], result["connections"]["requests_per_connection_mean"] or 0]
    numbers += [] if load["rate_per_s"] is None else [load["rate_per_s"]]
    if load["shard"] is not None:
        numbers += [load["shard"][key] for key in ("index", "count")]
        if not load["shard"]["index"] < load["shard"]["count"] <= MAX_SHARDS:
            raise ValueError(f"its shard is not one of at most {MAX_SHARDS}")
    numbers += [] if core is None else [core["busy_share"], core["cpu"]]
    numbers += [] if load["stages"] is None else [stage["rate_per_s"] for stage in load["stages"]]
    for key in (*_SAME_LOAD, "seed"):
        load[key]
    texts += [check["name"] for check in result["validity"]["checks"]]
    numbers += [float(check["limit"]) for check in result["validity"]["checks"] if check["name"] == "error_share"]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a name, time or address is no text")
    json.dumps([result["host"], target, load], ensure_ascii=False).encode()     # no half of a surrogate pair
    if not all(isinstance(number, (int, float)) for number in numbers):
        raise TypeError("the load or the cost holds something that is no number")
    wall_ns(result["started_utc"])


def _check_numbers(value: object, name: str, *, whole: bool) -> None:
    """Raise ValueError or TypeError where a number inside is negative, none at all, or beyond any counter."""
    if isinstance(value, (Mapping, list)):
        inside = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in inside:
            _check_numbers(item, f"{name}.{key}", whole=whole)
    elif isinstance(value, (int, float)):
        if not 0 <= value < _LARGEST or (whole and type(value) is not int):
            raise ValueError(f"{name} is {value:g}")
    elif whole and value is not None:
        raise TypeError(f"{name} is no number")

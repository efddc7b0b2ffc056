"""The JSON result of pacer (docs/pacer-result.schema.json, schema_version 1)."""

from __future__ import annotations

import re
from pathlib import Path

from collectors.errors import ReadError
from collectors.jsonio import LARGEST, Fields, parse_object
from collectors.model import Check, Counts, Errors, Latency, LatencyKind, LoadResult, Second

SCHEMA_VERSION = 1
_STATUS = re.compile(r"[1-9][0-9]{2}")
_PERCENTILE = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,9})?")


def read_pacer(text: str, file: Path | str) -> LoadResult:
    """Return what pacer measured; ReadError where the JSON is broken, foreign, or its books do not
    balance."""
    top = Fields(parse_object(text, file), file)
    tool = top.inner("tool")
    if tool.text("name") != "pacer":
        raise tool.fail("name", "'pacer'")
    if top.integer("schema_version") != SCHEMA_VERSION:
        raise top.fail("schema_version", f"{SCHEMA_VERSION}, the only one this version reads")
    load, rates, cost = top.inner("load"), top.inner("rates"), top.inner("cost")
    loop = load.text("loop")
    if loop not in ("open", "closed"):
        raise load.fail("loop", "open or closed")
    measured_s = load.amount("measured_s")
    series = _series(top)
    latency = top.inner("latency")
    primary = latency.text("primary")
    if primary not in ("corrected", "service"):
        raise latency.fail("primary", "corrected or service")
    return LoadResult(
        tool="pacer",
        tool_version=tool.text("version"),
        loop="open" if loop == "open" else "closed",
        url=top.inner("target").text("url"),
        connections_asked=load.count("connections"),
        connections=load.count("connections"),
        rate_asked_per_s=load.optional_amount("rate_per_s"),
        duration_asked_s=load.amount("duration_s"),
        duration_s=measured_s,
        timeout_s=load.optional_amount("timeout_s"),
        counts=_counts(top, load, _times(rates, "completed_per_s", measured_s)),
        errors=_errors(top),
        completed_per_s=rates.amount("completed_per_s"),
        ok_per_s=rates.optional_amount("ok_per_s"),
        read_bytes=top.inner("counts").count("bytes_read"),
        latency=_latency(latency, "corrected" if primary == "corrected" else "service"),
        service=_latency(latency, "service"),
        lag=_latency(latency, "lag"),
        wait=_latency(latency, "wait"),
        generator_cpu_s=cost.optional_amount("cpu_s"),
        interrupted=top.optional_text("interrupted"),
        checks=tuple(_check(row) for row in top.inner("validity").rows("checks")),
        series=series,
        notes=_notes(top),
    )


def _counts(top: Fields, load: Fields, completed_in_window: int) -> Counts:
    counts = top.inner("counts")
    scheduled, unfinished = counts.count("scheduled"), counts.count("unfinished")
    ok, http_errors, failed = counts.count("ok"), counts.count("http_errors"), counts.count("failed")
    if scheduled != ok + http_errors + failed + unfinished:
        raise ReadError(
            f"the books do not balance: {scheduled} scheduled, but {ok} ok + {http_errors} http errors + "
            f"{failed} failed + {unfinished} unfinished",
            file=top.file,
        )
    completed = counts.count("completed")
    if not ok + http_errors <= completed <= scheduled:
        raise ReadError(
            f"the books do not balance: {completed} completed of {scheduled} scheduled, but {ok} ok + {http_errors} "
            "http errors",
            file=top.file,
        )
    rate = load.optional_amount("rate_per_s")
    requested = None if rate is None else _times(load, "rate_per_s", load.amount("duration_s"))
    return Counts(
        requested=requested,
        scheduled=scheduled if rate is not None else None,
        attempted=scheduled,
        sent=counts.count("sent"),
        completed=completed,
        ok=ok,
        failed=http_errors + failed,
        unfinished=unfinished,
        completed_in_window=completed_in_window,
    )


def _times(fields: Fields, key: str, seconds: float) -> int:
    """Return how many there are in so many seconds at the rate under the key."""
    number = round(fields.amount(key) * seconds)
    if number >= LARGEST:
        raise fields.fail(key, "a rate of a sensible size")
    return number


def _errors(top: Fields) -> Errors:
    failures = top.inner("failures")
    classes = {key: failures.count(key) for key in failures.names()}
    status = top.inner("status")
    for key in status.names():
        if _STATUS.fullmatch(key) is None:
            raise status.fail(key, "the count of a status: three digits")
    replies = {key: status.count(key) for key in status.names()}

    def under(prefix: str) -> int:
        return sum(value for key, value in classes.items() if key.startswith(prefix))

    return Errors(
        connect=under("connect_"),
        read=under("read_"),
        write=under("write"),
        timeout=under("timeout"),
        status_4xx=sum(value for key, value in replies.items() if key.startswith("4")),
        status_5xx=sum(value for key, value in replies.items() if key >= "5"),
        parse=under("parse"),
        body_mismatch=under("validate"),
        detail={key: value for key, value in classes.items() if value}
        | {f"status_{key}": value for key, value in replies.items() if value and key >= "4"},
    )


def _latency(latency: Fields, kind: LatencyKind) -> Latency:
    one = latency.inner(kind)
    percentiles = one.inner("percentiles")
    for key in percentiles.names():
        if _PERCENTILE.fullmatch(key) is None:
            raise percentiles.fail(key, "a percentile below 100")
    return Latency(
        kind=kind,
        recorded=one.count("n"),
        censored=one.count("censored"),
        mean_us=_us(one, "mean_ns"),
        stdev_us=_us(one, "stdev_ns"),
        min_us=_us(one, "min_ns"),
        max_us=_us(one, "max_ns"),
        percentiles_us={key: _us(percentiles, key) for key in percentiles.names()},
        at_least=one.texts("at_least"),
    )


def _us(fields: Fields, key: str) -> float | None:
    value = fields.optional_amount(key)
    return None if value is None else value / 1e3


def _series(top: Fields) -> tuple[Second, ...]:
    return tuple(
        Second(
            second=row.count("second"),
            scheduled=row.count("scheduled"),
            completed=row.count("completed"),
            ok=row.count("ok"),
        )
        for row in top.rows("series")
    )


def _check(row: Fields) -> Check:
    return Check(
        name=row.text("name"),
        value=_plain(row, "value"),
        limit=_plain(row, "limit"),
        unit=row.text("unit"),
        ok=row.truth("ok"),
    )


def _plain(row: Fields, key: str) -> float | str | None:
    value = row.raw(key)
    return value if isinstance(value, str) else row.optional_number(key)


def _notes(top: Fields) -> tuple[str, ...]:
    notes = []
    signal = top.optional_text("interrupted")
    if signal is not None:
        notes.append(f"the generator was interrupted by {signal}: the measured time is shorter than asked")
    if (retried := top.inner("counts").count("retried")) > 0:
        notes.append(f"{retried} requests were sent a second time on a new connection")
    return tuple(notes)

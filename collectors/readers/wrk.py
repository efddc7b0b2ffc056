"""The text of wrk, of wrk2, and of programs that print like wrk2.

Facts this reader knows, each found in the tools' source or by running them:
- connections are divided by threads as integers: 400 over 12 threads are 396;
- the "Socket errors" line is printed only when one of its counts is above 0, so its absence is 0;
- "Non-2xx or 3xx responses" counts replies with a status above 399;
- wrk 4 counts a reply that took longer than its timeout as completed and as a timeout, and drops its latency:
  the distribution is cut off at the timeout. wrk2 and older wrk count connections found waiting at a tick
  instead;
- a run that recorded nothing prints 0.00us and -nan;
- wrk2 clears its histogram after a calibration of about 10 s, so it records fewer latencies than it counts
  requests; what else is wrong with it is in collectors.readers.wrk2.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collectors import units
from collectors.errors import ReadError
from collectors.model import Counts, Errors, Latency, LoadResult
from collectors.readers.lines import Lines
from collectors.readers.wrk2 import judged
from collectors.readers.wrk_command import Asked, asked_of

RATE_TOLERANCE_SHARE = 0.02

_INT = r"([0-9]{1,15})"
_NUM = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"
_TIME = r"([0-9]{1,15}(?:\.[0-9]{1,15})?(?:us|ms|s|m|h)|-?nan(?:us|ms|s|m|h)?)"
_COUNT = r"([0-9]{1,15}(?:\.[0-9]{1,15})?[kMGTP]?|-?nan)"
_PERCENT = r"([0-9]{1,15}(?:\.[0-9]{1,15})?%|-?nan%)"

RUNNING = re.compile(r"Running (\S+) test @ (\S+)")
SHAPE = re.compile(rf"\s*{_INT} threads and {_INT} connections")
CALIBRATION = re.compile(r"\s*(?:Initialised [0-9]+ threads.*|Thread calibration: .*)")
STATS = re.compile(r"\s*Thread Stats\s+Avg\s+Stdev\s+Max\s+\+/- Stdev")
LATENCY = re.compile(rf"\s*Latency\s+{_TIME}\s+{_TIME}\s+{_TIME}\s+{_PERCENT}")
PER_THREAD = re.compile(rf"\s*Req/Sec\s+{_COUNT}\s+{_COUNT}\s+{_COUNT}\s+{_PERCENT}")
DISTRIBUTION = re.compile(r"\s*Latency Distribution(?: \(HdrHistogram - (Recorded|Uncorrected) Latency.*\))?")
PERCENTILE = re.compile(rf"\s*{_NUM}%\s+{_TIME}")
SPECTRUM = re.compile(r"\s*Detailed Percentile spectrum:")
SPECTRUM_ROW = re.compile(r"\s*(?:Value\s+Percentile\s+.*|[0-9.]+\s+[0-9.]+\s+[0-9]+\s+(?:[0-9.]+|inf)|-*)")
SPECTRUM_NOTE = re.compile(rf"#\[(?:(?:Mean|Buckets)\s.*|Max\s*=\s*[0-9.]+, Total count\s*=\s*{_INT})\]")
TOTAL = re.compile(rf"\s*{_INT} requests in (\S+), (\S+) read")
SOCKET_ERRORS = re.compile(rf"\s*Socket errors: connect {_INT}, read {_INT}, write {_INT}, timeout {_INT}")
STATUS_ERRORS = re.compile(rf"\s*Non-2xx or 3xx responses: {_INT}")
RATE = re.compile(rf"Requests/sec:\s+{_NUM}")
TRANSFER = re.compile(r"Transfer/sec:\s+(\S+)")


@dataclass(kw_only=True)
class _Seen:
    """What the text held, before it is interpreted."""

    duration_asked_s: float = 0.0
    url: str = ""
    threads: int = 0
    connections_asked: int = 0
    calibrated: bool = False
    hdr: bool = False
    mean_us: float | None = None
    stdev_us: float | None = None
    max_us: float | None = None
    percentiles: dict[str, float | None] = field(default_factory=dict)
    uncorrected: dict[str, float | None] = field(default_factory=dict)
    recorded: int | None = None
    completed: int = 0
    duration_s: float = 0.0
    read_bytes: int = 0
    socket_errors: tuple[int, int, int, int] = (0, 0, 0, 0)
    status_errors: int = 0
    rate: float = 0.0
    nan: bool = False


def read_wrk(text: str, file: Path | str, *, argv: Sequence[str] | None = None) -> LoadResult:
    """Return what wrk or wrk2 printed.

    `argv` is the command that ran (wrk prints neither its rate nor its timeout); a first line `$ wrk ...`
    serves as well. Raises ReadError with the line that is missing, damaged or not of this tool.
    """
    lines = Lines(text, file)
    command = lines.take_if(re.compile(r"\$ (.+)"))
    if command is not None and argv is None:
        try:
            argv = shlex.split(command[1])
        except ValueError:
            raise lines.error("the command cannot be split into words") from None
    seen = _Seen()
    _head(lines, seen)
    _thread_stats(lines, seen)
    while (match := lines.take_if(DISTRIBUTION)) is not None:
        _distribution(lines, seen, match[1])
    _totals(lines, seen)
    lines.end()
    return _interpret(seen, asked_of(argv, file), file)


def _head(lines: Lines, seen: _Seen) -> None:
    match = lines.take(RUNNING, "'Running … test @ …', the first line of wrk")
    seen.duration_asked_s = lines.convert(units.duration_us, match[1]) / 1e6
    seen.url = match[2]
    if not seen.url.isprintable():
        raise lines.error("the URL holds a control character")
    match = lines.take(SHAPE, "'N threads and N connections'")
    seen.threads, seen.connections_asked = int(match[1]), int(match[2])
    if not 0 < seen.threads <= seen.connections_asked:
        raise lines.error("wrk runs with at least one thread and one connection for each")
    while lines.take_if(CALIBRATION) is not None:
        seen.calibrated = True


def _thread_stats(lines: Lines, seen: _Seen) -> None:
    lines.take(STATS, "'Thread Stats   Avg   Stdev   Max   +/- Stdev'")
    match = lines.take(LATENCY, "'Latency' with average, deviation, maximum and share")
    seen.mean_us, seen.stdev_us, seen.max_us = (_time(lines, match[index], seen) for index in (1, 2, 3))
    seen.nan = seen.nan or "nan" in match[4]
    lines.take(PER_THREAD, "'Req/Sec' with average, deviation, maximum and share")


def _distribution(lines: Lines, seen: _Seen, hdr: str | None) -> None:
    into = seen.uncorrected if hdr == "Uncorrected" else seen.percentiles
    seen.hdr = seen.hdr or hdr is not None
    while (match := lines.take_if(PERCENTILE)) is not None:
        if float(match[1]) > 100:
            raise lines.error("a percentile lies below 100")
        value = _time(lines, match[2], seen)
        if float(match[1]) < 100:       # the last one is the maximum
            into[_percentile_key(match[1])] = value
    if not into:
        raise lines.missing("the percentiles of the latency distribution")
    lines.skip_blank()
    if lines.take_if(SPECTRUM) is None:
        return
    complete = False
    while not complete:
        note = lines.take_if(SPECTRUM_NOTE)
        if note is not None and note[1] is not None and hdr != "Uncorrected":
            seen.recorded = int(note[1])
        if note is None:
            row = lines.take(SPECTRUM_ROW, "a row of the percentile spectrum", blank=True)
            complete = row[0].strip().startswith("---")
    lines.skip_blank()


def _totals(lines: Lines, seen: _Seen) -> None:
    match = lines.take(TOTAL, "'N requests in …, … read'")
    seen.completed = int(match[1])
    seen.duration_s = lines.convert(units.duration_us, match[2]) / 1e6
    seen.read_bytes = lines.convert(units.size_bytes, match[3])
    if (errors := lines.take_if(SOCKET_ERRORS)) is not None:
        connect, read, write, timeout = (int(errors[index]) for index in (1, 2, 3, 4))
        seen.socket_errors = (connect, read, write, timeout)
    if (errors := lines.take_if(STATUS_ERRORS)) is not None:
        seen.status_errors = int(errors[1])
        if seen.status_errors > seen.completed:
            raise lines.error(f"there were {seen.completed} requests in all")
    seen.rate = float(lines.take(RATE, "'Socket errors: …', 'Non-2xx or 3xx responses: …' or 'Requests/sec:'")[1])
    expected = seen.completed / seen.duration_s if seen.duration_s else 0.0
    if abs(seen.rate - expected) > RATE_TOLERANCE_SHARE * max(seen.rate, expected) + 0.01:
        raise lines.error(f"{seen.completed} requests in {seen.duration_s} s are not this rate")
    lines.convert(units.size_bytes, lines.take(TRANSFER, "'Transfer/sec:'")[1])


def _interpret(seen: _Seen, asked: Asked, file: Path | str) -> LoadResult:
    is_wrk2 = asked.rate_per_s is not None or asked.is_wrk2 or seen.calibrated or seen.hdr
    timeout_s = asked.timeout_s if asked.timeout_s is not None else 2.0
    connect, read, write, timeout = seen.socket_errors
    in_ticks = is_wrk2 or (seen.max_us is not None and seen.max_us >= timeout_s * 1e6)
    recorded = seen.recorded if is_wrk2 else (None if in_ticks and timeout else seen.completed - timeout)
    if recorded is not None and recorded < 0:
        raise ReadError(f"{timeout} timeouts but only {seen.completed} requests", file=file)
    nothing = recorded == 0 or (seen.nan and not seen.max_us)
    truncated = bool(timeout) and not is_wrk2 and not in_ticks
    requested = _requested(asked.rate_per_s, seen.duration_asked_s, file)
    broken = connect + read + write
    late = 0 if in_ticks else timeout
    latency = Latency(
        kind="corrected" if is_wrk2 else "service",
        recorded=0 if nothing else recorded,
        mean_us=None if nothing else seen.mean_us,
        stdev_us=None if nothing else seen.stdev_us,
        max_us=None if nothing else seen.max_us,
        percentiles_us=dict.fromkeys(seen.percentiles) if nothing else seen.percentiles,
        truncated=truncated,
    )
    result = LoadResult(
        tool="wrk2" if is_wrk2 else "wrk",
        loop="open" if is_wrk2 else "closed",
        url=seen.url,
        threads=seen.threads,
        connections_asked=seen.connections_asked,
        connections=seen.threads * (seen.connections_asked // seen.threads),
        rate_asked_per_s=asked.rate_per_s,
        duration_asked_s=seen.duration_asked_s,
        duration_s=seen.duration_s,
        timeout_s=timeout_s,
        counts=Counts(
            requested=requested,
            scheduled=requested,
            attempted=seen.completed + broken if requested is None else requested,
            completed=seen.completed,
            ok=seen.completed - seen.status_errors,
            failed=seen.status_errors + broken + late,
            completed_in_window=seen.completed,
        ),
        errors=Errors(
            connect=connect, read=read, write=write, timeout=timeout, status_over_399=seen.status_errors,
            timeout_unit="ticks" if in_ticks else "requests",
        ),
        completed_per_s=seen.rate,
        read_bytes=seen.read_bytes,
        latency=latency,
        service=_service(seen) if seen.uncorrected else None,
        notes=tuple(_notes(seen, is_wrk2=is_wrk2, nothing=nothing, truncated=truncated, in_ticks=in_ticks)),
    )  # fmt: skip
    return judged(result, nan=seen.nan) if is_wrk2 else result


def _requested(rate_per_s: float | None, seconds: float, file: Path | str) -> int | None:
    if rate_per_s is None:
        return None
    try:
        return units.requests_in(rate_per_s, seconds)
    except ValueError as error:
        raise ReadError(str(error), file=file) from None


def _service(seen: _Seen) -> Latency:
    return Latency(kind="service", recorded=seen.recorded, percentiles_us=seen.uncorrected)


def _notes(seen: _Seen, *, is_wrk2: bool, nothing: bool, truncated: bool, in_ticks: bool) -> list[str]:
    """Return what is to be said of both tools, and of wrk alone; wrk2's own flags come on top."""
    notes = []
    effective = seen.threads * (seen.connections_asked // seen.threads)
    if effective != seen.connections_asked:
        notes.append(
            f"{seen.connections_asked} connections were asked, {effective} were opened: {seen.threads} "
            "threads x "
            f"{seen.connections_asked // seen.threads}"
        )
    if nothing and not is_wrk2:
        notes.append("no latency was recorded: the printed zeros and nan mean nothing")
    elif seen.nan and not is_wrk2:
        notes.append("a figure was printed as nan: not measured")
    if truncated:
        notes.append("replies slower than the timeout are missing from the latencies: percentiles are truncated")
    if in_ticks and seen.socket_errors[3] and not is_wrk2:
        notes.append("timeouts are connections found waiting at a tick, not requests: they enter no share")
    if seen.status_errors:
        notes.append("latencies include those of error replies")
    return notes


def _time(lines: Lines, token: str, seen: _Seen) -> float | None:
    if "nan" in token:
        seen.nan = True
        return None
    return lines.convert(units.duration_us, token)


def _percentile_key(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text

"""The text of h2load (nghttp2), and its log of single requests where there is one.

Facts this reader knows, each found by running version 1.52:
- "finished in" includes the warm-up, the rate beside it does not; both count every request that was done;
- a connection that is refused, or lost on the way, is an error in no line: requests just stop;
- where a server ends an HTTP/2 connection in good order (GOAWAY), the requests that it takes no more are errors, in a
  line with the sum of all so far ("Process Request Failure:14"), and no other connection is opened;
- a reply without a reason phrase (`HTTP/1.1 200`) is counted as failed, under no status;
- where connections are made anew for each request (HTTP/1.1 without keep-alive) the traffic's total is lost;
- statuses are counted when a reply begins, requests when it ends;
- with --rps each connection has its own clock, and a request waits where all its streams are taken: its
  latency counts from the sending.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors import limits, units
from collectors.errors import ReadError
from collectors.model import Check, Counts, Errors, Finding, Latency, LoadResult
from collectors.readers.censored import lower_bounds
from collectors.readers.h2load_command import Asked, asked_of
from collectors.readers.h2load_log import LONGEST_S, Log, latency_of, read_log, series_of
from collectors.readers.lines import Lines

START: Final = "starting benchmark..."
LOG_FILE: Final = "h2load.log"
KEPT: Final = "connections_kept"
RATE_TOLERANCE_SHARE: Final = 0.02
BYTES_LOST_SHARE: Final = 0.95
"""The total may lack what was under way when the warm-up ended; below this share of its parts bytes are lost."""

_INT = r"([0-9]{1,15})"
_NUM = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"
_TIME = r"([0-9]{1,15}(?:\.[0-9]{1,15})?(?:us|ms|s))"
_SIZE = r"[0-9]{1,15}(?:\.[0-9]{1,15})?[KMGTP]?B"
COMMAND = re.compile(r"\$ (.+)")
STARTING = re.compile(re.escape(START))
SPAWNING = re.compile(
    rf"spawning thread #[0-9]+: {_INT} total client\(s\)\. (?:{_INT} total requests|Timing-based test with {_TIME} of "
    rf"warm-up time and {_TIME} of main duration for measurements\.)"
)
GAVE_UP = re.compile(rf"Process Request Failure:{_INT}")
PROGRESS = re.compile(
    r"Warm-up .*|progress: .*|Main benchmark duration .*|Stopped all clients .*|TLS Protocol: .*|Cipher: .*|"
    r"Server Temp Key: .*|Application protocol: .*|No protocol negotiated.*|"
)
FINISHED = re.compile(rf"finished in {_TIME}, {_NUM} req/s, {_SIZE}/s")
REQUESTS = re.compile(
    rf"requests: {_INT} total, {_INT} started, {_INT} done, {_INT} succeeded, {_INT} failed, {_INT} errored, "
    rf"{_INT} timeout"
)
STATUS = re.compile(rf"status codes: {_INT} 2xx, {_INT} 3xx, {_INT} 4xx, {_INT} 5xx")
TRAFFIC = re.compile(
    rf"traffic: {_SIZE} \({_INT}\) total, {_SIZE} \({_INT}\) headers \(space savings -?[0-9.]+%\), "
    rf"{_SIZE} \({_INT}\) data"
)
HEADINGS = re.compile(r"\s+min\s+max\s+mean\s+sd\s+\+/- sd")
REQUEST_TIMES = re.compile(rf"time for request:\s+{_TIME}\s+{_TIME}\s+{_TIME}\s+{_TIME}\s+{_NUM}%")
OTHER_TIMES = re.compile(rf"time (?:for connect|to 1st byte):\s+{_TIME}\s+{_TIME}\s+{_TIME}\s+{_TIME}\s+{_NUM}%")
PER_CLIENT = re.compile(rf"req/s\s+:\s+{_NUM}\s+{_NUM}\s+{_NUM}\s+{_NUM}\s+{_NUM}%")


@dataclass(kw_only=True)
class _Seen:
    """What the text held, before it is interpreted."""

    threads: int = 0
    clients: int = 0
    gave_up: int = 0
    main_s: float | None = None
    finished_s: float = 0.0
    rate: float = 0.0
    started: int = 0
    done: int = 0
    succeeded: int = 0
    failed: int = 0
    errored: int = 0
    timeout: int = 0
    status: tuple[int, int, int, int] = (0, 0, 0, 0)
    traffic_bytes: tuple[int, int, int] = (0, 0, 0)
    times_us: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def duration_s(self) -> float:
        """The measured time: the main duration, or all of it where a number of requests was asked."""
        return self.main_s if self.main_s is not None else self.finished_s

    @property
    def no_status(self) -> int:
        """Replies counted as failed though h2load knew of no error and no status that says so."""
        return max(0, self.failed - self.errored - self.status[2] - self.status[3])


def read_h2load(
    text: str, file: Path | str, *, argv: Sequence[str] | None = None, log: tuple[str, Path | str] | None = None
) -> LoadResult:
    """Return what h2load measured.

    `argv` is the command that ran (the text holds neither its URL nor its rate); a first line `$ h2load ...`
    serves as well. `log` is the text and the name of its log of single requests. Raises ReadError with the
    line that is missing, damaged or not of this tool.
    """
    lines = Lines(text, file)
    command = lines.take_if(COMMAND)
    if command is not None and argv is None:
        try:
            argv = shlex.split(command[1])
        except ValueError:
            raise lines.error("the command cannot be split into words") from None
    seen = _Seen()
    _head(lines, seen)
    _counts(lines, seen)
    _times(lines, seen)
    lines.end()
    try:
        result = _interpret(seen, asked_of(argv, file))
    except ValueError as error:
        raise ReadError(str(error), file=file) from None
    rows = None if log is None else read_log(*log)
    if rows is not None and log is not None:
        result = _with_log(result, seen, rows, log[1])
    flags = tuple(_flags(seen, result, rows))
    return dataclasses.replace(result, flags=flags, notes=tuple(flag.advice for flag in flags))


def _head(lines: Lines, seen: _Seen) -> None:
    lines.take(STARTING, f"{START!r}, the first line of h2load")
    match: re.Match[str] | None = lines.take(SPAWNING, "'spawning thread #0: …'")
    while match is not None:
        seen.threads += 1
        seen.clients += int(match[1])
        if match[4] is not None:
            seen.main_s = lines.convert(units.duration_us, match[4]) / 1e6
            _check_length(lines, seen.main_s)
        match = lines.take_if(SPAWNING)
    if not seen.clients:
        raise lines.error("h2load runs with at least one client")
    while True:
        if lines.take_if(GAVE_UP) is not None:
            seen.gave_up += 1
        elif lines.take_if(PROGRESS) is None:
            break


def _check_length(lines: Lines, length_s: float) -> None:
    if length_s > LONGEST_S:
        raise lines.error("h2load is said to have run for more than 11 days")


def _counts(lines: Lines, seen: _Seen) -> None:
    match = lines.take(FINISHED, "'finished in …'")
    seen.finished_s, seen.rate = lines.convert(units.duration_us, match[1]) / 1e6, float(match[2])
    _check_length(lines, seen.finished_s)
    match = lines.take(REQUESTS, "'requests: N total, N started, …'")
    numbers = [int(match[index]) for index in range(2, 8)]
    seen.started, seen.done, seen.succeeded, seen.failed, seen.errored, seen.timeout = numbers
    if seen.done != seen.succeeded + seen.failed or seen.errored > seen.failed:
        raise lines.error("the numbers of requests do not add up")
    expected = seen.done / seen.duration_s if seen.duration_s else 0.0
    if abs(seen.rate - expected) > RATE_TOLERANCE_SHARE * max(seen.rate, expected) + 0.01:
        raise lines.error(f"{seen.rate:g} req/s, printed above, are not these requests in {seen.duration_s:g} s")
    match = lines.take(STATUS, "'status codes: …'")
    seen.status = (int(match[1]), int(match[2]), int(match[3]), int(match[4]))
    match = lines.take(TRAFFIC, "'traffic: …'")
    seen.traffic_bytes = (int(match[1]), int(match[2]), int(match[3]))


def _times(lines: Lines, seen: _Seen) -> None:
    lines.take(HEADINGS, "'min         max         mean         sd        +/- sd'")
    match = lines.take(REQUEST_TIMES, "'time for request:' with minimum, maximum, mean and deviation")
    low, high, mean, spread = (lines.convert(units.duration_us, match[index]) for index in (1, 2, 3, 4))
    seen.times_us = (low, high, mean, spread)
    lines.take(OTHER_TIMES, "'time for connect:'")
    lines.take(OTHER_TIMES, "'time to 1st byte:'")
    lines.take(PER_CLIENT, "'req/s           :'")


def _interpret(seen: _Seen, asked: Asked) -> LoadResult:
    rate = None if asked.rps is None else asked.rps * seen.clients
    requested = None if rate is None else units.requests_in(rate, seen.duration_s)
    completed = seen.done - seen.errored
    unfinished = max(0, (seen.started if requested is None else requested) - seen.done)
    broken = max(0, seen.errored - seen.timeout)
    low, high, mean, spread = seen.times_us if seen.done else (None, None, None, None)
    latency = Latency(
        kind="service", recorded=seen.done, censored=unfinished,
        min_us=low, max_us=high, mean_us=mean, stdev_us=spread,
        at_least=lower_bounds((), recorded=seen.done, censored=unfinished) if seen.done else (),
    )  # fmt: skip
    return LoadResult(
        tool="h2load",
        loop="closed" if rate is None else "open",
        url=asked.url or "",
        threads=seen.threads,
        connections_asked=seen.clients,
        connections=seen.clients,
        streams=asked.streams,
        rate_asked_per_s=rate,
        duration_asked_s=seen.duration_s,
        duration_s=seen.duration_s,
        counts=Counts(
            requested=requested,
            scheduled=requested,
            attempted=seen.done if requested is None else max(requested, seen.done),
            sent=seen.started,
            completed=completed,
            ok=seen.succeeded,
            failed=seen.failed,
            unfinished=unfinished,
            completed_in_window=completed,
        ),
        errors=Errors(
            read=broken, timeout=seen.timeout, status_4xx=seen.status[2], status_5xx=seen.status[3],
            parse=seen.no_status,
        ),
        completed_per_s=round(completed / seen.duration_s, 2) if seen.duration_s else 0.0,
        ok_per_s=round(seen.succeeded / seen.duration_s, 2) if seen.duration_s else None,
        read_bytes=max(seen.traffic_bytes[0], sum(seen.traffic_bytes[1:])),
        latency=latency,
        checks=_kept(seen),
    )  # fmt: skip


def _kept(seen: _Seen) -> tuple[Check, ...]:
    """Return what failed of the load that was asked: connections that were not there to the end."""
    left = seen.clients - seen.gave_up
    return (Check(name=KEPT, value=left, limit=seen.clients, unit="connections", ok=False),) if seen.gave_up else ()


def _with_log(result: LoadResult, seen: _Seen, log: Log, file: Path | str) -> LoadResult:
    if log.rows != seen.done:
        raise ReadError(f"{log.rows} requests, where h2load counted {seen.done}: the log is not whole", file=file)
    series = series_of(log, duration_s=result.duration_s, rate_per_s=result.rate_asked_per_s)
    return dataclasses.replace(result, latency=latency_of(log, censored=result.latency.censored), series=series)


def _flags(seen: _Seen, result: LoadResult, log: Log | None) -> Iterator[Finding]:
    if result.rate_asked_per_s is not None:
        yield _flag(
            "h2load-coordinated-omission", result.rate_asked_per_s, None,
            "h2load --rps counts latency from the sending and sends nothing while its streams are taken: it is not "
            "free of coordinated omission and never ranks with corrected latency",
        )  # fmt: skip
    if not seen.done:
        yield _flag("h2load-nothing", 0, 1, "no request was answered, which h2load counts as no error")
    elif log is None:
        words = "h2load prints no percentiles, and there is no log of single requests; latencies include those of "
        yield _flag("h2load-no-distribution", None, None, f"{words}error replies")
    if seen.no_status:
        yield _flag(
            "h2load-no-status", seen.no_status, 0,
            f"h2load read no status in {seen.no_status} replies and calls them failed (it takes a status line "
            "without a reason phrase for one without a status)",
        )  # fmt: skip
    if seen.gave_up:
        yield _flag(
            "h2load-gave-up", seen.gave_up, 0,
            f"the server ended {seen.gave_up} of {seen.clients} connections and h2load opens no other, so fewer than "
            "asked carried the load: the rate is too low",
        )  # fmt: skip
    silent_s = 0.0 if log is None or not seen.done else result.duration_s - log.last_end_s
    if silent_s >= limits.H2LOAD_SILENT_END_S and result.loop == "closed":
        yield _flag(
            "h2load-silent-end", round(silent_s, 3), limits.H2LOAD_SILENT_END_S,
            f"no reply came in the last {silent_s:.1f} s: connections were lost, which h2load counts as no error, "
            "or the server stalled",
        )  # fmt: skip
    total, headers, data = seen.traffic_bytes
    if total < BYTES_LOST_SHARE * (headers + data):
        yield _flag("h2load-bytes", total, headers + data, "h2load lost count of the bytes: those of some replies miss")


def _flag(kind: str, value: float | None, limit: float | None, advice: str) -> Finding:
    return Finding(kind=kind, where="h2load's text", value=value, limit=limit, advice=advice)

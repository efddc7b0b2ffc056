"""h2load's log of single requests (--log-file): start since 1970 in us, status, duration in us, by tabs.

It holds the requests of the measured time alone, each when it ended; a failed stream has the status -1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.errors import ReadError
from collectors.limits import samples_needed
from collectors.model import Latency, Second
from collectors.readers.censored import lower_bounds

PERCENTILES: Final = ("50", "75", "90", "99", "99.9", "99.99")
_OK: Final = range(200, 400)
LONGEST_S: Final = 1_000_000
"""More than 11 days: nobody measures for so long, and a second of a run takes memory."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """The durations of the good requests, sorted, and for each second from the first start how many ended."""

    rows: int
    ok_us: Sequence[int]
    ended: Sequence[int]
    ended_ok: Sequence[int]
    last_end_s: float


def read_log(text: str, file: Path | str) -> Log:
    """Return what the log holds; ReadError that quotes the line where it is damaged."""
    starts, ends, good, ok_us = [], [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("\t")
        try:
            start, status, took = int(words[0]), int(words[1]), int(words[2])
        except (IndexError, ValueError):
            start = status = took = -1
        if len(words) < 3 or start <= 0 or took < 0 or status < -1:
            expected = "expected start, status and duration of a request, with tabs between them"
            raise ReadError(expected, file=file, line=number, text=line)
        starts.append(start)
        ends.append(start + took)
        good.append(status in _OK)
        if status in _OK:
            ok_us.append(took)
    if text and not text.endswith("\n"):
        raise ReadError("the log ends within a line", file=file, line=len(starts), text=text.rsplit("\n", 1)[-1])
    begin = min(starts, default=0)
    seconds = [(end - begin) // 1_000_000 for end in ends]
    last = max(ends, default=begin) - begin
    if last > LONGEST_S * 1_000_000:
        raise ReadError("its requests lie more than 11 days apart", file=file)
    every, ok = Counter(seconds), Counter(s for s, is_good in zip(seconds, good, strict=True) if is_good)
    length = max(seconds, default=-1) + 1
    return Log(
        rows=len(starts),
        ok_us=sorted(ok_us),
        ended=[every[second] for second in range(length)],
        ended_ok=[ok[second] for second in range(length)],
        last_end_s=last / 1e6,
    )


def latency_of(log: Log, *, censored: int) -> Latency:
    """Return the distribution of the good requests; `censored` ones had no answer at the end.

    A percentile is the value of nearest rank, None where the sample does not support it.
    """
    values = log.ok_us
    n = len(values)
    if n == 0:
        return Latency(kind="service", recorded=0, censored=censored, percentiles_us=dict.fromkeys(PERCENTILES))
    mean = sum(values) / n
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / n)
    percentiles = {name: _ranked(values, name) for name in PERCENTILES}
    shown = [name for name, value in percentiles.items() if value is not None]
    return Latency(
        kind="service",
        recorded=n,
        censored=censored,
        mean_us=round(mean, 3),
        stdev_us=round(spread, 3),
        min_us=float(values[0]),
        max_us=float(values[-1]),
        percentiles_us=percentiles,
        at_least=lower_bounds(shown, recorded=n, censored=censored),
    )


def _ranked(values: Sequence[int], name: str) -> float | None:
    if len(values) < samples_needed(name):
        return None
    rank = math.ceil(round(float(name) * len(values) / 100, 6))
    return float(values[rank - 1])


def series_of(log: Log, *, duration_s: float, rate_per_s: float | None) -> tuple[Second, ...]:
    """Return how many requests ended in each whole second of the measured time; a silent second is 0.

    `scheduled` is the rate where there was one, else what ended.
    """
    found = []
    for second in range(int(duration_s)):
        ended = log.ended[second] if second < len(log.ended) else 0
        ok = log.ended_ok[second] if second < len(log.ended_ok) else 0
        due = ended if rate_per_s is None else round(rate_per_s)
        found.append(Second(second=second, scheduled=due, completed=ended, ok=ok))
    return tuple(found)

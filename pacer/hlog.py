"""The histogram log (format 1.3 of HdrHistogram): one line per second and distribution."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pacer import __version__
from pacer.histogram import Histogram
from pacer.recording import TAGS, Second
from pacer.units import NS_PER_S

_MAX_UNIT_NS = 1e6              # Interval_Max is in milliseconds
_MAX_TIME_S = 1e9
_MAX_TIME_CHARACTERS = 30
_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One line of a log: a distribution's values of one interval. Times in seconds from the log's start."""

    tag: str
    start_s: float
    length_s: float
    histogram: Histogram


def write_log(seconds: Iterable[Second], *, started_wall_ns: int) -> str:
    """Return the log of a run; each second must hold its encoded histograms."""
    started = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(started_wall_ns // NS_PER_S))
    began_ms = started_wall_ns // 1_000_000         # cut, as `started_utc` in the result is
    lines = [f"#[Logged with pacer {__version__}]", "#[Histogram log format version 1.3]",
             f"#[StartTime: {began_ms // 1000}.{began_ms % 1000:03d} (seconds since epoch), {started}]", _LEGEND]
    for entry in seconds:
        for tag in TAGS:
            text = entry.encoded.get(tag)
            if text is not None:
                highest = Histogram.decode(text).maximum() or 0
                lines.append(f"Tag={tag},{entry.second:.3f},1.000,{highest / _MAX_UNIT_NS:.3f},{text}")
    return "\n".join(lines) + "\n"


def read_log(text: str) -> Iterator[Interval]:
    """Yield the intervals of a log. Raises ValueError naming the line when it is not one."""
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            interval = read_line(line)
        except ValueError as error:
            raise ValueError(f"line {number} is {error}") from error
        if interval is not None:
            yield interval


def read_line(line: str) -> Interval | None:
    """Return the interval of a line, None for a comment or the legend. Raises ValueError when it is neither."""
    if not line or line.startswith(("#", '"')):
        return None
    tag, fields = "", line.split(",")
    if fields[0].startswith("Tag="):
        tag = fields.pop(0).removeprefix("Tag=")
    try:
        start, length, _highest, encoded = fields
        return Interval(tag=tag, start_s=_time(start), length_s=_time(length), histogram=Histogram.decode(encoded))
    except ValueError as error:
        raise ValueError(f"not an interval of a histogram log: {error}") from error


def _time(text: str) -> float:
    if len(text) > _MAX_TIME_CHARACTERS:
        raise ValueError(f"{len(text)} characters are no time in seconds")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < _MAX_TIME_S:
        raise ValueError(f"{text!r} is no time in seconds")
    return value


def totals(intervals: Iterable[Interval]) -> dict[str, Histogram]:
    """Add the intervals up, tag by tag."""
    found: dict[str, Histogram] = {}
    for interval in intervals:
        found.setdefault(interval.tag, Histogram()).add(interval.histogram)
    return found

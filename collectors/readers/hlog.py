"""Histogram logs (format 1.3 of HdrHistogram, V2 encoding), as pacer writes them with --hlog.

A log holds what was answered or failed, a line per second and distribution. Requests without an answer are not in it:
they are in pacer's JSON result alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collectors.errors import ReadError
from pacer.distribution import PERCENTILES, describe
from pacer.histogram import Histogram
from pacer.hlog import Interval, read_line, totals
from pacer.recording import TAGS

_START = re.compile(r"#\[StartTime: (\d{1,12}(?:\.\d+)?) ")
_BY_PACER = "#[Logged with pacer"


@dataclass(frozen=True, kw_only=True)
class LogFigures:
    """One distribution, of an interval or of the whole log; None where the sample does not support a figure.

    A percentile needs 10 values beyond it, as everywhere.
    """

    tag: str
    count: int
    mean_us: float | None
    percentiles_us: Mapping[str, float | None]
    max_us: float | None


@dataclass(frozen=True, kw_only=True)
class LogInterval:
    """What one line of the log holds; `start_s` counts from the log's start."""

    start_s: float
    length_s: float
    figures: LogFigures


@dataclass(frozen=True, kw_only=True)
class HistogramLog:
    """A log: its start in seconds since 1970 where it says so, its intervals in file order, and their sums by tag."""

    start_s: float | None
    intervals: tuple[LogInterval, ...]
    totals: tuple[LogFigures, ...]


def read_hlog(text: str, file: Path | str) -> HistogramLog:
    """Return what a histogram log holds; ReadError, with the line, where it is damaged, cut short or no log."""
    intervals: list[Interval] = []
    start: float | None = None
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if (match := _START.match(line)) is not None:
            start = float(match[1])
        try:
            interval = read_line(line)
        except ValueError as error:
            raise ReadError(str(error), file=file, line=number, text=line) from None
        if interval is not None:
            intervals.append(interval)
    if not intervals:
        raise ReadError("a histogram log without an interval", file=file)
    if text.startswith(_BY_PACER):
        _check_whole(intervals, file, len(lines))
    return HistogramLog(
        start_s=start,
        intervals=tuple(
            LogInterval(start_s=each.start_s, length_s=each.length_s, figures=_figures(each.tag, each.histogram))
            for each in intervals
        ),
        totals=tuple(_figures(tag, histogram) for tag, histogram in totals(intervals).items()),
    )


def _check_whole(intervals: Sequence[Interval], file: Path | str, last_line: int) -> None:
    """pacer writes every distribution of every second, in order."""
    for number, each in enumerate(intervals):
        second, tag = number // len(TAGS), TAGS[number % len(TAGS)]
        if (round(each.start_s), each.tag) != (second, tag):
            raise ReadError(
                f"pacer's log has {each.tag or 'no tag'} of second {each.start_s:g} where {tag} of second {second} "
                "belongs",
                file=file,
            )
    if len(intervals) % len(TAGS):
        tag = TAGS[len(intervals) % len(TAGS)]
        raise ReadError(f"cut short: {tag} of the last second is missing", file=file, line=last_line)


def _figures(tag: str, histogram: Histogram) -> LogFigures:
    found = describe(histogram)
    return LogFigures(
        tag=tag,
        count=found.n,
        mean_us=_us(found.mean_ns),
        percentiles_us={name: _us(found.percentiles[name]) for name in PERCENTILES},
        max_us=_us(found.max_ns),
    )


def _us(value_ns: int | None) -> float | None:
    return None if value_ns is None else value_ns / 1e3

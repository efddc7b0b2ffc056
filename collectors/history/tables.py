"""History as text for a terminal."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Sequence
from typing import Final

from collectors.compare.metrics import METRICS, Metric
from collectors.compare.model import Difference
from collectors.compare.sides import counted
from collectors.explain.words import TIMES
from collectors.grid import grid
from collectors.history.model import Campaigns, Change, History, Point, Series
from collectors.units import DASH, show_share, significant

HEAD: Final = ("when (UTC)", "folder", "campaign", "machines", "counted", "verdicts")
POINT_HEAD: Final = ("when (UTC)", "folder", "median", "95 % interval", "counted", "left out")
DIFFERENCE_HEAD: Final = ("differs", "before", "after")
WIDTH: Final = 120
LISTED: Final = 12
"""Differences shown at a change point; --json has all."""
SPARK_WIDTH: Final = 60
_BARS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = "·"
_LONGEST: Final = 36


def campaigns_text(found: Campaigns) -> str:
    """Return the list of campaigns, one line each, oldest first. There may be very many: a line is one format."""
    rows = [
        (_when(when), folder, campaign, label or DASH, f"{counts}/{planned}", verdicts or "no run on record")
        if recorded == planned or not recorded
        else (_when(when), folder, campaign, label or DASH, f"{counts}/{planned}",
              f"{verdicts}, {planned - recorded} not run")
        for folder, when, campaign, label, planned, recorded, counts, verdicts, _ in found.entries
    ]  # fmt: skip
    if not rows:
        return "\n".join(["No campaign is here yet.", *_fault_lines(found.faults)]) + "\n"
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    line = "%-{}s  %-{}s  %-{}s  %-{}s  %{}s  %s".format(*widths)
    return "\n".join([line % HEAD, *[line % row for row in rows], *_fault_lines(found.faults)]) + "\n"


def history_text(found: History) -> str:
    """Return one metric over time: for each series a line of bars, a table, and the changes."""
    lines: list[str] = []
    for series in found.series:
        lines += [*_series_lines(METRICS[found.metric], series), ""]
    if not found.series:
        lines = ["No run of such a cell is on record.", ""]
    return "\n".join([*lines[:-1], *_fault_lines(found.faults)]) + "\n"


def spark(values: Sequence[float | None], *, width: int = SPARK_WIDTH) -> str:
    """Return values as bars between the smallest and the largest, a dot for None.

    More values than the width allows are taken together, by their median.
    """
    known = [value for value in values if value is not None]
    if not known:
        return _GAP * min(len(values), width)
    step = max(1.0, len(values) / width)
    count = min(len(values), width)
    groups = [values[round(place * step) : round((place + 1) * step)] for place in range(count)]
    low, span = min(known), max(known) - min(known)
    return "".join(_bar(group, low, span) for group in groups)


def _bar(group: Sequence[float | None], low: float, span: float) -> str:
    known = [value for value in group if value is not None]
    if not known:
        return _GAP
    share = (statistics.median(known) - low) / span if span > 0 else 0.5
    return _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]


def _series_lines(metric: Metric, series: Series) -> list[str]:
    medians = [None if point.spread is None else point.spread.median for point in series.points]
    known = [value for value in medians if value is not None]
    title = f"{metric.words(series.loop)} of {series.service} /{series.endpoint}, {series.round}"
    lines = [f"{title} (profile {series.profile}, {series.label or 'machines without a label'})"]
    lines += textwrap.wrap(series.load, WIDTH - 2, initial_indent="  ", subsequent_indent="  ")
    if known:
        lines.append(f"  {spark(medians)}  {metric.show(min(known))} to {metric.show(max(known))}")
    lines += [f"  {line}" for line in grid(POINT_HEAD, [_row(metric, each) for each in series.points], left={0, 1, 5})]
    for change in series.changes:
        lines += _change_lines(metric, change)
    if series.note is not None or not series.changes:
        note = series.note or "no change point: one level explains these figures well enough"
        lines += textwrap.wrap(_sentence(note), WIDTH - 2, initial_indent="  ", subsequent_indent="  ")
    return lines


def _row(metric: Metric, point: Point) -> tuple[str, ...]:
    spread = point.spread
    interval = DASH
    if spread is not None and spread.low is not None and spread.high is not None:
        interval = f"{metric.show(spread.low)} to {metric.show(spread.high)}"
    median = DASH if spread is None else metric.show(spread.median)
    used = 0 if spread is None else spread.n
    when = _when(point.created_utc)
    return when, point.folder, median, interval, f"{used}/{point.runs}", counted(point.left_out)


def _change_lines(metric: Metric, change: Change) -> list[str]:
    levels = f"{metric.show(change.level_before)} to {metric.show(change.level_after)}"
    head = f"Changed at {change.after} ({_when(change.created_utc)}): {levels}{_effect(metric, change)}."
    lines = textwrap.wrap(head, WIDTH - 2, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    if change.differences is None:
        return [*lines, *textwrap.wrap(_sentence(change.fault or ""), WIDTH - 4, initial_indent="    ")]
    if not change.differences:
        return [*lines, f"    Nothing else on record differs from {change.before}."]
    lines.append(f"    What else differs from {change.before}:")
    rows = [_difference_row(each) for each in change.differences[:LISTED]]
    lines += [f"    {line}" for line in grid(DIFFERENCE_HEAD, rows, left={0, 1, 2})]
    more = len(change.differences) - LISTED
    return [*lines, f"    and {more} more (--json lists all)"] if more > 0 else lines


def _effect(metric: Metric, change: Change) -> str:
    if metric.scale == "difference":
        return f" ({'+' if change.effect >= 0 else '-'}{show_share(abs(change.effect))})"
    return f" ({TIMES}{significant(change.effect)})"


def _difference_row(each: Difference) -> tuple[str, str, str]:
    return each.key, _short(each.a), _short(each.b)


def _short(value: str | None) -> str:
    if value is None:
        return DASH
    line = " ".join(value.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _fault_lines(faults: Sequence[str]) -> list[str]:
    wrapped = [textwrap.wrap(each, WIDTH, initial_indent="- ", subsequent_indent="  ") for each in faults]
    return ["", *(line for lines in wrapped for line in lines)] if faults else []


def _when(created_utc: str) -> str:
    """Return a time as people read it, as it is where it is none."""
    return f"{created_utc[:10]} {created_utc[11:16]}" if created_utc[10:11] == "T" else created_utc


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."

"""The waterfall of one round of a ladder, as inline SVG: what each factor multiplies, on logarithmic axes.

A row for each rung; a panel for requests per second, p99 and CPU per request. A bar leads from the rung before to the
rung; equal lengths are equal ratios, and the bars lie end to end from the first rung to the last.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from collectors.explain.model import Chain, Metric, RoundExplained, Step
from collectors.explain.tables import show_value
from collectors.explain.words import interval, step_words, times
from collectors.report.drawing import FAINT, GRID, INK, WIDTH, colour_of, style, to_svg
from collectors.units import show_latency, significant

ROW_HEIGHT, TOP, BOTTOM = 34.0, 34.0, 40.0
ARROW: Final = "\N{RIGHTWARDS ARROW}"
LETTERS: Final = 40
"""Letters of a factor in one line beside the drawing."""
BETTER, WORSE, WHOLE, UNCLEAR = "better", "worse", "whole", "no effect shown"
_ORDER: Final = ("", WORSE, BETTER, "", "", UNCLEAR, "", WHOLE)
"""Colours of the page by place: better green, worse orange, the whole violet."""


def waterfall(each: RoundExplained, *, number: int) -> str | None:
    """Return the SVG, None where no two rungs can be compared in any metric."""
    chains = [chain for chain in each.chains if chain.steps]
    if not chains:
        return None
    rows = len(each.rungs) + 1
    height = TOP + BOTTOM + rows * ROW_HEIGHT
    places = {rung.service: index for index, rung in enumerate(each.rungs)}
    with style():
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        ratios = [6 if chain.metric == "rate" else 4 for chain in chains]
        grid = figure.subplots(
            1, len(chains), sharey=True, squeeze=False, gridspec_kw={"width_ratios": ratios, "wspace": 0.05}
        )[0]
        figure.subplots_adjust(left=0.23, right=0.99, top=1 - TOP / height, bottom=BOTTOM / height)
        for axes, chain in zip(grid, chains, strict=True):
            _frame(axes, rows)
            _draw(axes, chain, places, rows)
            axes.set_title(f"{chain.name}, logarithmic", loc="left", size=10, color=INK)
        _names(grid[0], each, rows)
        return to_svg(figure, label=_label(each, chains), prefix=f"w{number}")


def _frame(axes: Axes, rows: int) -> None:
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xscale("log")
    axes.grid(visible=True, axis="x", which="major", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(which="both", length=0, labelsize=9)
    axes.tick_params(axis="y", left=False, labelleft=False)


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """Where one metric is drawn, and the ends of its axis."""

    axes: Axes
    metric: Metric
    low: float
    high: float


def _draw(axes: Axes, chain: Chain, places: Mapping[str, int], rows: int) -> None:
    panel = _panel(axes, chain)
    first = chain.steps[0]
    start = places[first.before]
    _level(panel, first.before_value, start)
    _text(panel, show_value(chain.metric, first.before_value), (first.before_value,), start)
    for step in chain.steps:
        across = [places[step.before] - 0.28, places[step.after] + 0.28]
        axes.plot([step.before_value] * 2, across, color=FAINT, linewidth=0.8)
        _bar(panel, step, places[step.after], _kind(chain.metric, step))
    if chain.whole is not None:
        _bar(panel, chain.whole, rows - 1, WHOLE)
    axes.axhline(rows - 1.5, color=GRID, linewidth=0.8)


def _panel(axes: Axes, chain: Chain) -> _Panel:
    """Room on both sides: a bar's label may stand left or right of it."""
    values = [value for step in chain.steps for value in (step.before_value, step.after_value, *_whisker(step))]
    least, most = min(values), max(values)
    span = max(most / least, 3.0)
    middle = (least * most) ** 0.5
    room = 0.35 if chain.metric == "rate" else 0.6
    low, high = middle / span ** (0.5 + room), middle * span ** (0.5 + room)
    axes.set_xlim(low, high)
    wide = high / low > 30
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0,) if wide else (1.0, 3.0), numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(chain.metric, value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    return _Panel(axes=axes, metric=chain.metric, low=low, high=high)


def _tick(metric: Metric, value: float) -> str:
    return significant(value, 1) if metric == "rate" else show_latency(value)


def _whisker(step: Step) -> tuple[float, ...]:
    """Where the rung's value would be at the ends of the ratio's interval."""
    ratio = step.ratio
    if ratio is None or ratio.low is None or ratio.high is None:
        return ()
    return step.before_value * ratio.low, step.before_value * ratio.high


def _kind(metric: Metric, step: Step) -> str:
    if step.ratio is None or step.ratio.shown is False:
        return UNCLEAR
    return BETTER if (step.ratio.ratio > 1) == (metric == "rate") else WORSE


def _bar(panel: _Panel, step: Step, y: int, kind: str) -> None:
    axes, unclear = panel.axes, kind == UNCLEAR
    left, right = sorted((step.before_value, step.after_value))
    colour = FAINT if unclear else colour_of(kind, _ORDER)
    axes.barh(y, right - left, left=left, height=0.56, color=colour, linewidth=0, alpha=0.55 if unclear else 0.9)
    _level(panel, step.after_value, y)
    ends = _whisker(step)
    if ends:
        axes.plot(ends, [y, y], color=INK, linewidth=1.2)
        axes.plot(ends, [y, y], "|", color=INK, markersize=7, markeredgewidth=1.2)
    ratio = "not compared" if step.ratio is None else times(step.ratio.ratio)
    words = ratio if kind == WHOLE else f"{ratio} {ARROW} {show_value(panel.metric, step.after_value)}"
    _text(panel, words, (left, right, *ends), y)


def _level(panel: _Panel, value: float, y: int) -> None:
    panel.axes.plot([value, value], [y - 0.28, y + 0.28], color=INK, linewidth=1.6)


def _text(panel: _Panel, words: str, drawn: Sequence[float], y: int) -> None:
    """Write right of what is drawn, or left of it where there is more room."""
    gap = (panel.high / panel.low) ** 0.015
    if panel.high / max(drawn) >= min(drawn) / panel.low:
        panel.axes.text(max(drawn) * gap, y, words, va="center", ha="left", size=9)
    else:
        panel.axes.text(min(drawn) / gap, y, words, va="center", ha="right", size=9)


def _names(axes: Axes, each: RoundExplained, rows: int) -> None:
    across = axes.get_yaxis_transform()
    for y, rung in enumerate(each.rungs):
        factor = ("start: " if y == 0 else "") + (rung.factor or rung.service)
        lines = textwrap.wrap(factor, LETTERS, max_lines=1, placeholder=" …")
        empty = "" if rung.used else " (no usable run)"
        axes.text(-0.02, y - 0.17, lines[0], transform=across, ha="right", va="center", size=10)
        axes.text(-0.02, y + 0.2, rung.service + empty, transform=across, ha="right", va="center", size=8, color=FAINT)
    axes.text(-0.02, rows - 1, "all together", transform=across, ha="right", va="center", weight="bold")


def _label(each: RoundExplained, chains: Sequence[Chain]) -> str:
    parts = [
        f"{chain.name}: "
        + "; ".join(
            f"{step_words(step)} {'not compared' if step.ratio is None else times(step.ratio.ratio)}"
            + (f" ({interval(step.ratio)})" if step.ratio is not None and step.ratio.low is not None else "")
            for step in chain.steps
        )
        for chain in chains
    ]
    return f"Waterfall of round {each.round}, endpoint {each.endpoint}. {'. '.join(parts)}."

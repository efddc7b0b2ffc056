"""The curves of one round as inline SVG: a panel per endpoint, a line per daemon, all on the same axes.

The horizontal axis is HdrHistogram's: the share of requests that were not slower, stretched so that each further nine
(90 %, 99 %, 99.9 %) takes the same room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from collectors.cells import BACKLOG_MARK
from collectors.report.curves import Curve, Curves, Point
from collectors.report.drawing import FAINT, GRID, WIDTH, colour_of, style, to_svg
from collectors.units import show_latency

PANEL, TOP, BOTTOM, BETWEEN = 210.0, 24.0, 34.0, 52.0
LINE, LETTER = 12.0, 5.6
"""Room that a name takes, and each of its letters, in points."""
MOST_FOR_NAMES = 0.5
"""At most this share of a panel's width is for names, to the right of the longest curve."""

_Dashes = str | tuple[float, tuple[float, float]]


def curve_chart(curves: Curves, services: Sequence[str], *, number: int) -> str | None:
    """Return the SVG, None where there is no curve to draw."""
    panels = [(endpoint, [one for one in each if one.points]) for endpoint, each in curves.by_endpoint.items()]
    if not panels:
        return None
    columns = 4 if len(panels) == 4 else 3
    rows = math.ceil(len(panels) / columns)
    height = TOP + BOTTOM + rows * PANEL + (rows - 1) * BETWEEN
    with style():
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        grid = figure.subplots(
            rows, columns, squeeze=False, sharex=True, sharey=True,
            gridspec_kw={"wspace": 0.06, "hspace": BETWEEN / PANEL},
        )  # fmt: skip
        figure.subplots_adjust(left=0.055, right=0.995, top=1 - TOP / height, bottom=BOTTOM / height)
        every = [point for _, each in panels for one in each for point in one.points]
        letters = max(len(_name(one)) for _, each in panels for one in each)
        room = min(MOST_FOR_NAMES, (letters * LETTER + 8) / (WIDTH * 0.92 / columns))
        for place, axes in enumerate(grid.flat):
            if place < len(panels):
                _frame(axes, every, room, first=place % columns == 0)
                axes.set_title(f"/{panels[place][0]}", loc="left", size=10, weight="bold")
                _lines(axes, panels[place][1], services)
            else:
                axes.set_axis_off()
        return to_svg(figure, label=_label(curves), prefix=f"c{number}")


def _frame(axes: Axes, every: Sequence[Point], room: float, *, first: bool) -> None:
    longest = max(point.beyond for point in every)
    low, high = min(point.latency_us for point in every), max(point.latency_us for point in every)
    if high / low < 30:
        low, high = low / 3, high * 3
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1, longest ** (1 / (1 - room)))
    axes.set_ylim(low / 1.3, high * 1.6)
    ticks = [1, 2, *(10**nines for nines in range(1, math.floor(math.log10(longest) + 1e-9) + 1))]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _share(value)))
    axes.yaxis.set_major_locator(LogLocator(base=10, numticks=10))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show_latency(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, which="major", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(which="both", length=0, labelsize=9, labelbottom=True, labelleft=first, labelcolor=FAINT)


def _share(beyond: float) -> str:
    """1 in `beyond` is slower: the share that is not, with as many nines as it has."""
    if beyond < 10:
        return "0" if beyond == 1 else f"{100 * (1 - 1 / beyond):.0f}%"
    nines = round(math.log10(beyond))
    return f"{100 - 10 ** (2 - nines):.{max(0, nines - 2)}f}%"


def _lines(axes: Axes, each: Sequence[Curve], services: Sequence[str]) -> None:
    bottom, top = (math.log10(limit) for limit in axes.get_ylim())
    left, right = (math.log10(limit) for limit in axes.get_xlim())
    heights = []
    for number, curve in enumerate(each):
        colour, pale = colour_of(curve.row.cell.service, services), 1.0 if curve.row.ranked else 0.55
        exact = sum(1 for point in curve.points if point.exact)
        dashes = (5 * number / len(each), (3, 2))           # where lines lie on each other, both show
        parts: list[tuple[Sequence[Point], _Dashes]] = [(curve.points[:exact], "solid")] if exact else []
        if exact < len(curve.points):
            parts.append((curve.points[max(0, exact - 1) :], dashes))       # from the last exact point: no gap
        for points, line in parts:
            axes.plot(
                [point.beyond for point in points], [point.latency_us for point in points],
                color=colour, linewidth=2, alpha=pale, linestyle=line, dash_capstyle="butt",
            )  # fmt: skip
        heights.append((math.log10(curve.points[-1].latency_us) - bottom) / (top - bottom))
    for curve, height in zip(each, spaced(heights, LINE / PANEL), strict=True):
        across = (math.log10(curve.points[-1].beyond) - left) / (right - left) + 0.012
        axes.text(
            across, height, _name(curve), transform=axes.transAxes, va="center", size=9,
            color=colour_of(curve.row.cell.service, services),
        )  # fmt: skip


def _name(curve: Curve) -> str:
    return curve.row.name + (BACKLOG_MARK if curve.row.label == "backlog" else "")


def spaced(heights: Sequence[float], gap: float) -> list[float]:
    """Return the heights moved apart, as little as can be, so that no two are nearer than the gap, in their order and
    between 0 and 1 (where there is room for all)."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    pools: list[list[float]] = []       # neighbours that stand gap upon gap, each as where the lowest of all would be
    for place, index in enumerate(order):
        pools.append([heights[index] - place * gap])
        while len(pools) > 1 and fmean(pools[-2]) >= fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    highest = 1 - gap / 2 - (len(heights) - 1) * gap
    bases = [max(gap / 2, min(highest, fmean(pool))) for pool in pools for _ in pool]
    moved = [0.0] * len(heights)
    for place, (index, base) in enumerate(zip(order, bases, strict=True)):
        moved[index] = base + place * gap
    return moved


def _label(curves: Curves) -> str:
    lines = "; ".join(
        f"{curve.row.name} /{endpoint}, {curve.requests} requests: {_ends(curve)}"
        for endpoint, each in curves.by_endpoint.items()
        for curve in each
        if curve.points
    )
    return f"Latency against percentile, round {curves.round}. {lines}."


def _ends(curve: Curve) -> str:
    last = curve.points[-1]
    return (
        f"from {show_latency(curve.points[0].latency_us, at_least=not curve.points[0].exact)} to "
        f"{show_latency(last.latency_us, at_least=not last.exact)} where 1 request in {last.beyond:.0f} was slower"
    )

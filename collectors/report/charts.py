"""The chart of one round: requests per second, failed requests and latency, row by row, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from collectors.cells import got_cell, latency_us, share_cell
from collectors.report.drawing import FAINT, GRID, INK, WIDTH, colour_of, style, to_svg
from collectors.summary import Row, Table
from collectors.units import show_latency, show_rate, show_share

ROW_HEIGHT, GROUP_GAP, TOP, BOTTOM = 19.0, 0.9, 30.0, 38.0


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a row is drawn: its height on the page and its daemon's colour."""

    row: Row
    y: float
    colour: str


def chart(table: Table, services: Sequence[str], *, number: int) -> str | None:
    """Return the SVG of a round, None where it has no row. `services` fixes the colours across rounds."""
    if not table.rows:
        return None
    places, titles, height = _layout(table, services)
    with style():
        total = height * ROW_HEIGHT + TOP + BOTTOM
        figure = Figure(figsize=(WIDTH / 72, total / 72))
        axes = figure.subplots(1, 3, sharey=True, gridspec_kw={"width_ratios": [5, 3, 5], "wspace": 0.09})
        figure.subplots_adjust(left=0.135, right=0.985, top=1 - TOP / total, bottom=BOTTOM / total)
        for each in axes:
            _frame(each, height)
        _rates(axes[0], places, table)
        _failures(axes[1], places)
        _latencies(axes[2], places)
        _names(axes[0], places, titles)
        return to_svg(figure, label=_label(table), prefix=f"r{number}")


def _layout(table: Table, services: Sequence[str]) -> tuple[list[_Place], list[tuple[str, float]], float]:
    places: list[_Place] = []
    titles: list[tuple[str, float]] = []
    y, endpoint = 0.0, ""
    for row in table.rows:
        if row.cell.endpoint != endpoint:
            endpoint = row.cell.endpoint
            y += GROUP_GAP if not titles else 0.5 + GROUP_GAP
            titles.append((f"/{endpoint}", y - 0.25))
            y += 0.75
        places.append(_Place(row=row, y=y, colour=colour_of(row.cell.service, services)))
        y += 1
    return places, titles, y


def _frame(axes: Axes, height: float) -> None:
    axes.set_ylim(height - 0.3, -0.1)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=9)
    axes.tick_params(axis="y", left=False, labelleft=False)


def _names(axes: Axes, places: Sequence[_Place], titles: Sequence[tuple[str, float]]) -> None:
    across = axes.get_yaxis_transform()
    for place in places:
        axes.text(-0.02, place.y, place.row.name, transform=across, ha="right", va="center")
    for title, y in titles:
        axes.text(-0.34, y, title, transform=across, ha="left", va="center", weight="bold")


def _rates(axes: Axes, places: Sequence[_Place], table: Table) -> None:
    asked = next((place.row.rate_asked_per_s for place in places if place.row.rate_asked_per_s), None)
    values = [place.row.completed_per_s.median if place.row.completed_per_s else 0.0 for place in places]
    top = max([*values, asked or 0.0, 1.0])
    for place, value in zip(places, values, strict=True):
        _bar(axes, place, value)
        if place.row.completed_per_s is None:
            axes.text(0, place.y, f" {place.row.verdict}", va="center", color=FAINT, style="italic", size=9)
        else:
            mark = "" if place.row.ranked else "  not ranked"
            axes.text(value + top * 0.012, place.y, got_cell(place.row), va="center", size=9)
            if mark:
                shift = top * (0.03 + 0.022 * len(got_cell(place.row)))
                axes.text(value + shift, place.y, mark, va="center", size=8, color=FAINT)
    if asked:
        axes.axvline(asked, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(0, top * 1.32)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show_rate(value)))
    title = "requests completed per second"
    axes.set_title(title + (" (dashed: asked)" if table.loop == "open" else ""), loc="left", size=10, color=INK)


def _failures(axes: Axes, places: Sequence[_Place]) -> None:
    values = [100 * (place.row.error_share or 0.0) for place in places]
    top = max([*values, 1.0])
    for place, value in zip(places, values, strict=True):
        if place.row.error_share is not None:
            _bar(axes, place, value)
            axes.text(value + top * 0.02, place.y, share_cell(place.row), va="center", size=9)
    axes.set_xlim(0, top * 1.3)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show_share(value / 100)))
    axes.set_title("requests failed", loc="left", size=10, color=INK)


def _latencies(axes: Axes, places: Sequence[_Place]) -> None:
    low, high = _latency_limits(places)
    for place in places:
        points = {name: value for name in ("50", "mean", "90", "99", "max") if (value := latency_us(place.row, name))}
        if not points:
            continue
        pale = 1.0 if place.row.ranked else 0.45
        axes.plot(
            [min(points.values()), max(points.values())], [place.y, place.y],
            color=place.colour, linewidth=2, alpha=pale, solid_capstyle="round",
        )  # fmt: skip
        for name, marker, size in (("50", "o", 7), ("99", "|", 11), ("max", ">", 5)):
            if name in points:
                axes.plot(
                    points[name],
                    place.y,
                    marker,
                    color=place.colour,
                    markersize=size,
                    markeredgewidth=2 if marker == "|" else 0,
                    alpha=pale,
                )
        if "50" not in points and "mean" in points:
            axes.plot(points["mean"], place.y, "D", color=place.colour, markersize=5, markeredgewidth=0, alpha=pale)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(base=10, numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show_latency(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_title("latency: ● p50  ◆ mean  | p99  ▶ max", loc="left", size=10, color=INK)


def _latency_limits(places: Sequence[_Place]) -> tuple[float, float]:
    names = ("50", "mean", "99", "max")
    seen = [value for place in places for name in names if (value := latency_us(place.row, name))]
    if not seen:
        return 100.0, 1e6
    low, high = min(seen) / 1.6, max(seen) * 1.6
    return (low, high) if high / low >= 30 else (low / 3, high * 3)


def _bar(axes: Axes, place: _Place, value: float) -> None:
    axes.barh(place.y, value, height=0.72, color=place.colour, alpha=1.0 if place.row.ranked else 0.4, linewidth=0)


def _label(table: Table) -> str:
    rows = "; ".join(
        f"{row.name} /{row.cell.endpoint}: {got_cell(row)} requests per second, {share_cell(row)} "
        "failed, "
        f"p50 {show_latency(latency_us(row, '50'))}, p99 {show_latency(latency_us(row, '99'))}"
        for row in table.rows
    )
    return f"Round {table.round}. {rows}."

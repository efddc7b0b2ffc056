"""Where a series changed its level, and what else differs between the two campaigns on either side.

Values are replaced by their normal scores (the rank r of n as the normal quantile of r / (n + 1)), so that neither
the law of the noise nor an outlier matters: of values that only vary by chance every order is equally likely. The
levels are those with the least sum of squares plus a penalty for each change, found exactly by PELT (Killick,
Fearnhead and Eckley, JASA 2012) in the library ruptures.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from collectors.compare.definition import PRESENT, definition_differences
from collectors.compare.environment import differences, environment
from collectors.compare.metrics import Metric
from collectors.compare.model import Difference
from collectors.errors import TandemError
from collectors.history.model import Change, Point, Series
from collectors.history.read import recorded_run
from collectors.results import Plan, ResultsFolder
from collectors.run import Run

LEAST: Final = 10
"""Campaigns with a figure from which on change points are looked for."""
SHORTEST: Final = 3
"""Campaigns that a level lasts at least."""
PENALTIES: Final = (
    (10, 4.2), (12, 4.8), (15, 5.5), (20, 6.1), (30, 7.5), (50, 8.7), (100, 10.2), (200, 11.3), (500, 12.6),
)  # fmt: skip
"""The penalty by the number of values: what noise alone exceeds in 2 to 3 of 100 series, found by simulating random
orders; python -m benchmarks.history shows what it comes to. Between these it goes with the logarithm of the number,
beyond them it grows by twice the logarithm."""
ABSENT: Final = (
    "change points are not looked for: they need the Python package ruptures, which has no ready-made build for this "
    "Python; install ruptures 1.1.10 or newer beside Tandem"
)
_NEVER_OF_A_CELL: Final = (PRESENT.format("rounds"), PRESENT.format("services"))


def find_changes(results: Path, metric: Metric, series: Series) -> tuple[tuple[Change, ...], str | None]:
    """Return the change points of a series, oldest first, or the sentence why none are looked for."""
    points = [point for point in series.points if point.spread is not None]
    values = [point.spread.median for point in points if point.spread is not None]
    if len(values) < LEAST:
        return (), f"change points are looked for from {LEAST} campaigns with a figure on; here are {len(values)}"
    try:
        places = change_places(values)
    except ImportError:
        return (), ABSENT
    bounds = [0, *places, len(values)]
    return tuple(
        _change(
            metric,
            (points[middle - 1], points[middle]),
            (statistics.median(values[start:middle]), statistics.median(values[middle:end])),
            _differences(results, series, (points[middle - 1], points[middle])),
        )
        for start, middle, end in zip(bounds, bounds[1:], bounds[2:], strict=False)
    ), None


def change_places(values: Sequence[float]) -> list[int]:
    """Return the indices at which a new level begins; ImportError where the library is not installed."""
    import numpy as np  # noqa: PLC0415 - slow to import, and most calls need neither
    from ruptures.detection import KernelCPD  # noqa: PLC0415 - as numpy

    if len(set(values)) == 1:
        return []
    signal = np.array(normal_scores(values)).reshape(-1, 1)
    model = KernelCPD(kernel="linear", min_size=SHORTEST).fit(signal)
    return [int(place) for place in model.predict(pen=penalty(len(values)))[:-1]]


def normal_scores(values: Sequence[float]) -> list[float]:
    """Return each value's normal score; equal values share the mean of their ranks."""
    ordered = sorted(values)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for rank, value in enumerate(ordered, start=1):
        first.setdefault(value, rank)
        last[value] = rank
    quantile = statistics.NormalDist().inv_cdf
    return [quantile((first[value] + last[value]) / 2 / (len(values) + 1)) for value in values]


def penalty(count: int) -> float:
    """Return what a change must explain, of so many values, to be one."""
    sizes = [size for size, _ in PENALTIES]
    place = bisect_right(sizes, count)
    if place == len(sizes):
        size, found = PENALTIES[-1]
        return found + 2 * math.log(count / size)
    (small, low), (large, high) = PENALTIES[max(place, 1) - 1], PENALTIES[max(place, 1)]
    share = (math.log(count) - math.log(small)) / (math.log(large) - math.log(small))
    return low + share * (high - low)


def _change(
    metric: Metric, sides: tuple[Point, Point], levels: tuple[float, float],
    found: tuple[tuple[Difference, ...] | None, str | None],
) -> Change:  # fmt: skip
    low, high = levels
    return Change(
        before=sides[0].folder, after=sides[1].folder, created_utc=sides[1].created_utc, level_before=low,
        level_after=high, effect=high - low if metric.scale == "difference" else high / low, differences=found[0],
        fault=found[1],
    )  # fmt: skip


def _differences(
    results: Path, series: Series, sides: tuple[Point, Point]
) -> tuple[tuple[Difference, ...] | None, str | None]:
    a, b = (ResultsFolder(results / point.folder) for point in sides)
    try:
        runs = [_one_run(folder, series) for folder in (a, b)]
        found = [*differences(environment(a), environment(b)), *definition_differences(a, b, *runs)]
        return tuple(_of_this_cell(found, series, (a.plan, b.plan))), None
    except TandemError as error:
        return None, f"what else differs cannot be read: {error}"


def _one_run(folder: ResultsFolder, series: Series) -> list[Run]:
    """Return a recorded run of the cell, which knows the generator's version, in a list; an empty one for none."""
    mine = (run for run in folder.plan.runs if (run.cell.service, run.cell.round) == (series.service, series.round))
    read = (recorded_run(folder, planned) for planned in mine)
    return next(([found[0]] for found in read if found is not None and found[0].load is not None), [])


def _of_this_cell(found: Iterable[Difference], series: Series, plans: Sequence[Plan]) -> list[Difference]:
    """Return the differences without those of other rounds, services and programs."""
    rounds = {name for plan in plans for name in plan.rounds}
    services = _whose_code(plans)
    apps = {service.app for plan in plans for service in plan.services.values()}
    own = services.get(series.service, series.service)
    others = [
        *_NEVER_OF_A_CELL,
        *(f"rounds.{name}" for name in rounds - {series.round}),
        f"rounds.{series.round}.endpoints",
        *(f"services.{name}" for name in services.keys() - {series.service}),
        *(f"code.{app}" for app in {*services.values(), *apps} - {own}),
    ]
    mine = (f"rounds.{series.round}.", f"services.{series.service}.")
    return [
        each
        for each in found
        if each.key not in others
        and (each.key.startswith(mine) or not any(each.key.startswith(f"{other}.") for other in others[2:]))
    ]


def _whose_code(plans: Sequence[Plan]) -> dict[str, str]:
    """Return for each service the app whose program it runs, mostly its own."""
    found = {service.id: service.app for plan in plans for service in plan.services.values()}
    for plan in plans:
        rows = plan.document.get("services")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("code") and row.get("id") in found:
                found[str(row["id"])] = str(row["code"])
    return found

"""Latency against percentile, cell by cell, from the counts of all its runs together.

Runs of one cell are merged by adding the counts of their histograms; percentiles are taken from the sum and never
averaged. A curve ends where fewer than SAMPLES_BEYOND_PERCENTILE requests lie beyond it, as the tables' percentiles do.
Requests that were never answered take part with the age they had, which can only be too low: from the first rank on at
which that matters the curve is a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors.errors import ReadError
from collectors.jsonio import read_text
from collectors.limits import SAMPLES_BEYOND_PERCENTILE
from collectors.readers.pacer_histograms import Corrected, read_corrected
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.summary import Row, Table
from pacer.histogram import Histogram

STEPS_PER_DECADE = 48


@dataclass(frozen=True, kw_only=True)
class Point:
    """A latency and the share of requests that were not slower, as 1 in `beyond` were slower.

    beyond = 1 / (1 - share): 2 is the median, 100 is p99. Exact, or a lower bound.
    """

    beyond: float
    latency_us: float
    exact: bool


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One cell's curve; no points where the sample is too small."""

    row: Row
    requests: int
    runs: int
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The curves of a round by endpoint, in the table's order, and what could not be drawn."""

    round: str
    by_endpoint: dict[str, tuple[Curve, ...]]
    notes: tuple[str, ...]


def curves(folder: ResultsFolder, table: Table, runs: Sequence[Run]) -> Curves:
    """Return the curves of a round; none in a closed loop, where nothing is due and so nothing is corrected."""
    by_id = {run.id: run for run in runs}
    found: dict[str, list[Curve]] = {}
    notes: list[str] = []
    for row in table.rows if table.loop == "open" else ():
        behind = _behind([by_id[run_id] for run_id in row.runs])
        try:
            parts = [_read(folder, run) for run in behind]
        except ReadError as error:
            notes.append(f"no curve for {row.name} /{row.cell.endpoint}: {error}")
            continue
        if parts:
            found.setdefault(row.cell.endpoint, []).append(_curve(row, parts))
    short = [
        f"{curve.row.name} /{endpoint} ({curve.requests})"
        for endpoint, each in found.items()
        for curve in each
        if not curve.points
    ]
    if short:
        notes.append(f"no curve for want of requests: {', '.join(short)}")
    kept = {endpoint: tuple(each) for endpoint, each in found.items() if any(curve.points for curve in each)}
    return Curves(round=table.round, by_endpoint=kept, notes=tuple(notes))


def _behind(runs: Sequence[Run]) -> list[Run]:
    """The runs whose figures the row shows: those measured, else those that left a result at all."""
    with_load = [run for run in runs if run.load is not None and run.load.tool == "pacer"]
    return [run for run in with_load if run.outcome == "measured"] or with_load


def _read(folder: ResultsFolder, run: Run) -> Corrected:
    path = folder.run_folder(run.id) / "load.json"
    return read_corrected(read_text(path), path.relative_to(folder.directory))


def _curve(row: Row, parts: Sequence[Corrected]) -> Curve:
    known, censored = Histogram(), Histogram()
    for part in parts:
        known.add(part.known)
        censored.add(part.censored)
    points = tuple(sample(known, censored))
    return Curve(row=row, requests=known.n + censored.n, runs=len(parts), points=points)


def sample(known: Histogram, censored: Histogram) -> Iterator[Point]:
    """Yield the curve's points, evenly spaced on its logarithmic axis, as far as the sample supports it."""
    every = Histogram(known.counts)
    every.add(censored)
    ranks = list(_ranks(every.n))
    lowest, highest = every.at_ranks(ranks), known.at_ranks(ranks)
    exact = True
    for rank, low, high in zip(ranks, lowest, highest, strict=True):
        exact = exact and low == high
        if low is not None:
            yield Point(beyond=every.n / (every.n - rank), latency_us=low / 1000, exact=exact)


def _ranks(n: int) -> Iterator[int]:
    """The ranks to draw, ascending: the last has SAMPLES_BEYOND_PERCENTILE beyond it, and p50 is among them."""
    if n < 2 * SAMPLES_BEYOND_PERCENTILE:
        return
    last, step = 0, 0
    while (slower := int(n / 10 ** (step / STEPS_PER_DECADE))) >= SAMPLES_BEYOND_PERCENTILE:
        if n - slower > last:
            last = n - slower
            yield last
        step += 1
    if n - SAMPLES_BEYOND_PERCENTILE > last:
        yield n - SAMPLES_BEYOND_PERCENTILE

"""The questions that the index answers: which campaigns there are, and how one metric went."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Final

from collectors.compare.metrics import METRICS, MetricName
from collectors.compare.sides import unranked
from collectors.errors import TandemError
from collectors.history.changes import find_changes
from collectors.history.model import Campaigns, CellFilter, Entry, History, Point, Series
from collectors.history.store import asked
from collectors.plan.document import unknown
from collectors.replicates import spread

PERCENTILES: Final[tuple[MetricName, ...]] = ("p50", "p99")
NO_FIGURE: Final = "no such figure"
"""Why a run that counts gives no value: p99 of too few requests, CPU time of a warm-up that was not counted."""
_CELL: Final = ("service", "endpoint", "round", "profile")
_KEY: Final = ("service", "endpoint", "round", "profile", "label", "loop", "load", "load_key")


def campaigns(
    results: Path, *, campaign: str | None = None, newest: int | None = None, rebuild: bool = False
) -> Campaigns:
    """Return the campaigns below a folder; TandemError where there is no such folder or no campaign of that name."""

    def question(database: sqlite3.Connection) -> list[Entry]:
        columns = ", ".join(Entry._fields)
        found = database.execute(f"SELECT {columns} FROM campaigns ORDER BY created_utc, folder")  # noqa: S608 - own names
        return list(map(Entry._make, found))

    entries, faults = asked(results, question, rebuild=rebuild)
    if campaign is not None:
        known = sorted({entry.campaign for entry in entries})
        entries = [entry for entry in entries if entry.campaign == campaign]
        if not entries:
            raise unknown("campaign", campaign, known, str(results))
    return Campaigns(entries if newest is None else entries[-newest:], faults)


def metric_of(name: str) -> MetricName:
    """Return a metric by its name; TandemError with the names there are, and the one that may be meant."""
    for known in METRICS:
        if known == name:
            return known
    raise unknown("metric", name, METRICS, "--metric")


def over_time(results: Path, metric: str, cells: CellFilter, *, rebuild: bool = False) -> History:
    """Return one metric over time; TandemError for a metric, service, endpoint, round, profile or campaign that no
    run has."""
    name = metric_of(metric)
    chosen = {field: value for field in (*_CELL, "campaign") if (value := getattr(cells, field)) is not None}

    def question(database: sqlite3.Connection) -> list[tuple[object, ...]]:
        _refuse_unknown(database, chosen, results)
        wanted = "".join(f" AND {field} = ?" for field in chosen)
        columns = ", ".join((*_KEY, "folder", "created_utc", "campaign", "looks", "outcome", "runs.verdicts", name))
        order = ", ".join((*_KEY, "created_utc", "folder"))
        tables = "runs JOIN campaigns ON folder = in_folder"
        query = f"SELECT {columns} FROM {tables} WHERE 1 {wanted} ORDER BY {order}"  # noqa: S608 - own names
        return database.execute(query, tuple(chosen.values())).fetchall()

    rows, faults = asked(results, question, rebuild=rebuild)
    series = [
        _series(key, list(group), cells, name) for key, group in groupby(rows, key=lambda row: row[: len(_KEY)])
    ]
    found = tuple(
        replace(each, changes=changes, note=note)
        for each in series
        for changes, note in [find_changes(results, METRICS[name], each)]
    )
    scale = METRICS[name].scale
    return History(metric=name, scale=scale, results=str(results), series=found, faults=tuple(faults))


def _refuse_unknown(database: sqlite3.Connection, chosen: dict[str, str], results: Path) -> None:
    for field, value in chosen.items():
        table = "campaigns" if field == "campaign" else "runs"
        known = sorted(str(row[0]) for row in database.execute(f"SELECT DISTINCT {field} FROM {table}"))  # noqa: S608 - own names
        if not known:
            raise TandemError(f"{results}: no run of any campaign is on record here")
        if value not in known:
            raise unknown(field, value, known, str(results))


def _series(
    key: tuple[object, ...], rows: Sequence[tuple[object, ...]], cells: CellFilter, metric: MetricName
) -> Series:
    start = len(_KEY)
    groups = [(campaign, list(group)) for campaign, group in groupby(rows, key=lambda row: row[start : start + 4])]
    shown = groups if cells.newest is None else groups[-cells.newest :]
    points = tuple(_point(campaign, [row[start + 4 :] for row in group], cells, metric) for campaign, group in shown)
    service, endpoint, round_, profile, label, loop, load, _ = key
    return Series(
        service=str(service), endpoint=str(endpoint), round=str(round_), profile=str(profile),
        label=None if label is None else str(label), loop=str(loop), load=str(load),
        points=points,
    )  # fmt: skip


def _point(
    campaign: tuple[object, ...], runs: Sequence[tuple[object, ...]], cells: CellFilter, metric: MetricName
) -> Point:
    reasons = [_left_out(run, cells) for run in runs]
    folder, created_utc, name, looks = map(str, campaign)
    values = [float(str(run[-1])) for run, why in zip(runs, reasons, strict=True) if why is None]
    if metric in PERCENTILES and NO_FIGURE in reasons:      # those that have one are the quicker ones, not a sample
        values = []
    return Point(
        folder=folder,
        created_utc=created_utc,
        campaign=name,
        runs=len(runs),
        spread=spread(values, looks=int(looks)),
        left_out=Counter(why for why in reasons if why is not None),
    )


def _left_out(run: tuple[object, ...], cells: CellFilter) -> str | None:
    """Return why a run does not count: as in a comparison, by its outcome or a verdict that is not declared usable."""
    outcome, verdicts, value = run
    if outcome != "measured":
        return str(outcome)
    why = unranked(str(verdicts).split(","), cells.use)
    return why or (NO_FIGURE if value is None else None)

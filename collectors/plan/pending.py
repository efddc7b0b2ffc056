"""Which runs of a frozen plan are still to be done, and how long they will take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.cost import duration
from collectors.plan.freeze import PLAN_FILE
from collectors.plan.looks import stretch

REPEATED = ("unreachable", "not-installable")
"""Outcomes that say nothing of the daemon: a resumed campaign does them again. What a package index or a network did
not give once it may give later."""


def read_plan(folder: Path) -> dict[str, Any]:
    """The frozen plan in folder; raises PlanError when it is none, is damaged or of another schema."""
    path = folder / PLAN_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(
            f"{path}: no frozen plan can be read here: {error.strerror}; allowed: a folder that `tandem plan "
            "--freeze` made"
        ) from None
    except json.JSONDecodeError as error:
        raise PlanError(f"{path}, line {error.lineno}: this is not whole JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError):
        raise PlanError(f"{path}: this is not JSON text") from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != c.SCHEMA_VERSION:
        raise PlanError(f"{path}: schema version {version!r} is not known; allowed: {c.SCHEMA_VERSION}")
    _check_runs(path, document.get("runs"))
    return dict(document)


def _is_done(path: Path) -> bool:
    """Whether the run was recorded, and not as one that is done again."""
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("outcome") not in REPEATED
    except (OSError, ValueError, AttributeError):
        return False


def pending_runs(folder: Path) -> list[dict[str, Any]]:
    """The plan's runs without a runs/<id>/run.json, and those that are done again, in order; of a campaign that stops
    early those up to the look that is due.

    Each has, besides its own fields, `seconds_left` (expected for it and all pending ones after it),
    `position` (its number in the whole plan), `total` (runs of the whole plan, or up to that look) and `title` (all of
    that as people say it).
    """
    document = read_plan(folder)
    at = stretch(document, folder)
    runs = [run for run in document["runs"] if at is None or run.get("block", 0) <= at.blocks]
    until = "" if at is None else f" to the look after block {at.blocks}"
    waiting = [run for run in runs if not _is_done(folder / "runs" / run["id"] / "run.json")]
    left = 0.0
    result: list[dict[str, Any]] = []
    for run in reversed(waiting):
        left += run["expected_s"]
        title = f"{run['index']} of {len(runs)}: {run['label']}; {duration(left)} left{until}"
        place = {"position": run["index"], "total": len(runs), "title": title}
        result.append({**run, **place, "seconds_left": round(left, 3)})
    return result[::-1]


def _check_runs(path: Path, runs: object) -> None:
    wanted = {"id": str, "index": int, "expected_s": (int, float)}
    if not isinstance(runs, list):
        raise PlanError(f"{path}: it holds no list of runs")
    for number, run in enumerate(runs, 1):
        for key, kind in wanted.items():
            if not isinstance(run, dict) or not isinstance(run.get(key), kind):  # type: ignore[arg-type]  # a table of types
                raise PlanError(f"{path}: run number {number} has no usable {key!r}")
        if "/" in run["id"] or run["id"].startswith("."):
            raise PlanError(
                f"{path}: run number {number} has the id {run['id']!r}, which is no folder's name"
            )

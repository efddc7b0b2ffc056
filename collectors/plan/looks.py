"""At which of its planned looks a campaign that stops early stands: what its folder says of it.

The plan is frozen with the most blocks there may be. After each look one entry of looks.json says whether measuring
goes on; up to which block runs belong to the campaign follows from that alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from collectors.errors import PlanError

LOOKS_FILE: Final = "looks.json"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The runs that belong to a campaign so far: those of so many `blocks`, of `at_most`. `looks`: how many looks are
    planned; `stopped`: no further look is to be taken."""

    blocks: int
    at_most: int
    looks: int
    stopped: bool


def stretch(document: Mapping[str, Any], folder: Path) -> Stretch | None:
    """Return where a campaign stands, None where its number of blocks is fixed; PlanError where that cannot be read."""
    until = document.get("until")
    if until is None:
        return None
    planned = until.get("looks") if isinstance(until, dict) else None
    if not isinstance(planned, list) or not planned or any(type(each) is not int for each in planned):
        raise PlanError(f"{folder / 'campaign.json'}: until.looks is no list of numbers of blocks")
    taken = looks_taken(folder)
    blocks = [row.get("blocks") for row in taken]
    goes_on = [row.get("go_on") is True for row in taken]
    if blocks != planned[: len(blocks)] or not all(goes_on[:-1]):
        raise PlanError(f"{folder / LOOKS_FILE}: these are not the looks that were planned, after {planned} blocks")
    stopped = bool(taken) and (not goes_on[-1] or len(taken) == len(planned))
    return Stretch(
        blocks=planned[len(taken) - 1 if stopped else len(taken)], at_most=planned[-1], looks=len(planned),
        stopped=stopped,
    )  # fmt: skip


def looks_taken(folder: Path) -> list[dict[str, Any]]:
    """Return the looks that were taken, none where there is no such file; PlanError where it is damaged."""
    path = folder / LOOKS_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PlanError(f"{path}: this file cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise PlanError(f"{path}: this is not whole JSON") from None
    rows = document.get("looks") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PlanError(f"{path}: it holds no list of looks")
    return rows

"""History as data: campaigns, and one metric of one cell over them. None: not measured, or not on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from collectors.compare.metrics import MetricName, Scale
from collectors.compare.model import Difference
from collectors.replicates import Spread

SCHEMA_VERSION: Final = 1


class Entry(NamedTuple):
    """One campaign. A tuple, since there may be very many.

    `counted` are the runs that were measured and rank, `planned` all of them. `verdicts` counts runs by verdict, and
    by outcome where they were not measured, as text: `2 valid, 1 errors`; a run may have several verdicts. Its
    intervals are corrected for so many planned `looks`.
    """

    folder: str
    created_utc: str
    campaign: str
    label: str | None
    planned: int
    recorded: int
    counted: int
    verdicts: str
    looks: int = 1

    def verdict_counts(self) -> dict[str, int]:
        """Return how many runs have which verdict or outcome."""
        parts = (part.split(" ", 1) for part in self.verdicts.split(", ") if part)
        return {kind: int(count) for count, kind in parts}


class Row(NamedTuple):
    """One recorded run as the index holds it. `load` is the load condition in words, `load_key` a digest of all of
    it; `verdicts` has all verdicts with a comma between them, `measures` the metrics in the order of METRICS."""

    service: str
    endpoint: str
    round: str
    profile: str
    loop: str
    load: str
    load_key: str
    outcome: str
    verdicts: str
    measures: tuple[float | None, ...]


class Reading(NamedTuple):
    """What was read of a folder: its entry (None where it is no campaign), its runs, and a sentence on what could not
    be read."""

    entry: Entry | None
    rows: tuple[Row, ...]
    fault: str | None


class Campaigns(NamedTuple):
    """The list of campaigns, oldest first; `faults` say what could not be read, or not be kept."""

    entries: list[Entry]
    faults: list[str]


@dataclass(frozen=True, kw_only=True)
class CellFilter:
    """Which cells are asked for; None takes all. `use` names verdicts whose runs count as well, `newest` keeps the
    last so many campaigns of each series."""

    service: str | None = None
    endpoint: str | None = None
    round: str | None = None
    profile: str | None = None
    campaign: str | None = None
    use: tuple[str, ...] = ()
    newest: int | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """One campaign's figure of a cell: median and interval of its runs that count; `left_out` counts the others by
    reason. `spread` is None where no run counts, and for a percentile where not every run that counts has one."""

    folder: str
    created_utc: str
    campaign: str
    runs: int
    spread: Spread | None
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A place where the level changed: between two campaigns, the medians of the levels before and after it, their
    ratio (difference for shares of errors), and what else differs between the two campaigns on either side of it.

    `differences` is None, and `fault` a sentence, where the environments cannot be read."""

    before: str
    after: str
    created_utc: str
    level_before: float
    level_after: float
    effect: float
    differences: tuple[Difference, ...] | None
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one cell under one load, on machines of one label, oldest campaign first. `note` says why no
    change points were looked for."""

    service: str
    endpoint: str
    round: str
    profile: str
    label: str | None
    loop: str
    load: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """One metric over time, a series for each cell and load condition."""

    schema_version: int = SCHEMA_VERSION
    metric: MetricName
    scale: Scale
    results: str
    series: tuple[Series, ...]
    faults: tuple[str, ...] = ()

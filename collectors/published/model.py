"""A published benchmark as its data file holds it, and a campaign's figures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from collectors.statistics import Ratio

SCHEMA_VERSION: Final = 1
Figure = Literal["rate", "mean", "p50", "p99", "max"]
FIGURES: Final[tuple[Figure, ...]] = ("rate", "mean", "p50", "p99", "max")
"""What is printed beside what was measured: requests per second, and latencies in microseconds."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One published value that is wrong: what was printed, what the raw output says, why."""

    row: str
    what: str
    printed: str
    correct: str
    why: str


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One row, corrected. `services` are the ids of the daemons that repeat it, the most faithful first.

    `rate_per_s` holds one value, or the least and the most where the publication gives a range. `endpoint` stands where
    it is not the table's. `note` says what the published number is worth.
    """

    name: str
    services: tuple[str, ...]
    endpoint: str | None = None
    rate_per_s: tuple[float, ...] = ()
    requests: int | None = None
    min_ms: float | None = None
    mean_ms: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    p99_9_ms: float | None = None
    max_ms: float | None = None
    duration_s: float | None = None
    errors: str | None = None
    note: str | None = None

    def figure(self, name: Figure) -> tuple[float, float] | None:
        """Return a figure as least and most (mostly the same), latencies in microseconds; None where not published."""
        if name == "rate":
            if self.rate_per_s:
                return self.rate_per_s[0], self.rate_per_s[-1]
            if self.requests is None or not self.duration_s:
                return None
            return (rate := round(self.requests / self.duration_s, 2)), rate
        value = {"mean": self.mean_ms, "p50": self.p50_ms, "p99": self.p99_ms, "max": self.max_ms}[name]
        return None if value is None else (value * 1e3, value * 1e3)


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table. It stands beside the campaign's round of the same name, loop and path, and beside no other.

    `load` is how it was measured, in words; `compared` the figure whose ratios between rows are set side by side, each
    row against the `reference` row.
    """

    title: str
    round: str
    loop: Literal["open", "closed"]
    path: Literal["link", "localhost"]
    load: str
    endpoint: str
    compared: Figure
    reference: str
    rows: tuple[PublishedRow, ...]
    corrections: tuple[Correction, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PublishedSet:
    """One publication's tables, where the figures are from, and what is wrong with all of them."""

    schema_version: int
    title: str
    source: str
    tables: tuple[PublishedTable, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One figure there and here. `there_low` and `there_high` are the same but for a published range; `here` is None
    where nothing was measured, `here_shown` is it with its marks."""

    there_low: float | None
    there_high: float | None
    here: float | None
    here_shown: str


@dataclass(frozen=True, kw_only=True)
class RowBeside:
    """One published row and the measured row that repeats it.

    `service` is None where the campaign has no daemon for it. `ratio_there` (least, most) and `ratio_here` are over the
    reference row, None for the reference itself and where either side is missing.
    """

    name: str
    service: str | None
    endpoint: str
    figures: Mapping[str, Pair]
    ratio_there: tuple[float, ...] = ()
    ratio_here: Ratio | None = None
    verdict: str
    errors_there: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class TableBeside:
    """One published table beside the campaign; `here` is the load here in words, None where it was not measured, with
    `why_not` then saying why."""

    title: str
    round: str
    there: str
    here: str | None
    why_not: str | None
    compared: Figure
    reference: str
    columns: tuple[Figure, ...]
    rows: tuple[RowBeside, ...]
    corrections: tuple[Correction, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A whole publication beside a campaign."""

    schema_version: int = SCHEMA_VERSION
    name: str
    title: str
    source: str
    tables: tuple[TableBeside, ...] = field(default_factory=tuple)
    notes: tuple[str, ...] = ()

"""A comparison as data: what was held against what, and for each cell and metric what may be claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from collectors.compare.metrics import MetricName, Scale

SCHEMA_VERSION: Final = 1
Design = Literal["interleaved", "apart"]
DeltaVerdict = Literal["faster", "slower", "no-change-shown", "equivalent", "cannot-tell"]
ComparisonOutcome = Literal["same-or-better", "worse", "invalid-runs", "not-comparable", "cannot-tell"]
EXIT: Final[Mapping[ComparisonOutcome, int]] = {
    "same-or-better": 0,
    "worse": 1,
    "invalid-runs": 2,
    "not-comparable": 3,
    "cannot-tell": 4,
}
"""The exit status that each outcome gives."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that differs between the two sides beside what is tested; None: not on record.

    `key` is what --allow takes. `never`: with it the figures mean different things, so nothing allows it.
    """

    key: str
    a: str | None
    b: str | None
    never: bool = False
    allowed: bool = False


@dataclass(frozen=True, kw_only=True)
class Delta:
    """One metric of one cell, B against A.

    `a` and `b` are medians in the metric's own unit. `effect`, `low` and `high` are ratios B / A, of errors differences
    of shares. `p` is of this comparison alone, `p_corrected` after Holm's correction for all of them. `floor` is
    the largest effect (a share of the value; of errors a share of requests) seen between identical sides, None
    where it is not known. `verdict` is None where there is none to give; `words` says it either way. `more_blocks` is
    about how many more blocks an answer would need, None where that is not known or not asked.
    """

    metric: MetricName
    name: str
    scale: Scale
    n_a: int
    n_b: int
    a: float | None = None
    b: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    floor: float | None = None
    verdict: DeltaVerdict | None = None
    words: str
    more_blocks: int | None = None


@dataclass(frozen=True, kw_only=True)
class CellCompared:
    """One cell: the same work on both sides. `left_out` counts the runs that do not count, by reason, over both sides,
    `left_out_a` and `left_out_b` on each, and `disturbed_a` and `disturbed_b` name what disturbed them from outside;
    `invalid` is a sentence where they keep the cell from being judged, and then there are no deltas."""

    round: str
    loop: str
    endpoint: str
    service_a: str
    service_b: str
    profile_a: str
    profile_b: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    left_out_a: Mapping[str, int] = field(default_factory=dict)
    left_out_b: Mapping[str, int] = field(default_factory=dict)
    disturbed_a: tuple[str, ...] = ()
    disturbed_b: tuple[str, ...] = ()
    invalid: str | None = None
    deltas: tuple[Delta, ...] = ()

    @property
    def label(self) -> str:
        """Return the cell in words."""
        service = self.service_a if self.service_a == self.service_b else f"{self.service_a} / {self.service_b}"
        return f"{service} /{self.endpoint}, {self.round}"


@dataclass(frozen=True, kw_only=True)
class CanaryCompared:
    """One canary of one machine in both campaigns, more is faster; `label` is its name in words. `ratio` is B / A, None
    where the two did other work; `changed` where the slower one is slower by more than the share `limit`."""

    machine: str
    name: str
    label: str
    unit: str
    a: float | None
    b: float | None
    ratio: float | None
    limit: float
    changed: bool


@dataclass(frozen=True, kw_only=True)
class SideNamed:
    """One side of a comparison: what stands behind it and when it was planned."""

    label: str
    directory: str
    campaign: str
    created_utc: str
    blocks: int


@dataclass(frozen=True, kw_only=True)
class FloorUsed:
    """Where the noise floor comes from; `source` is a file, `--floor`, or `assumed`. `age_days` is how long before
    the later campaign it was measured (negative: after it)."""

    source: str
    sentence: str
    created_utc: str | None = None
    age_days: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything a comparison found. `comparisons` is how many p values the correction is for, `margin` the share
    within which two figures are called equivalent. Where `outcome` is not-comparable there are no cells. `machine` is
    what the canaries say of the machines, None where nothing moved or none were measured. `looks`: for so many planned
    looks at campaigns that stop early p and intervals are corrected."""

    schema_version: int = SCHEMA_VERSION
    a: SideNamed
    b: SideNamed
    design: Design
    outcome: ComparisonOutcome
    exit_status: int
    sentence: str
    margin: float
    comparisons: int = 0
    floor: FloorUsed | None = None
    differences: tuple[Difference, ...] = ()
    invalid: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cells: tuple[CellCompared, ...] = ()
    canaries: tuple[CanaryCompared, ...] = ()
    machine: str | None = None
    looks: int = 1

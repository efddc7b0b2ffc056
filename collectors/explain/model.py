"""An explanation as data: rungs with the runs behind them, and for each metric the chain from first to last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from collectors.replicates import Spread
from collectors.statistics import Ratio

SCHEMA_VERSION: Final = 1
Metric = Literal["rate", "p99", "cpu"]
METRICS: Final[tuple[Metric, ...]] = ("rate", "p99", "cpu")


@dataclass(frozen=True, kw_only=True)
class RungRuns:
    """One rung in one round: how many runs stand behind its figures.

    `left_out` counts the runs that are not used by the reason, `disturbed` those that are used and have a verdict that
    would keep them out of a ranking, `no_p99` those whose p99 is not used. `medians` are over the used runs: requests
    per second, p99 and CPU per request in microseconds.
    """

    service: str
    factor: str | None
    planned: int
    used: int
    left_out: Mapping[str, int]
    disturbed: Mapping[str, int]
    no_p99: Mapping[str, int]
    medians: Mapping[str, Spread | None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """From one rung to the next that has figures.

    `factors` holds several where rungs between them (`skipped`) have none: their effects cannot be told apart.
    `ratio` is after / before within blocks, None where no block has both. `share` is its part of the whole on a
    logarithmic scale, None where the whole is no clear difference.
    """

    factors: tuple[str, ...]
    before: str
    after: str
    skipped: tuple[str, ...] = ()
    before_value: float
    after_value: float
    ratio: Ratio | None
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Chain:
    """One metric from the first rung that has it to the last.

    `whole` compares the two ends within blocks. `remainder` is the whole over the product of the steps, as a ratio:
    what the steps leave unexplained; with `remainder_share` the shares add up to 1. `missing` names rungs without it.
    """

    metric: Metric
    name: str
    steps: tuple[Step, ...]
    whole: Step | None
    remainder: float | None
    remainder_share: float | None
    missing: tuple[str, ...]
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RoundExplained:
    """One round of a ladder; `sentence` is its load, `notes` what must be known to read it."""

    round: str
    loop: str
    endpoint: str
    sentence: str
    rungs: tuple[RungRuns, ...]
    chains: tuple[Chain, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A ladder's results. `strict`: disturbed runs are left out as well."""

    schema_version: int = SCHEMA_VERSION
    campaign: str
    description: str
    created_utc: str
    blocks: int
    strict: bool
    interval_note: str
    rounds: tuple[RoundExplained, ...]

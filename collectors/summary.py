"""A campaign's summary as data: for each round one table, for each cell one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from collectors.canary import CanaryRow
from collectors.explain.model import Explanation
from collectors.link import LinkFigures
from collectors.memory.model import MemoryTable
from collectors.model import Errors, Finding, Latency, Verdict
from collectors.published.model import Beside
from collectors.readers.floor import Floor
from collectors.replicates import Spread
from collectors.run import Cell
from collectors.settings.model import ProfilesTable

SCHEMA_VERSION: Final = 1
LatencyLabel = Literal["latency", "service time", "backlog"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell over its replicates. None: not measured, or the sample does not support it.

    `latency` holds the figures to show: the run's own where there is one replicate, the median of the
    replicates' figures otherwise (figure by figure; distributions are not averaged). `label` says what the
    latencies are: latency from the intended send time, service time of a closed loop, or backlog of an
    overloaded run. `gaps` says which percentiles have no median, since only some replicates have requests enough for
    them. `verdict` is the text of a table's last column, `verdicts` their evidence. `several`: the campaign
    has several profiles, so that a service alone does not name a row.
    """

    cell: Cell
    runs: tuple[str, ...]
    path: str
    outcome: str
    verdict: str
    ranked: bool
    replicates: int
    rate_asked_per_s: float | None = None
    completed_per_s: Spread | None = None
    error_share: float | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    label: LatencyLabel = "latency"
    latency: Latency | None = None
    server_cpu_share: float | None = None
    server_busiest_core_share: float | None = None
    cpu_per_request_us: float | None = None
    daemon_memory_bytes: int | None = None
    reply_bytes: int | None = None
    reasons: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    several: bool = False

    @property
    def name(self) -> str:
        """Return what names the row beside its endpoint."""
        return f"{self.cell.service}, {self.cell.profile}" if self.several else self.cell.service


@dataclass(frozen=True, kw_only=True)
class Table:
    """One round: its load condition in words, its rows in the plan's order, and what must be known to read
    them."""

    round: str
    loop: str
    sentence: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A campaign's results. `outcome` is the overall verdict in one sentence, `warnings` what to know
    first, `floor` what generator and link cost by themselves. `explanation` is what a ladder's factors
    explain, `published` a publication's figures beside these; None where the campaign asks for neither. `memory` has
    the rounds that measured what open connections need, `canaries` what the machines gave before and after.
    `stopping` is why a campaign that stops early has as many blocks as it has, None where their number was fixed.
    `profile` names all profiles; `profiles` is what they change, None where there is one."""

    schema_version: int = SCHEMA_VERSION
    campaign: str
    description: str
    created_utc: str
    label: str | None
    profile: str
    dataset: str
    workers: int
    blocks: int
    seed: int
    outcome: str
    replicates_note: str
    warnings: tuple[Finding, ...]
    link_before: LinkFigures | None
    link_after: LinkFigures | None
    tables: tuple[Table, ...]
    missing_runs: tuple[str, ...] = ()
    floor: Floor | None = None
    explanation: Explanation | None = None
    published: Beside | None = None
    memory: tuple[MemoryTable, ...] = ()
    canaries: tuple[CanaryRow, ...] = ()
    profiles: ProfilesTable | None = None
    stopping: str | None = None


def errors_by_kind(errors: tuple[Errors, ...]) -> dict[str, int]:
    """Return the kinds that occurred, summed over the replicates kind by kind; different kinds are never
    added."""
    total: dict[str, int] = {}
    for each in errors:
        for kind, count in each.seen().items():
            total[kind] = total.get(kind, 0) + count
    return total

"""One run: which cell it was, how it ended, what was measured, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collectors.memory.model import RunMemory
from collectors.model import (
    PRECEDENCE,
    SCHEMA_VERSION,
    UNRANKED,
    Finding,
    LoadResult,
    MachineFigures,
    Outcome,
    Verdict,
    VerdictKind,
)
from collectors.units import DASH


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is measured: one app variant, one endpoint, one load condition, one machine profile."""

    service: str
    app: str
    variant: str
    endpoint: str
    round: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class ContractFigures:
    """What the check before the load saw: size of a reply with and without headers, and whether
    connections stay."""

    ok: bool
    requests: int | None = None
    reply_bytes: int | None = None
    body_bytes: int | None = None
    keep_alive: bool | None = None
    wait_s: float | None = None
    failure: str | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """A raw file of the run's folder, as it was when the run was recorded."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One cell in one block: the daemon restarted, alone, measured once.

    `outcome_reason` is a sentence where the outcome is not `measured`. `load_on` says on which machine the
    generator ran, `path` whether the load went over the link. `cpu_per_request_us` is the daemon's own CPU
    time per request, warm-up included on both sides of the division; None where the requests of the warm-
    up were not counted. `memory`: what the daemon held for open connections, where the round measures that.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    index: int
    block: int
    cell: Cell
    label: str
    load_on: str
    path: str
    outcome: Outcome
    outcome_reason: str | None = None
    load: LoadResult | None = None
    contract: ContractFigures | None = None
    server: MachineFigures | None = None
    client: MachineFigures | None = None
    cpu_per_request_us: float | None = None
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    command: str | None = None
    wall_s: float | None = None
    raw_files: tuple[RawFile, ...] = ()
    memory: RunMemory | None = None

    @property
    def headline(self) -> VerdictKind | None:
        """Return the verdict that heads the row, None where nothing was measured."""
        kinds = {verdict.kind for verdict in self.verdicts}
        return next((kind for kind in PRECEDENCE if kind in kinds), None)

    @property
    def kinds(self) -> tuple[VerdictKind, ...]:
        """Return all verdicts of the run in order of precedence."""
        kinds = {verdict.kind for verdict in self.verdicts}
        return tuple(kind for kind in PRECEDENCE if kind in kinds)

    @property
    def ranked(self) -> bool:
        """Say whether the run counts in a comparison."""
        return self.outcome == "measured" and bool(self.verdicts) and not UNRANKED.intersection(self.kinds)

    @property
    def shown_verdict(self) -> str:
        """Return what a table shows: the outcome where the run was not measured, else all its verdicts."""
        if self.outcome != "measured":
            return self.outcome
        return ", ".join(self.kinds) or DASH

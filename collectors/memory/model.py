"""What a daemon held with and without open connections: of one run, and of a round over its blocks."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.limits import CONNECTIONS_FOR_MEMORY
from collectors.readers.telemetry import Source
from collectors.replicates import Spread

PER = 1000
"""Growth is given for so many connections."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a daemon holds at one time, medians where there are several samples.

    `anon_bytes` is anonymous memory, each page once; `kernel_bytes` what the kernel holds for the daemon, None where it
    does not account it; `rss_bytes` counts shared pages in each process. `accepted` connections are the daemon's,
    `waiting` ones in the kernel's queue.
    """

    accepted: float
    waiting: float
    processes: float
    threads: float
    anon_bytes: float | None
    kernel_bytes: float | None
    rss_bytes: float


@dataclass(frozen=True, kw_only=True)
class RunMemory:
    """One run: without connections after the contract check, and during the second half of the load.

    `samples` is the number of looks behind `loaded`, `cost_share` the processor time that looking took, as a share of a
    core.
    """

    asked: int
    source: Source
    samples: int
    cost_share: float
    idle: Held
    loaded: Held

    @property
    def enough(self) -> bool:
        """Whether so many connections were open that growth can be told from noise."""
        return self.loaded.accepted >= CONNECTIONS_FOR_MEMORY

    @property
    def anon_growth_bytes(self) -> float | None:
        """Bytes of anonymous memory per 1,000 open connections."""
        return self._growth(self.idle.anon_bytes, self.loaded.anon_bytes)

    @property
    def kernel_growth_bytes(self) -> float | None:
        """Bytes that the kernel holds per 1,000 open connections."""
        return self._growth(self.idle.kernel_bytes, self.loaded.kernel_bytes)

    @property
    def threads_growth(self) -> float | None:
        """Threads per 1,000 open connections."""
        return self._growth(self.idle.threads, self.loaded.threads)

    def _growth(self, before: float | None, after: float | None) -> float | None:
        if before is None or after is None or not self.enough:
            return None
        return (after - before) / self.loaded.accepted * PER


@dataclass(frozen=True, kw_only=True)
class MemoryRow:
    """One daemon over its blocks; None: not measured. `remark` says what kept it from holding the connections."""

    service: str
    endpoint: str
    replicates: int
    outcome: str
    asked: int
    source: Source | None = None
    idle: Held | None = None
    loaded: Held | None = None
    anon_growth_bytes: Spread | None = None
    kernel_growth_bytes: Spread | None = None
    threads_growth: Spread | None = None
    remark: str | None = None


@dataclass(frozen=True, kw_only=True)
class MemoryTable:
    """One round that measured memory."""

    round: str
    sentence: str
    rows: tuple[MemoryRow, ...]
    notes: tuple[str, ...] = ()

"""What one process has to do: the part of the options that its engine needs, ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pacer.connection import Connection
from pacer.dispatch import PINNED
from pacer.request import Request
from pacer.schedule import Schedule
from pacer.target import Target


@dataclass(frozen=True, kw_only=True)
class Load:
    """One process's share. Times in nanoseconds; schedule is None in a closed loop."""

    target: Target
    requests: tuple[Request, ...]
    connections: int
    schedule: Schedule | None
    warmup: Schedule | None = None
    warmup_ns: int = 0
    duration_ns: int
    timeout_ns: int
    drain_ns: int | None = None     # once nothing more is begun; None: until all is answered or timed out
    dispatch: str = PINNED
    keepalive: bool = True
    connect_rate_per_s: Fraction = Fraction(1000)
    seed: int = 0
    shard: int = 0
    shards: int = 1
    sources: tuple[str, ...] = ()
    spin_ns: int = 0
    keep_seconds: bool = False      # keep each second's histograms, for a log or for merging
    connection_type: type[Connection] = Connection

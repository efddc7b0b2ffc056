"""What one call asks for, checked: everything impossible is refused here, before load, with one sentence."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pacer.errors import UsageError
from pacer.request import Request
from pacer.schedule import POISSON, Schedule, Stage
from pacer.target import Url
from pacer.units import NS_PER_S

FORMATS = ("text", "wrk2", "json")

_DESCRIPTORS_BESIDE = 64        # files open besides the connections
_MAX_PROCESSES = 256
_MAX_RATE_PER_PROCESS = 1_000_000       # ten times what one can send: more can only be a slip
_MAX_AHEAD_NS = 10_000 * 3600 * NS_PER_S    # of --t0
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, kw_only=True)
class Options:
    """One run. Times in nanoseconds."""

    command: tuple[str, ...]
    url: Url
    requests: tuple[Request, ...]
    stages: tuple[Stage, ...]           # empty in a closed loop
    arrival: str
    seed: int
    seed_given: bool
    connections: int
    processes: int
    duration_ns: int
    warmup_ns: int
    drain_ns: int | None
    timeout_ns: int
    connect_rate_per_s: Fraction
    dispatch: str
    keepalive: bool
    unix_socket: str | None
    sources: tuple[str, ...]
    tls_verify: bool
    tls_ca_file: Path | None
    shard: int                          # this machine's number, from 0
    shards: int                         # machines that share the schedule
    t0_wall_ns: int | None              # when the window opens, by the wall clock
    spin_ns: int
    cpus: tuple[int, ...]
    max_error_share: float
    format: str
    latency: bool                       # --format wrk2: show the distribution
    uncorrected: bool                   # --format wrk2: show service times as well
    json_file: Path | None
    hlog_file: Path | None
    progress: bool

    @property
    def open_loop(self) -> bool:
        """A rate was given."""
        return bool(self.stages)

    @property
    def rate_per_s(self) -> Fraction | None:
        """The mean rate over all stages, None in a closed loop."""
        schedule = self.schedule()
        return None if schedule is None else schedule.expected * NS_PER_S / schedule.duration_ns

    def schedule(self, shard: int = 0, shards: int = 1) -> Schedule | None:
        """Return the measured part of the load, or one shard of it; None in a closed loop."""
        if not self.stages:
            return None
        return Schedule(stages=self.stages, arrival=self.arrival, seed=self.seed, shard=shard, shards=shards)

    def warmup(self, shard: int = 0, shards: int = 1) -> Schedule | None:
        """Return the warm-up: the first stage's rate, drawn from the next seed."""
        if not self.stages or not self.warmup_ns:
            return None
        stage = Stage(duration_ns=self.warmup_ns, rate_per_s=self.stages[0].rate_per_s)
        return Schedule(stages=(stage,), arrival=self.arrival, seed=self.seed + 1, shard=shard, shards=shards)


def check(options: Options) -> None:
    """Refuse what cannot be done. Raises UsageError with one sentence."""
    _check_times(options)
    _check_schedule(options)
    _check_files(options)
    if options.processes > _MAX_PROCESSES:
        raise UsageError(f"{options.processes} processes are more than pacer shares a load among: at most "
                         f"{_MAX_PROCESSES}")
    if options.processes > options.connections:
        raise UsageError(f"{options.processes} processes need at least as many connections: -c is "
                         f"{options.connections}")
    if options.unix_socket is not None and options.sources:
        raise UsageError("a unix socket has no source address: leave --source-ip or --unix-socket out")
    _check_descriptors(-(-options.connections // options.processes))
    if options.unix_socket is None:
        _check_ports(options.connections, max(1, len(options.sources)))


def _check_times(options: Options) -> None:
    for name, value in (("duration", options.duration_ns), ("timeout", options.timeout_ns)):
        if value <= 0:
            raise UsageError(f"the {name} must be above 0")
    if options.t0_wall_ns is not None and options.t0_wall_ns > time.time_ns() + _MAX_AHEAD_NS:
        raise UsageError("--t0 is more than a year ahead: seconds since 1970 or 2026-01-31T12:00:00Z are meant")


def _check_files(options: Options) -> None:
    files = [path.resolve() for path in (options.json_file, options.hlog_file) if path is not None]
    if len(files) > len(set(files)):
        raise UsageError(f"--json and --hlog name the same file: {options.json_file}")


def _check_schedule(options: Options) -> None:
    schedule = options.schedule()
    if schedule is None:
        if options.arrival == POISSON:
            raise UsageError("--arrival poisson needs a rate: add -R")
        if options.shards > 1:
            raise UsageError("--shard divides a schedule, and a closed loop has none: add -R")
        return
    if schedule.expected < 1:
        raise UsageError(f"{float(schedule.expected):g} requests would be sent: rate x duration has to be at "
                         "least 1")
    if schedule.expected < options.shards:
        raise UsageError(f"{float(schedule.expected):g} requests cannot be divided by {options.shards}: "
                         "rate x duration has to be at least 1 for each machine of --shard")
    fastest = max(stage.rate_per_s for stage in options.stages)
    if fastest > _MAX_RATE_PER_PROCESS * options.processes * options.shards:
        raise UsageError(f"{float(fastest):g} requests a second are more than {options.processes * options.shards} "
                         f"x {_MAX_RATE_PER_PROCESS}: no process can send as many")
    if options.shards > 1 and options.t0_wall_ns is None:
        raise UsageError("--shard needs --t0: the machines have to agree when to begin")
    drawn = options.arrival == POISSON or len(options.requests) > 1
    if options.shards > 1 and drawn and not options.seed_given:
        raise UsageError("--shard needs --seed here: the machines have to draw the same schedule")


def _check_descriptors(connections: int) -> None:
    """Make room for the connections' descriptors, or say that there is none."""
    needed = connections + _DESCRIPTORS_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UsageError(f"{connections} connections need {needed} file descriptors, a process may have "
                         f"{hard}: raise the limit (ulimit -Hn), ask for fewer connections or more processes")
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _check_ports(connections: int, addresses: int) -> None:
    try:
        low, high = map(int, _PORT_RANGE.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return
    ports = (high - low + 1) * addresses
    if connections > ports:
        raise UsageError(f"{connections} connections need as many local ports, there are {ports} "
                         f"({_PORT_RANGE}): ask for fewer connections or add a --source-ip")


def draw_seed() -> int:
    """Return a seed for a run that was given none."""
    return int.from_bytes(os.urandom(4), "big")

"""Runs against real servers that keep a log, to be held against theory for what really happened in that very run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from pacer.histogram import Histogram
from pacer.hlog import read_log
from pacer.schedule import Schedule, Stage
from tests.pacer import theory
from tests.pacer.servers import serving
from tests.pacer.support import Ran, start, urgently
from tests.pacer.timed_servers import Log, fetch_log

S = 1_000_000_000

#: Checks by which pacer says that it could not do what it was asked for, so that its figures are not the server's.
UNFIT = {"loop_gap_max", "lag_p99_at_least"}
_ATTEMPTS = 3


@dataclass(frozen=True)
class Account:
    """A schedule, and a server's log of its requests."""

    times: list[int]                # when each request was due, from the beginning
    connections: int
    log: Log

    @cached_property
    def turns(self) -> list[tuple[int, int, int]]:
        """When each pinned request was due, came to the server, and was answered."""
        return [(due, *both) for due, both in zip(self.times, self.log.in_turn(self.connections), strict=True)]

    @cached_property
    def begin(self) -> int:
        """When the schedule began: no request comes before it is due, so that the earliest shows it."""
        return min(came - due for due, came, _done in self.turns)

    @cached_property
    def observed(self) -> list[int]:
        """Each pinned request's latency as the server saw it: from when it was due until it was answered."""
        return [done - self.begin - due for due, _came, done in self.turns]

    def stall(self) -> tuple[float, float]:
        """Return how long the server was really frozen (s), and the load as a share of what it could really do then.

        By the first of its freezes.
        """
        begin, end = self.log.freezes[0]
        waited = [done for due, _came, done in self.turns if begin <= self.begin + due < end]
        return (end - begin) / S, (max(waited) - end) / (end - begin)

    def stall_mean_s(self, period_s: float) -> float:
        """Return the right mean: theory's for what met the stall, and for the rest what the server saw."""
        frozen_s, rho = self.stall()
        rest = sum(latency for latency in self.observed if latency < 0.01 * frozen_s * S)
        return theory.stall_mean(frozen=frozen_s, period=period_s, rho=rho) + rest / len(self.observed) / S


@dataclass(frozen=True)
class Live(Account):
    """The same with what pacer says about it."""

    ran: Ran
    seconds: list[Histogram]        # corrected latencies of each second

    def within(self, share: float) -> float:
        """Return a tolerance: as given where pacer stands by its figures, five times as much where it does not.

        A valid run has to agree with theory. One that pacer itself calls client-bound, in every attempt, was made on a
        machine on which nothing could have done as theory supposes; wildly wrong it must not be even then.
        """
        return 5 * share if UNFIT.intersection(self.ran.broken()) else share


@dataclass(frozen=True)
class Plan:
    """A server and a load for it."""

    behaviour: str
    values: tuple[float, ...]
    rate: int
    seconds: int
    connections: int
    arrival: str = "uniform"
    dispatch: str = "pinned"

    @property
    def times(self) -> list[int]:
        stage = Stage(rate_per_s=Fraction(self.rate), duration_ns=self.seconds * S)
        return list(Schedule(stages=(stage,), arrival=self.arrival, seed=1).times(0))


def run_live(plans: dict[str, Plan], folder: Path) -> dict[str, Live]:
    """Run light loads all at once, each with a server of its own.

    A machine that is too busy makes pacer call a run client-bound: then it does not claim to have measured the server.
    Such runs are said on standard output and made again, three times at most; the last counts in any case, as `within`
    says.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        found = _run_once(plans, folder)
        unfit = {name: broken for name, live in found.items() if (broken := UNFIT.intersection(live.ran.broken()))}
        if not unfit:
            break
        print(f"attempt {attempt}: the machine was too busy for {unfit}")
    return found


def _run_once(plans: dict[str, Plan], folder: Path) -> dict[str, Live]:
    found = {}
    with urgently(), contextlib.ExitStack() as servers:
        running = {}
        for name, plan in plans.items():
            url = servers.enter_context(serving(plan.behaviour, *plan.values))
            running[name] = url, start(
                "--format", "json", "-R", plan.rate, "-c", plan.connections, "-d", plan.seconds, "--arrival",
                plan.arrival, "--seed", 1, "--dispatch", plan.dispatch, "--hlog", folder / name, f"{url}/")
        for name, (url, process) in running.items():
            plan, ran = plans[name], process.finish()
            assert ran.result, f"{name}: no result, status {ran.status}: {ran.err}"
            assert ran.balanced(), f"{name}: {ran.counts}"
            seconds = [interval.histogram for interval in read_log((folder / name).read_text())
                       if interval.tag == "corrected"]
            found[name] = Live(plan.times, plan.connections, fetch_log(url), ran, seconds)
    return found

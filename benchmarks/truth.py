"""Hold pacer, and what other load generators can be made to do, against theory: python -m benchmarks.truth

Every right value is worked out for what the server really did in that run, by the server's own log. Writes
benchmarks/results/truth.md and truth.json; takes about five minutes. A part of it: python -m benchmarks.truth stall
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.common import (
    RESULTS,
    Cell,
    cpu_ticks,
    machine_facts,
    now_utc,
    pinned,
    stay_awake,
    steal_share,
    with_kept,
    write_table,
)
from benchmarks.truth_tools import OTHERS, Load, NotAvailable, Pin, Told, run_pacer, versions
from pacer.histogram import Histogram
from pacer.schedule import POISSON, UNIFORM, Schedule, Stage
from tests.pacer import theory
from tests.pacer.live import Account
from tests.pacer.servers import serving
from tests.pacer.timed_servers import Log, fetch_log

S = 1_000_000_000
RATE = 1000
SEED = 1
SERVER_CPU, GENERATOR_CPU = 0, 1
TRIES = 12
EVEN_GAPS, EVEN_COUNTS = 0.3, 0.1


@dataclass
class Run:
    """One tool's run at one server."""

    told: Told
    log: Log
    steal: float

    @property
    def unfit(self) -> bool:
        """Whether pacer's own checks say that it could not send in time."""
        return bool(self.told.result.get("validity", {}).get("verdict") == "client-bound")

    def account(self, asked: Load, arrival: str = UNIFORM) -> Account:
        """Return what the server saw of a pinned schedule."""
        return Account(due_times(asked, arrival), asked.connections, self.log)


@dataclass
class Table:
    """Collects rows, and prints each as it comes."""

    part: str = ""
    rows: list[dict[str, Cell]] = field(default_factory=list)

    def add(self, test: str, tool: str, figure: str, *, right: float | None, measured: float | None, unit: str,
            run: Run | None, note: str = "") -> None:
        """Add a figure; right is None where there is only a limit, which the note says."""
        off = None if right is None or measured is None else round(100 * (measured / right - 1), 2)
        verdict = run.told.result.get("validity", {}).get("verdict") if run else None
        row: dict[str, Cell] = {
            "part": self.part, "test": test, "tool": tool, "figure": figure, "right": right, "measured": measured,
            "unit": unit,
            "difference in %": off, "steal in %": None if run is None else round(100 * run.steal, 2),
            "its own verdict": verdict, "note": note, "command": run.told.command if run else None,
            "measured at": now_utc()}
        self.rows.append(row)
        print("  ".join(f"{name}={value}" for name, value in row.items() if value not in (None, "")), flush=True)

    def missing(self, test: str, tool: str, figure: str, unit: str, why: str) -> None:
        """Add a figure that could not be had."""
        self.add(test, tool, figure, right=None, measured=None, unit=unit, run=None, note=why)


def due_times(asked: Load, arrival: str = UNIFORM) -> list[int]:
    """Return pacer's schedule."""
    stage = Stage(rate_per_s=Fraction(asked.rate), duration_ns=asked.seconds * S)
    return list(Schedule(stages=(stage,), arrival=arrival, seed=SEED).times(0))


def pin(command: list[str]) -> list[str]:
    return pinned(command, GENERATOR_CPU)


@contextmanager
def server(behaviour: str, *values: float) -> Iterator[str]:
    """Serve on a core of its own, where there are two."""
    before = os.sched_getaffinity(0)
    if len(before) > 1:
        os.sched_setaffinity(0, {SERVER_CPU})       # the server inherits it
    with serving(behaviour, *values) as url:
        os.sched_setaffinity(0, before)
        yield url


def run(behaviour: str, values: tuple[float, ...], call: Callable[[str], Told]) -> Run:
    """Run one tool at one server; again where pacer says that it was no fit generator, up to TRIES times.

    Returns the first fit run, or else the one from which the hypervisor took least.
    """
    tries: list[Run] = []
    while len(tries) < TRIES:
        tries.append(run_once(behaviour, values, call))
        if not tries[-1].unfit:
            return tries[-1]
    return min(tries, key=lambda one: one.steal)


def run_once(behaviour: str, values: tuple[float, ...], call: Callable[[str], Told]) -> Run:
    """Run one tool at one server, once."""
    with server(behaviour, *values) as url:
        before = cpu_ticks()
        told = call(url)
        steal = steal_share(before, cpu_ticks())
        return Run(told, fetch_log(url), steal)


def load(asked: Load, *options: str | int) -> Callable[[str], Told]:
    """Return how pacer is called."""
    return lambda url: run_pacer(pin, url, "-R", asked.rate, "-c", asked.connections, "-d", asked.seconds, *options)


def others(asked: Load) -> dict[str, Callable[[str], Told]]:
    """Return how each other tool is called."""
    return {name: partial(_call, call, asked) for name, call in OTHERS.items()}


def _call(call: Callable[[Pin, str, Load], Told], asked: Load, url: str) -> Told:
    return call(pin, url, asked)


# The tests.

def stall(table: Table) -> None:
    """A server frozen for 1 s of every 10 s, 1000 requests a second.

    Over 20 connections, so that those which a tool has out when the server freezes are 0.2 % of all.
    """
    test, asked, period_s = "stall 1 s in 10 s", Load(RATE, 20, 20), 10
    behaviour = (1.0, float(period_s), 5.0, 1.0)
    mine = run("freeze", behaviour, load(asked))
    frozen_s, rho = mine.account(asked).stall()
    drained = rho < 1
    note = f"rho {rho:.3f}" if drained else "the backlog was not gone before the next stall: no theory"
    for percent in ("95", "99", "99.9"):
        right_s = theory.stall_percentile(float(percent), frozen=frozen_s, period=period_s, rho=rho)
        table.add(test, "pacer", f"p{percent}", right=right_s if drained else None,
                  measured=mine.told.percentile_s(percent), unit="s", run=mine, note=note)
    right_s = mine.account(asked).stall_mean_s(period_s)
    table.add(test, "pacer", "mean", right=right_s if drained else None,
              measured=mine.told.result["latency"]["corrected"]["mean_ns"] / S, unit="s", run=mine, note=note)
    service = Histogram.decode(mine.told.result["histograms"]["service"])
    table.add(test, "pacer", "service times above 0.1 s", right=None, measured=theory.above(service, S // 10),
              unit="requests", run=mine, note=f"limit 2 x {asked.connections}: those out when it freezes")
    for name, call in others(asked).items():
        try:
            other = run("freeze", behaviour, call)
        except NotAvailable as error:
            table.missing(test, name, "p99", "s", str(error))
            continue
        begin, end = other.log.freezes[0]
        right_s = theory.stall_percentile(99, frozen=(end - begin) / S, period=period_s, rho=min(rho, 1))
        table.add(test, name, "p99", right=right_s, measured=other.told.p99_s, unit="s", run=other,
                  note="closed loop: it has no rate" if name == "wrk" else "")


def half(table: Table) -> None:
    """One of two workers frozen."""
    asked = Load(RATE, 64, 10)
    for dispatch in ("pinned", "pool"):
        ran = run("freeze", (1.0, 10.0, 5.0, 2.0), load(asked, "--dispatch", dispatch))
        begin, end = ran.log.freezes[0]
        right, note = None, f"limit 0.01 S = {0.01 * (end - begin) / S:.4f} s"
        if dispatch == "pinned":
            frozen_s, rho = ran.account(asked).stall()
            right, note = theory.stall_percentile(98, frozen=frozen_s, period=10, rho=rho), ""
        table.add("one of two workers frozen", "pacer", f"p99, {dispatch}", right=right, measured=ran.told.p99_s,
                  unit="s", run=ran, note=note)


def queue(table: Table) -> None:
    """Poisson arrivals at a server that takes 0.5 ms for each; few even ones show the network's share."""
    service_ns = 500_000
    few = run("deterministic", (service_ns / S,), load(Load(RATE // 10, 100, 5)))
    share_ms = few.told.percentile_s("50") * 1e3 - service_ns / 1e6
    alone = run("deterministic", (service_ns / S,), load(Load(RATE, 100, 5)))
    corrected = alone.told.result["latency"]["corrected"]["percentiles"]
    table.add("D/D/1, rho 0.5", "pacer", "p90 / p50", right=1.0, measured=corrected["90"] / corrected["50"], unit="1",
              run=alone, note=f"network's share {share_ms:.3f} ms")
    for rho in (0.5, 0.8):
        asked = Load(round(rho * S / service_ns), 256, 20)
        ran = run("deterministic", (service_ns / S,), load(asked, "--arrival", POISSON, "--seed", SEED))
        seen = ran.account(asked, POISSON)
        mean_ms = ran.told.result["latency"]["corrected"]["mean_ns"] / 1e6
        for right_ms, note in (
                (theory.md1_mean(service_ns, rho) / 1e6 + share_ms, "infinitely many requests"),
                (statistics.fmean(theory.stays(seen.times, service_ns)) / 1e6 + share_ms, "this very schedule"),
                (_observed_ms(seen), "what the server's log shows")):
            table.add(f"M/D/1, rho {rho}", "pacer", "mean", right=right_ms, measured=mean_ms, unit="ms", run=ran,
                      note=note)


def _observed_ms(seen: Account) -> float | None:
    """Return the mean latency by the server's log, None when not every request was answered."""
    try:
        return statistics.fmean(seen.observed) / 1e6
    except ValueError:
        return None


def overload(table: Table) -> None:
    """1.5 times what the server can do."""
    service_ns = 1_000_000
    asked = Load(round(1.5 * S / service_ns), 50, 10)
    ran = run("deterministic", (service_ns / S,), load(asked))
    answered = sorted(done for connection in ran.log.connections for _came, done in connection)
    mu = (len(answered) - 1) * S / (answered[-1] - answered[0])
    middles = [entry["p50_ns"] / S for entry in ran.told.result["series"][:asked.seconds]]
    # By the time of the answer; by the time it was due it is slope / (1 - slope).
    slope = (middles[-1] - middles[0]) / (asked.seconds - 1)
    counts = ran.told.result["counts"]
    ended = counts["ok"] + counts["http_errors"] + counts["failed"] + counts["unfinished"]
    table.add("overload 1.5 x", "pacer", "slope of latency", right=asked.rate / mu - 1, measured=slope / (1 - slope),
              unit="s/s", run=ran, note=f"books: {counts['scheduled']} scheduled, {ended} ended")


def even(table: Table) -> None:
    """How arrivals are spread at a server that notes when they come."""
    test, asked = "evenness at 1000/s", Load(RATE, 100, 10)
    gaps, counts = "coefficient of variation of gaps", "variance / mean of counts per 10 ms"
    for name, call in ({"pacer": load(asked)} | others(asked)).items():
        if name == "wrk":
            table.missing(test, name, gaps, "1", "closed loop: it has no rate")
            continue
        try:
            ran = run("record", (), call)
        except NotAvailable as error:
            table.missing(test, name, gaps, "1", str(error))
            continue
        both = theory.evenness(ran.log.came, rate=RATE)
        for figure, measured, limit in ((gaps, both[0], EVEN_GAPS), (counts, both[1], EVEN_COUNTS)):
            table.add(test, name, figure, right=None, measured=measured, unit="1", run=ran,
                      note=f"limit {limit}; median of windows of 0.5 s")
    ran = run("record", (), load(asked, "--arrival", POISSON, "--seed", SEED))
    for figure, times in (("as intended", due_times(asked, POISSON)), ("at the server", ran.log.came)):
        table.add("Poisson at 1000/s", "pacer", f"{gaps}, {figure}", right=1.0, measured=theory.gap_variation(times),
                  unit="1", run=ran, note="limit 0.95 to 1.05")


PARTS: dict[str, Callable[[Table], None]] = {
    "stall": stall, "half": half, "queue": queue, "overload": overload, "even": even}


def main() -> int:
    """Run the parts asked for; a full run writes the table to its place."""
    words = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=__doc__)
    words.add_argument("parts", nargs="*", metavar="PART",
                       help=f"only these, in place of the table's: {', '.join(PARTS)}")
    words.add_argument("--results", type=Path, default=RESULTS, help="folder for truth.md and truth.json")
    given = words.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        words.error(f"there is no part '{unknown[0]}': choose from {', '.join(PARTS)}")
    facts = machine_facts() | stay_awake() | versions()
    table = Table()
    begun = cpu_ticks()
    for part in given.parts or PARTS:
        table.part = part
        PARTS[part](table)
    facts["steal over all"] = f"{100 * steal_share(begun, cpu_ticks()):.2f} %"
    write_table(given.results / "truth.md", given.results / "truth.json", "Load generators against theory",
                with_kept(given.results / "truth.json", table.rows, list(PARTS)), facts, notes=[
                    "Right is what theory says for what the server really did in that run, by its own log.",
                    "Server and generator each had a core. Made by python -m benchmarks.truth.",
                    (f"A run that pacer itself calls client-bound is repeated, up to {TRIES} runs: the first fit one "
                     "counts, or else the one from which the hypervisor took least.")])
    return 0


if __name__ == "__main__":
    sys.exit(main())

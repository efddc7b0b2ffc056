"""What pacer costs and how exact it is: `python -m benchmarks.speed [--quick] [ROW...]`.

Everything that is compared runs in turn, A B A B, within one call. The generator is bound to CPU 0 and the server to
CPU 1. A run during which the hypervisor took more than a few per cent of the machine is repeated; every row says how
much was taken. Writes benchmarks/results/speed.md and speed.json.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.common import (
    RESULTS,
    ROOT,
    Cell,
    cpu_ticks,
    kept_awake,
    machine_facts,
    now_utc,
    show,
    steal_share,
    with_kept,
    write_table,
)
from benchmarks.speed_tools import (
    SERVER_CPU,
    CannotMeasure,
    Ran,
    bare_timer,
    commands,
    nginx,
    nginx_path,
    pacer,
    pacer_command,
    python,
    rss_bytes,
    seconds_to_connect,
    seconds_to_end,
    working_server,
    wrk_cpu_us,
)
from pacer.build import build
from pacer.nullserver import ServerProcess, fork_server

MAX_STEAL = 0.03
TRIES = 4                           # short runs and several tries find the quiet moments of a shared machine
MAX_STEAL_P99 = 0.002               # who is off the processor for 1 % of the time has that in its p99, whoever it is
TRIES_P99 = 12
WRK2_CORRECTED_P50_US = 800         # what wrk2's authors show for a server that answers at once: its 1 ms timers
ANSWER_US = 100
CLEAN_RATES = (5_000, 10_000, 15_000, 20_000)
RSS_FLAT_KB = 1024
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long to measure."""

    rounds: int
    seconds: int
    rss_seconds: int
    starts: int


FULL = Effort(rounds=5, seconds=4, rss_seconds=300, starts=20)
QUICK = Effort(rounds=2, seconds=3, rss_seconds=30, starts=5)


@dataclass(kw_only=True)
class Watch:
    """Runs measurements and looks at what the hypervisor takes meanwhile."""

    steals: list[float] = field(default_factory=list)
    repeated: int = 0

    max_steal: float = MAX_STEAL
    tries: int = TRIES

    def undisturbed(self, measure: Callable[[], T]) -> T:
        """Measure; again while too much was stolen, up to `tries` times. Returns the least disturbed."""
        tries: list[tuple[float, T]] = []
        while len(tries) < self.tries and (not tries or tries[-1][0] > self.max_steal):
            before = cpu_ticks()
            value = measure()
            tries.append((steal_share(before, cpu_ticks()), value))
        steal, value = min(tries, key=lambda one: one[0])
        self.steals.append(steal)
        self.repeated += len(tries) - 1
        return value


def row(watch: Watch, what: str, values: Sequence[float | None], unit: str, *, at_most: float | None = None,
        at_least: float | None = None) -> dict[str, Cell]:
    """Return a row: the median of the values, and whether it meets its target: not, when a run gave no value; nothing
    is said where no run was measured."""
    known = [value for value in values if value is not None]
    value = statistics.median(known) if known else None
    target = f"<= {at_most:g}" if at_most is not None else f">= {at_least:g}" if at_least is not None else None
    met = (len(known) == len(values) and value is not None
           and (at_most is None or value <= at_most) and (at_least is None or value >= at_least))
    return {"what": what, "median": value, "lowest": min(known, default=None), "highest": max(known, default=None),
            "unit": unit,
            "target": target, "met": None if target is None or not values else "met" if met else "not met",
            "runs": len(known),
            "steal, most": f"{max(watch.steals, default=0.0):.1%}", "repeated": watch.repeated}


def ratio(one: float | None, other: float | None) -> float | None:
    """Return one / other, None when either is not known."""
    return None if one is None or not other else one / other


def lag(effort: Effort) -> list[dict[str, Cell]]:
    """Schedule lag at 4000 requests a second over 64 connections, beside a bare timer's."""
    watch, bares, rans = Watch(max_steal=MAX_STEAL_P99, tries=TRIES_P99), [], []
    work_us = _work_to_answer_in(ANSWER_US)
    with working_server(work_us) as url:
        load = ("-R", 4000, "-c", 64, "-d", effort.seconds, "--warmup", 1, url)
        for _ in range(effort.rounds):
            bares.append(watch.undisturbed(lambda: bare_timer(rate=4000, seconds=effort.seconds / 4)))
            rans.append(watch.undisturbed(lambda: pacer(*load)))
    where = "at 4000/s over 64 connections"
    corrected = [ran.us("corrected", "50") for ran in rans]
    return [
        row(watch, f"schedule lag p50 {where}", [ran.us("lag", "50") for ran in rans], "us", at_most=60),
        row(watch, f"schedule lag p99 {where}", [ran.us("lag", "99") for ran in rans], "us", at_most=250),
        row(watch, "beside it: lateness of a bare timer, p50", [bare.percentile(0.5) for bare in bares], "us"),
        row(watch, "beside it: lateness of a bare timer, p99", [bare.percentile(0.99) for bare in bares], "us"),
        row(watch, "schedule lag p99 / the bare timer's",
            [ratio(ran.us("lag", "99"), bare.percentile(0.99)) for ran, bare in zip(rans, bares, strict=True)],
            "times"),
        row(watch, f"service p50 {where} (the server computes {work_us} us of it)",
            [ran.us("service", "50") for ran in rans], "us"),
        row(watch, f"corrected p50 {where}", corrected, "us"),
        row(watch, f"{WRK2_CORRECTED_P50_US} us (wrk2, published) / corrected p50",
            [ratio(WRK2_CORRECTED_P50_US, value) for value in corrected], "times", at_least=4),
        row(watch, f"CPU for one request {where}", [ran.cpu_us for ran in rans], "us"),
        row(watch, "beside it: CPU for one wake-up of a bare timer", [bare.cpu_us for bare in bares], "us"),
    ]


def _work_to_answer_in(answer_us: int) -> int:
    """Return for how long a server has to compute so that its answers take about so long, on the wire and in it."""
    with working_server(0) as url:
        at_once = pacer("-R", 1000, "-c", 64, "-d", 2, url).us("service", "50")
    return max(0, round(answer_us - at_once)) if at_once is not None else 0


def clean(effort: Effort) -> list[dict[str, Cell]]:
    """The highest rate of one process at which runs are valid by its own checks.

    Once shows that it can; in every run, that this machine also lets it.
    """
    watch = Watch()
    rans: dict[int, list[Ran]] = {rate: [] for rate in CLEAN_RATES}
    with nginx(1) as url:
        for _ in range(effort.rounds):
            for rate in CLEAN_RATES:
                load = ("-R", rate, "-c", 64, "-d", effort.seconds, "--warmup", 1, url)
                rans[rate].append(watch.undisturbed(lambda load=load: pacer(*load)))     # type: ignore[misc]
    valid = {rate: [ran.verdict == "valid" for ran in rans[rate]] for rate in CLEAN_RATES}
    rows = [row(watch, f"one process: highest rate of {CLEAN_RATES} that was clean {how}",
                [max((rate for rate in CLEAN_RATES if enough(valid[rate])), default=None)], "req/s", at_least=target)
            for how, enough, target in (("in a run", any, CLEAN_RATES[-1]), ("in every run", all, None))]
    for rate in CLEAN_RATES:
        verdicts = [ran.verdict for ran in rans[rate]]
        told = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in sorted(set(verdicts)))
        rows.append(row(watch, f"lag p99 at {rate}/s ({told})", [ran.us("lag", "99") for ran in rans[rate]], "us"))
    return rows


def scaling(effort: Effort) -> list[dict[str, Cell]]:
    """One process and its server on one CPU, against two processes and two server workers on two CPUs."""
    watch, ratios, costs, theirs = Watch(), [], [], []
    seconds = effort.seconds
    for _ in range(3 * effort.rounds):      # one round tells little: its ratio is of two runs some seconds apart
        with nginx(0) as url:
            _, wrk_one = watch.undisturbed(
                lambda url=url: wrk_cpu_us(url, connections=64, seconds=seconds))                # type: ignore[misc]
            one = watch.undisturbed(lambda url=url: pacer("-c", 64, "-d", effort.seconds, url))  # type: ignore[misc]
        with nginx(0, 1) as url:
            load = ("-c", 128, "-t", 2, "--cpu", "0,1", "-d", effort.seconds, url)
            two = watch.undisturbed(lambda load=load: pacer(*load, cpu=None))                    # type: ignore[misc]
            _, wrk_two = watch.undisturbed(
                lambda url=url: wrk_cpu_us(url, connections=128, seconds=seconds, cpus=(0, 1)))  # type: ignore[misc]
        ratios.append(ratio(two.completed_per_s, one.completed_per_s))
        costs.append(ratio(two.cpu_us, one.cpu_us))
        theirs.append(ratio(wrk_two, wrk_one))
    return [row(watch, "closed loop: two processes / one (each shares its CPU with a worker of nginx)", ratios, "times",
                at_least=1.7),
            row(watch, "beside it: the generator's CPU for one request, two processes / one", costs, "times"),
            row(watch, "beside it: the same of wrk, two threads / one", theirs, "times"),
            row(watch, "pacer's scaling / wrk's",
                [ratio(own, other) for own, other in zip(ratios, theirs, strict=True)], "times")]


def closed(effort: Effort) -> list[dict[str, Cell]]:
    """CPU time for one request as fast as it goes, against wrk and the same nginx."""
    watch, ratios, ours, theirs, rates = Watch(), [], [], [], []
    with nginx(1) as url:
        for _ in range(effort.rounds):
            ran = watch.undisturbed(lambda: pacer("-c", 64, "-d", effort.seconds, url))
            wrk_us, wrk_rate = watch.undisturbed(lambda: wrk_cpu_us(url, connections=64, seconds=effort.seconds))
            ours.append(ran.cpu_us)
            theirs.append(wrk_us)
            ratios.append(ratio(ran.cpu_us, wrk_us))
            rates.append(ran.completed_per_s / wrk_rate)
    return [row(watch, "closed loop over 64 connections, nginx: CPU for one request, pacer / wrk", ratios, "times",
                at_most=1.5),
            row(watch, "the same: pacer", ours, "us"), row(watch, "the same: wrk", theirs, "us"),
            row(watch, "the same: requests a second, pacer / wrk", rates, "times")]


def memory(effort: Effort) -> list[dict[str, Cell]]:
    """Memory at 4000 requests a second, a sample a second; growth by least squares.

    Growth is that after the first fifth, in which the histograms get their cells.
    """
    watch = Watch()
    samples: list[tuple[float, float]] = []
    with null_server() as server:
        command = pacer_command("-R", 4000, "-c", 64, "-d", effort.rss_seconds, server.url)
        begin = time.monotonic()
        before = cpu_ticks()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and time.monotonic() - begin < effort.rss_seconds - 1:
                time.sleep(1)
                samples.append((time.monotonic() - begin, rss_bytes(process.pid) / 1024))
        watch.steals.append(steal_share(before, cpu_ticks()))
    settled = samples[len(samples) // 5:]
    slope = statistics.linear_regression([at for at, _ in settled], [kb for _, kb in settled]).slope
    length = settled[-1][0] - settled[0][0]
    most = max(kb for _, kb in samples) / 1024
    return [row(watch, f"most memory in {effort.rss_seconds} s at 4000/s", [most], "MiB", at_most=40),
            row(watch, f"the same: growth from second {settled[0][0]:.0f} to {settled[-1][0]:.0f}", [slope * length],
                "KiB", at_most=RSS_FLAT_KB),
            row(watch, "the same: growth in a minute", [slope * 60], "KiB")]


def start(effort: Effort) -> list[dict[str, Cell]]:
    """Time from the start of the command to its first connection, beside an empty Python."""
    watch = Watch()
    took: dict[str, list[float]] = {"pacer, from its modules": [], "pacer.pyz, one file": [],
                                    "beside it: python -c pass": []}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        archive = Path(folder, "pacer.pyz")
        build(archive)
        modules = pacer_command("-c", 1, "-R", 10, "-d", 1, cpu=0)
        packed = [python(), str(archive), *modules[modules.index("pacer") + 1:]]
        seconds_to_connect(modules)         # once, so that the modules are compiled
        for _ in range(effort.starts):
            for name, measure in zip(took, (lambda: seconds_to_connect(modules), lambda: seconds_to_connect(packed),
                                            lambda: seconds_to_end([python(), "-c", "pass"])), strict=True):
                took[name].append(watch.undisturbed(measure))
    return [row(watch, f"start to first connection: {name}" if name.startswith("pacer") else name, values, "s",
                at_most=0.3 if name.startswith("pacer") else None) for name, values in took.items()]


def floor(effort: Effort) -> list[dict[str, Cell]]:
    """What generator and loopback cost against pacer's own null server."""
    watch, paced, fast = Watch(), [], []
    with null_server() as server:
        load = ("-c", 64, "-d", effort.seconds, server.url)
        for _ in range(effort.rounds):
            paced.append(watch.undisturbed(lambda: pacer("-R", 4000, *load)))
            fast.append(watch.undisturbed(lambda: pacer(*load)))
    rows = [row(watch, f"floor, null server: corrected p{percent} at 4000/s",
                [ran.us("corrected", percent) for ran in paced], "us") for percent in ("50", "99")]
    return [*rows, row(watch, "floor, null server: closed loop", [ran.completed_per_s for ran in fast], "req/s")]


def null_server() -> ServerProcess:
    """Start pacer's own null server on the server's CPU."""
    return fork_server(body_bytes=18, cpus=(SERVER_CPU,))


ROWS: dict[str, Callable[[Effort], list[dict[str, Cell]]]] = {
    "lag": lag, "clean": clean, "scaling": scaling, "closed": closed,
    "memory": memory, "start": start, "floor": floor,
}
NEVER_IDLE = {"scaling", "closed"}     # in a closed loop no processor that works has time to sleep
NOTES = (
    ("Written by `make benchmark` (benchmarks/speed.py). Generator on CPU 0, server on CPU 1 unless a row says "
     "otherwise; what is compared ran in turn. A target is met by the median; lowest and highest are beside it."),
    ("steal, most: the largest share of the machine that the hypervisor took during a run of the row; a run above "
     f"{MAX_STEAL:.0%} is repeated up to {TRIES - 1} times, for lag above {MAX_STEAL_P99:.1%} up to "
     f"{TRIES_P99 - 1} times, and the least disturbed is kept. repeated: how many were."),
    (f"Lag is measured against a server that answers in {ANSWER_US} us as its client sees it: it computes for what its "
     "machine leaves of that. Where an answer takes longer without any work, the service row says how long."),
    ("Two CPUs cannot hold two generators and a server apart. So scaling compares one generator that shares a CPU "
     "with one worker of nginx to two generators that share two CPUs with two workers. wrk beside it says what the "
     "machine allows: two CPUs of a guest may be two threads of one core."),
    ("Processors are kept awake (/dev/cpu_dma_latency at 0), as in a campaign, where the kernel lets this be asked; "
     "not for scaling and closed, where those that work never sleep."),
)


def main() -> int:
    """Measure, write and print; return 0 when every target was met, 1 when not, 2 when it cannot be measured."""
    grammar = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    grammar.add_argument("--quick", action="store_true", help="a short look; writes speed-quick.md and .json")
    grammar.add_argument("parts", nargs="*", metavar="PART",
                         help=f"only these, in place of the table's: {', '.join(ROWS)}")
    given = grammar.parse_args()
    unknown = [name for name in given.parts if name not in ROWS]
    if unknown:
        grammar.error(f"there is no part '{unknown[0]}': {', '.join(ROWS)}")
    if len(os.sched_getaffinity(0)) < 2:
        print("benchmarks.speed: needs two CPUs, one for the generator and one for the server", file=sys.stderr)
        return 2
    rows: list[dict[str, Cell]] = []
    try:
        facts = machine_facts() | {"effort": "quick" if given.quick else "full"} | _versions()
        for name in given.parts or ROWS:
            idle: AbstractContextManager[dict[str, str]] = nullcontext({}) if name in NEVER_IDLE else kept_awake()
            with idle as held:
                measured_rows = ROWS[name](QUICK if given.quick else FULL)
            facts |= held
            for measured in measured_rows:
                rows.append({"part": name, **measured, "measured": now_utc()})
                print("  ".join(f"{show(value)}" for value in measured.values()), flush=True)
    except CannotMeasure as obstacle:
        print(f"benchmarks.speed: {obstacle}", file=sys.stderr)
        return 2
    name = "speed-quick" if given.quick else "speed"
    write_table(RESULTS / f"{name}.md", RESULTS / f"{name}.json", "What pacer costs",
                with_kept(RESULTS / f"{name}.json", rows, list(ROWS)),
                    facts | {"commands": "; ".join(f"`{command}`" for command in commands)}, notes=NOTES)
    return 1 if any(measured["met"] == "not met" for measured in rows) else 0


def _versions() -> dict[str, str]:
    tools = {"pacer runs in": [python(), "--version"], "nginx": [nginx_path(), "-v"], "wrk": ["wrk", "-v"]}
    told = {}
    for name, command in tools.items():
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise CannotMeasure(f"{command[0]} is missing: `make benchmark` installs it") from error
        told[name] = f"{(ran.stdout + ran.stderr).splitlines()[0]} ({command[0].removeprefix(f'{ROOT}/')})"
    return told


if __name__ == "__main__":
    sys.exit(main())

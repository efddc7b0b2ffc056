"""Whether the fair daemons of apps/ are straw men: `python -m benchmarks.apps [--quick] [APP...]`.

Each fair variant is held against the plain hello-world and single query of its framework's own documentation
(benchmarks/hello/), run by the same command with one worker each. In every block both are started anew on CPU 1 and
asked in turn, in random order, by pacer in a closed loop on CPU 0, where PostgreSQL is too. Writes
benchmarks/results/apps.md and apps.json; takes about eight minutes. Exit status 1 when a fair daemon is slower.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.apps_tools import (
    ENDPOINTS,
    SIDES,
    WORKERS,
    Pair,
    cpu_ns,
    database,
    fair_services,
    obstacle,
    pair,
    prepare,
)
from benchmarks.common import (
    RESULTS,
    Cell,
    cpu_ticks,
    machine_facts,
    now_utc,
    show,
    stay_awake,
    steal_share,
    with_kept,
    write_table,
)
from benchmarks.speed_tools import CannotMeasure, pacer, python
from collectors.errors import TandemError
from collectors.plan.model import Service
from collectors.statistics import Ratio, paired_ratio

MARGIN = 0.95
SLIGHTLY = f"slower by less than {1 - MARGIN:.0%}"
CLIENT_BOUND = "no claim: client-bound"
CONNECTIONS = 8
SEED = 20150301
WARMUP_S = 0.1
TRIES = 3
COMMAND = (f"`taskset -c 0 {python()} -m pacer --format json -c {CONNECTIONS} -d SECONDS --warmup {WARMUP_S} "
           "--expect-status 200 --expect-length BYTES URL`")


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long to measure: each block starts both daemons anew."""

    blocks: int
    seconds: float


FULL = Effort(blocks=6, seconds=0.3)
QUICK = Effort(blocks=2, seconds=0.3)


@dataclass(kw_only=True)
class Seen:
    """What the blocks of one variant showed for each endpoint: pairs of (plain, fair), in requests a second and in
    CPU time for one request."""

    pairs: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    costs: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    body_bytes: dict[tuple[str, str], int] = field(default_factory=dict)
    client_bound: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    steal: float = 0.0


def measure(service: Service, environment: dict[str, str], effort: Effort, chance: random.Random) -> Seen:
    """Measure one variant and its plain counterpart in blocks."""
    seen = Seen()
    for _block in range(effort.blocks):
        with pair(service, environment) as standing:
            seen.body_bytes = standing.body_bytes
            before = cpu_ticks()
            for endpoint in chance.sample(ENDPOINTS, len(ENDPOINTS)):
                rans = {side: _asked(standing, side, endpoint, effort, seen)
                        for side in chance.sample(SIDES, len(SIDES))}
                seen.pairs[endpoint].append((rans["plain"][0], rans["fair"][0]))
                seen.costs[endpoint].append((rans["plain"][1], rans["fair"][1]))
            seen.steal = max(seen.steal, steal_share(before, cpu_ticks()))
    return seen


def _asked(standing: Pair, side: str, endpoint: str, effort: Effort, seen: Seen) -> tuple[float, float]:
    """Return the good answers a second of one side, and its CPU time for one. Raises CannotMeasure when others came.

    The CPU time holds the warm-up's, which is not among the answers: it is for comparing the two sides alone.
    """
    url, daemon = standing.urls[side, endpoint], standing.daemons[side]
    for _try in range(TRIES):
        before = cpu_ns(daemon)
        ran = pacer("-c", CONNECTIONS, "-d", effort.seconds, "--warmup", WARMUP_S, "--expect-status", 200,
                    "--expect-length", standing.body_bytes[side, endpoint], url)
        counts = ran.result["counts"]
        if counts["failed"] or counts["http_errors"]:
            raise CannotMeasure(f"{url} ({side}): {counts['failed'] + counts['http_errors']} of "
                                f"{counts['scheduled']} requests failed")
        if counts["ok"]:
            seen.client_bound[endpoint] += ran.verdict == "client-bound"
            return ran.completed_per_s, (cpu_ns(daemon) - before) / counts["ok"]
    raise CannotMeasure(f"{url} ({side}): no answer in {TRIES} runs of {effort.seconds} s: the machine is too busy")


def claim(found: Ratio, client_bound: int = 0) -> str:
    """Say what a ratio of fair to plain shows; "slower" alone is against the fair daemon. Where the generator was at
    its own limit in more than half of the runs of both sides, the ratio is of the generator with itself."""
    if client_bound > found.n:
        return CLIENT_BOUND
    if found.low is None or found.high is None:
        return "no interval"
    return _shown(found, found.low, found.high)


def _shown(found: Ratio, low: float, high: float) -> str:
    if low > 1:
        return "faster"
    if high < 1 and found.ratio < MARGIN:
        return "slower"
    if high < 1:
        return SLIGHTLY
    if low >= MARGIN:
        return "as fast"
    return "not slower within noise"


def rows_of(service: Service, seen: Seen) -> list[dict[str, Cell]]:
    """Return a row for each endpoint."""
    rows: list[dict[str, Cell]] = []
    for endpoint in ENDPOINTS:
        pairs = seen.pairs[endpoint]
        found, cost = paired_ratio(pairs), paired_ratio(seen.costs[endpoint])
        assert found is not None
        assert cost is not None
        rows.append({
            "part": service.app, "variant": service.variant, "server": service.launcher, "endpoint": f"/{endpoint}",
            "plain, req/s": statistics.median(plain for plain, _fair in pairs),
            "fair, req/s": statistics.median(fair for _plain, fair in pairs),
            "fair / plain": found.ratio, "from": found.low, "to": found.high,
            "fair is": claim(found, seen.client_bound[endpoint]),
            "CPU a request, fair / plain": cost.ratio,
            "blocks": found.n, "body, plain": seen.body_bytes["plain", endpoint],
            "body, fair": seen.body_bytes["fair", endpoint], "client-bound": seen.client_bound[endpoint],
            "steal, most": f"{seen.steal:.1%}", "measured": now_utc()})
    return rows


NOTES = (
    ("Written by `python -m benchmarks.apps` (benchmarks/apps.py). plain: the hello-world, and a single query, as the "
     "framework's and the driver's own documentation write them (benchmarks/hello/). fair: the variant of apps/ that "
     f"campaigns measure. Both by the same command, {WORKERS} worker each, the same pool, and started anew in each "
     "block on CPU 1; PostgreSQL and pacer, in a closed loop, on CPU 0."),
    ("fair / plain: Hodges and Lehmann's estimate over the blocks, from and to its 95 % interval. faster: the interval "
     f"lies above 1. slower: it ends below 1, and the ratio is below {MARGIN}; {SLIGHTLY}: it "
     f"ends below 1, and the ratio is not. as fast: it holds 1 and lies above {MARGIN}. Otherwise the fair one is not "
     "slower within the noise of this run, and nothing "
     f"more is shown. {CLIENT_BOUND}: pacer was at its own limit in more than half of the runs. CPU a request: of the "
     "daemons alone, without PostgreSQL's."),
    ("Both answer the same value. body: how many bytes of JSON they use for it; Starlette and FastAPI write no spaces, "
     "Flask none but one newline. A fair daemon writes as the standard library does, so that all have equal bodies."),
    ("client-bound: runs in which pacer was at its own limit or was held up; steal, most: the largest "
     "share of the machine that the hypervisor took in a block."),
)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, write and print; return 0, 1 when a fair daemon is slower, 2 when it cannot be measured."""
    try:
        services = fair_services()
    except TandemError as wrong:
        print(f"benchmarks.apps: {wrong}", file=sys.stderr)
        return 2
    parts = list(dict.fromkeys(service.app for service in services))
    grammar = argparse.ArgumentParser(prog="python -m benchmarks.apps", description=__doc__)
    grammar.add_argument("--quick", action="store_true", help="a short look; writes apps-quick.md and .json")
    grammar.add_argument("parts", nargs="*", metavar="APP",
                         help=f"only these, in place of the table's: {', '.join(parts)}")
    given = grammar.parse_args(words)
    unknown = [name for name in given.parts if name not in parts]
    if unknown:
        grammar.error(f"there is no fair variant of '{unknown[0]}': {', '.join(parts)}")
    if len(os.sched_getaffinity(0)) < 2:
        print("benchmarks.apps: needs two CPUs, one for the generator and one for the daemons", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that no daemon is left behind
    wanted = [(service, obstacle(service)) for service in services if service.app in (given.parts or parts)]
    effort = QUICK if given.quick else FULL
    try:
        facts = machine_facts() | stay_awake() | {"effort": f"{effort.blocks} blocks, {effort.seconds} s each time"}
        rows = _rows([service for service, reason in wanted if reason is None], effort)
    except CannotMeasure as missing:
        print(f"benchmarks.apps: {missing}", file=sys.stderr)
        return 2
    name = "apps-quick" if given.quick else "apps"
    left_out = [f"{service.id} is left out: {reason}." for service, reason in wanted if reason]
    facts["command"] = COMMAND
    write_table(RESULTS / f"{name}.md", RESULTS / f"{name}.json", "Fair daemons against plain ones",
                with_kept(RESULTS / f"{name}.json", rows, parts), facts, notes=[*NOTES, *left_out])
    return 1 if any(row["fair is"] == "slower" for row in rows) else 0


def _rows(services: Sequence[Service], effort: Effort) -> list[dict[str, Cell]]:
    for service in services:
        prepare(service)
    chance, rows = random.Random(SEED), []
    with database() as environment:
        for service in services:
            measured = rows_of(service, measure(service, environment, effort, chance))
            for row in measured:
                print("  ".join(show(value) for value in row.values()), flush=True)
            rows += measured
    return rows


if __name__ == "__main__":
    sys.exit(main())

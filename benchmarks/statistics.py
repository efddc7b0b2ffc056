"""How often `tandem compare` is wrong, and how fast a large campaign is read: python -m benchmarks.statistics

Campaigns are simulated with noise whose law is known (benchmarks/noise_model.py) and judged by the code that judges
real ones. Writes benchmarks/results/statistics.md and statistics.json; takes some ten minutes. Exit status 1 where a
limit is not kept.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from benchmarks.common import RESULTS, Cell, machine_facts, show, with_kept, write_table
from benchmarks.large_campaign import make
from benchmarks.noise_model import (
    ALIKE,
    BASE,
    MIXED,
    PLAIN,
    RISING,
    SKEWED,
    Noise,
    Tally,
    apart,
    compared,
    floor_of,
    interleaved,
    true_ratio,
)
from benchmarks.stopping_model import Stop, add_stopped
from collectors.compare.compute import ASSUMED_APART
from collectors.compare.floor import POWER, detectable
from collectors.compare.metrics import MetricName
from collectors.compare.model import Design
from collectors.results import ResultsFolder
from collectors.summarise import summarise

CAMPAIGNS: Final = 1000
FALSE_ALARMS: Final = 0.05
COVERAGE: Final = (0.93, 0.97)
FOUND: Final = 0.90
SLOWER: Final = 1 / 0.95 - 1                            # so much longer for each request: 5 % fewer of them a second
RUNS: Final = (250, 500, 1000)
SUMMARISED_S: Final = 5.0
LINEAR: Final = 1.5
ALL: Final[tuple[MetricName, ...]] = tuple(BASE)
ONE: Final[tuple[MetricName, ...]] = ("rate",)
FEWEST: Final = 6
"""Blocks of which no interval can have 95 %: it has 96.9 %, and 1,000 of them scatter beyond what the others keep."""
FOOLED: Final = 0.07
"""False alarms, at least, of whoever looks five times without a correction and stops at the first change."""
CLAIMED: Final = POWER - 3 * math.sqrt(POWER * (1 - POWER) / CAMPAIGNS)
"""Three standard errors of so many campaigns below what tandem noise says is found."""
POWERS: Final[tuple[tuple[int, Design], ...]] = ((6, "interleaved"), (10, "interleaved"), (6, "apart"), (30, "apart"))
PARTS: Final = ("false alarms", "drift", "slowdown", "power", "stopping", "reading")
DRAWN: Final = {interleaved: "interleaved", apart: "apart"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of campaign. `floor` is none, the one that is assumed where none was measured, or one that is measured
    under the same law first (24 blocks of 4 cells). Limits that are None are not to be kept: the figure is told."""

    part: str
    noise: str
    law: Noise
    design: Design
    blocks: int = 10
    cells: int = 4
    metrics: tuple[MetricName, ...] = ALL
    slowdown: float = 0.0
    floor: Literal["none", "assumed", "measured"] = "none"
    alarms_most: float | None = None
    alarms_least: float | None = None
    covered: bool = False
    found_least: float | None = None
    covered_least: float | None = None
    stop: Stop | None = None


_COLUMNS: Final = (
    "False alarms: campaigns of identical sides in which any change was claimed, after correction. Coverage: 95 % "
    "intervals that held the true ratio, which they do not where a drift is taken for an effect; those of 6 blocks "
    "have 96.9 % by theory. Found: campaigns in which B, slowed so that it serves so many percent fewer requests a "
    "second, was called worse."
)
_SIDES: Final = (
    "Apart: all of A, then all of B. A floor, where there is one, was measured by a simulated noise campaign of 24 "
    "blocks and 4 cells under the same law: a longer time than the compared campaigns take. Power: the smallest "
    "slowdown that tandem noise says is found in 90 %. Made by python -m benchmarks.statistics."
)
_STOPPING: Final = (
    "Stopping: campaigns of at most 30 blocks, looked at up to five times, that stop as soon as the interval of p99 is "
    "narrow enough in every cell; the second rule stops as well as soon as a change is claimed. Corrected: each look's "
    "intervals and p values for five looks, as those of real campaigns are. Not corrected: what it is for. Rows of "
    "medians: the coverage is that of the intervals of each side's median."
)
NOTES: Final = (_COLUMNS, _SIDES, _STOPPING)
SKEW: Final = "skewed, autocorrelated, with outliers"
NORMAL: Final = "normal, CV 3 %"
TAIL: Final = "exponential tail, CV 3 %"
DRIFTING: Final = "exponential tail and drift, CV 3 %"
WARMER: Final = "normal, CV 1 %, and 0.2 % slower with each run"

CASES: Final = (
    *(
        Case(part="false alarms", noise=SKEW, law=SKEWED, design="interleaved", blocks=blocks, cells=cells,
             metrics=metrics, alarms_most=FALSE_ALARMS, covered=blocks > FEWEST)
        for blocks, cells, metrics in ((6, 1, ONE), (8, 1, ALL), (10, 1, ALL), (10, 4, ALL), (20, 4, ALL))
    ),
    Case(part="false alarms", noise=NORMAL, law=PLAIN, design="interleaved", alarms_most=FALSE_ALARMS, covered=True),
    Case(part="false alarms", noise=NORMAL, law=PLAIN, design="apart", alarms_most=FALSE_ALARMS, covered=True),
    Case(part="false alarms", noise=TAIL, law=ALIKE, design="apart", alarms_most=FALSE_ALARMS, covered=True),
    Case(part="drift", noise=WARMER, law=RISING, design="apart", alarms_least=0.5),
    Case(part="drift", noise=WARMER, law=RISING, design="apart", floor="measured"),
    Case(part="drift", noise=WARMER, law=RISING, design="interleaved", alarms_most=FALSE_ALARMS, covered=True),
    Case(part="drift", noise=SKEW, law=SKEWED, design="apart"),
    Case(part="drift", noise=SKEW, law=SKEWED, design="apart", floor="assumed"),
    Case(part="drift", noise=SKEW, law=SKEWED, design="apart", floor="measured"),
    Case(part="slowdown", noise=NORMAL, law=PLAIN, design="interleaved", cells=1, metrics=ONE, slowdown=SLOWER,
         found_least=FOUND),
    Case(part="slowdown", noise=NORMAL, law=PLAIN, design="apart", cells=1, metrics=ONE, slowdown=SLOWER,
         found_least=FOUND),
    Case(part="slowdown", noise=DRIFTING, law=MIXED, design="interleaved", cells=1, metrics=ONE, slowdown=SLOWER,
         found_least=FOUND),
    Case(part="slowdown", noise=TAIL, law=ALIKE, design="interleaved", cells=1, metrics=ONE, slowdown=SLOWER),
    Case(part="slowdown", noise=SKEW, law=SKEWED, design="interleaved", cells=1, metrics=ONE, slowdown=SLOWER),
    *(
        Case(part="slowdown", noise=NORMAL, law=PLAIN, design="interleaved", blocks=blocks, cells=cells,
             slowdown=SLOWER)
        for blocks, cells in ((10, 1), (15, 1), (10, 4))
    ),
    Case(part="slowdown", noise=NORMAL, law=PLAIN, design="apart", cells=1, slowdown=SLOWER, floor="measured"),
    *(
        Case(part="slowdown", noise=NORMAL, law=PLAIN, design="apart", cells=1, slowdown=slowdown, floor="assumed")
        for slowdown in (SLOWER, 1 / 0.9 - 1)
    ),
    Case(part="slowdown", noise=NORMAL, law=PLAIN, design="interleaved", cells=1, metrics=ONE, slowdown=SLOWER,
         floor="measured"),
    *(
        Case(part="power", noise=NORMAL, law=PLAIN, design=design, blocks=blocks, cells=1, metrics=ONE,
             slowdown=math.expm1(detectable(math.sqrt(2) * PLAIN.normal, 0.0, blocks, design)), found_least=CLAIMED)
        for blocks, design in POWERS
    ),
    *(
        Case(part="stopping", noise=SKEW, law=SKEWED, design="interleaved", cells=1, metrics=ONE,
             stop=Stop(below=0.05, least=6, most=30, corrected=corrected, peeks=peeks), covered_least=covered_least,
             alarms_most=FALSE_ALARMS if corrected else None, alarms_least=FOOLED if peeks and not corrected else None)
        for peeks, corrected, covered_least in (
            (False, True, COVERAGE[0]), (False, False, None), (True, True, COVERAGE[0]), (True, False, None)
        )
    ),
    *(
        Case(part="stopping", noise=NORMAL, law=PLAIN, design="interleaved", cells=1, metrics=ONE,
             stop=Stop(below=0.05, least=6, most=30, corrected=corrected, medians=True), covered_least=covered_least)
        for corrected, covered_least in ((True, COVERAGE[0]), (False, None))
    ),
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="How often tandem compare is wrong.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS, help="simulated campaigns for each row")
    args = parser.parse_args(argv)
    wanted = args.parts or PARTS
    rows: list[dict[str, Cell]] = []
    for number, case in enumerate(CASES):
        if case.part in wanted:
            rows.append(row_of(case, tally(case, args.campaigns, seed=number)))
            print(" | ".join(show(value) for value in rows[-1].values()), flush=True)
    if "reading" in wanted:
        rows += reading()
    path = RESULTS / "statistics.json"
    every = with_kept(path, rows, PARTS)
    title = "Comparisons against simulated truth"
    write_table(RESULTS / "statistics.md", path, title, every, machine_facts(), notes=NOTES)
    return 1 if any(row["kept"] == "NO" for row in rows) else 0


def tally(case: Case, campaigns: int, *, seed: int) -> Tally:
    """Simulate and judge so many campaigns."""
    source, found = random.Random(seed), Tally()
    share = ASSUMED_APART if case.floor == "assumed" else None
    draw = next(each for each, design in DRAWN.items() if design == case.design)
    for _ in range(campaigns):
        floors = floor_of(case.law, source, blocks=24, cells=4) if case.floor == "measured" else ()
        blocks = case.stop.most if case.stop else case.blocks
        cells = draw(case.law, source, blocks=blocks, cells=case.cells, slowdown=case.slowdown)
        if case.stop is not None:
            found.blocks += add_stopped(found, cells, case.stop, case.metrics)
            continue
        deltas = compared(cells, case.design, metrics=case.metrics, floors=floors, share=share)
        found.add(deltas, true_ratio(case.slowdown))
    return found


def row_of(case: Case, found: Tally) -> dict[str, Cell]:
    """Return what came out as a row of the table."""
    limits = []
    kept = True
    changed = case.slowdown > 0
    told = not changed and not (case.stop and case.stop.medians)
    if case.alarms_most is not None:
        limits.append(f"false alarms at most {case.alarms_most:.0%}")
        kept &= found.alarm_share <= case.alarms_most
    if case.alarms_least is not None:
        limits.append(f"fooled, to show it: at least {case.alarms_least:.0%}")
        kept &= found.alarm_share >= case.alarms_least
    if case.covered:
        limits.append(f"coverage {COVERAGE[0]:.0%} to {COVERAGE[1]:.0%}")
        kept &= COVERAGE[0] <= found.coverage <= COVERAGE[1]
    if case.covered_least is not None:
        limits.append(f"coverage at least {case.covered_least:.0%}")
        kept &= found.coverage >= case.covered_least
    if case.found_least is not None:
        limits.append(f"found at least {case.found_least:.0%}")
        kept &= found.worse_share >= case.found_least
    return {
        "part": case.part,
        "slowdown in %": round(100 * case.slowdown / (1 + case.slowdown), 1) if changed else None,
        "noise": case.noise,
        "sides": f"{case.design}, {case.stop.words}" if case.stop else case.design,
        "blocks": f"{found.blocks / found.campaigns:.1f} on average" if case.stop else case.blocks,
        "comparisons": case.cells * len(case.metrics),
        "floor": case.floor,
        "campaigns": found.campaigns,
        "false alarms in %": round(100 * found.alarm_share, 1) if told else None,
        "coverage in %": round(100 * found.coverage, 1),
        "found in %": round(100 * found.worse_share, 1) if changed else None,
        "seconds": None,
        "limit": "; ".join(limits) or None,
        "kept": ("yes" if kept else "NO") if limits else None,
    }


def reading() -> list[dict[str, Cell]]:
    """Measure how long campaigns of several sizes take to summarise, in turn."""
    with tempfile.TemporaryDirectory() as place:
        folders = {count: make(Path(place) / str(count), count) for count in RUNS}
        spent = {count: min(timed(folder) for _ in range(3)) for count, folder in folders.items()}
    slope = (spent[RUNS[-1]] / spent[RUNS[0]]) / (RUNS[-1] / RUNS[0])
    rows: list[dict[str, Cell]] = []
    for count, seconds in spent.items():
        last = count == RUNS[-1]
        kept = not last or (seconds <= SUMMARISED_S and slope <= LINEAR)
        limit = f"{SUMMARISED_S:g} s, and at most {LINEAR:g} times what {RUNS[0]} runs take for each run ({slope:.2f})"
        values: dict[str, Cell] = {"noise": f"{count} runs summarised", "seconds": round(seconds, 2), "part": "reading"}
        values |= {"limit": limit if last else None, "kept": ("yes" if kept else "NO") if last else None}
        rows.append({key: values.get(key) for key in row_of(CASES[0], _nothing())})
        print(" | ".join(show(value) for value in rows[-1].values()), flush=True)
    return rows


def timed(folder: Path) -> float:
    """Return the processor seconds that summarising takes: what others take of the machine is not in them."""
    before = time.process_time()
    summarise(ResultsFolder(folder))
    return time.process_time() - before


def _nothing() -> Tally:
    return Tally(campaigns=1, intervals=1)


if __name__ == "__main__":
    sys.exit(main())

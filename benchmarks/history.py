"""How fast `tandem history` lists, and how often its change points are wrong: python -m benchmarks.history

Series are simulated with noise whose law is known (benchmarks/noise_model.py). Writes benchmarks/results/history.md
and history.json; takes some five minutes on an idle machine. Exit status 1 where a limit is not kept.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.common import RESULTS, ROOT, Cell, machine_facts, show, stay_awake, with_kept, write_table
from benchmarks.history_folders import campaigns_of_runs, listed_campaigns
from benchmarks.noise_model import ALIKE, PLAIN, SKEWED, Noise
from collectors.history.changes import change_places

SERIES: Final = 1000
LISTED_S: Final = 2.0
LINEAR: Final = 1.5
ENTRIES: Final = (20_000, 60_000, 100_000)
RUNS_OF_METRIC: Final = (100_000, 300_000, 500_000)
TURNS: Final = 9
"""The least of so many counts: two thirds of the time are the command's start, and what is looked at is the rest."""
RUNS: Final = (1_000, 2_000, 3_000)
FALSE: Final = 0.05
FOUND: Final = 0.90
PARTS: Final = ("listing", "one metric", "reading", "noise alone", "a change")
COLUMNS: Final = (
    "part", "case", "size", "series", "false alarms in %", "found in %", "CPU seconds", "limit", "kept",
)  # fmt: skip
NOTES: Final = (
    ("Listing: `tandem history` as a command of its own, its start, a look at every folder and the printing included; "
    "size: campaigns. One metric, reading: size: runs; reading makes the index of campaigns of 1,000 runs anew. CPU "
    f"seconds of the process: what others take of the machine is not in them; the best of {TURNS}."),
    ("Noise alone: series without a change in which one was named. A change: the level moves in the middle of the "
    "series; found where a change was named at most one campaign beside it. Size: campaigns of the series. Made by "
    "python -m benchmarks.history."),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of series. `step` is by how much the level moves; limits that are None are told, not to be kept."""

    name: str
    law: Noise
    size: int
    step: float = 0.0
    decimals: int | None = None
    limit: float | None = None


CASES: Final = (
    *(
        Case(name=name, law=law, size=size, limit=FALSE)
        for size in (10, 20, 50, 100, 300)
        for name, law in (("normal, CV 3 %", PLAIN), ("exponential tail, CV 3 %", ALIKE))
    ),
    Case(name="normal, CV 3 %, rounded so that most are equal", law=PLAIN, size=50, decimals=1, limit=FALSE),
    Case(name="one in 20 is 1.2 to 2 times as much", law=Noise(normal=0.03, outliers=0.05), size=50, limit=FALSE),
    Case(name="each keeps 90 % of the last one's drift", law=SKEWED, size=50),
    Case(name="10 % more, CV 3 %", law=PLAIN, size=10, step=0.1),
    Case(name="10 % more, CV 3 %", law=PLAIN, size=20, step=0.1, limit=FOUND),
    Case(name="10 % more, exponential tail, CV 3 %", law=ALIKE, size=20, step=0.1, limit=FOUND),
    Case(name="5 % more, CV 3 %", law=PLAIN, size=20, step=0.05),
    Case(name="5 % more, CV 1 %", law=Noise(normal=0.01), size=20, step=0.05, limit=FOUND),
    Case(name="5 % more, CV 3 %", law=PLAIN, size=100, step=0.05),
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="How fast tandem history lists, and how often it is wrong.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--series", type=int, default=SERIES, help="simulated series for each row")
    args = parser.parse_args(argv)
    wanted = args.parts or PARTS
    facts = machine_facts() | stay_awake()
    measures = {"listing": listing, "one metric": one_metric, "reading": reading}
    rows = [row for part, measure in measures.items() if part in wanted for row in measure()]
    for number, case in enumerate(CASES):
        part = "a change" if case.step else "noise alone"
        if part in wanted:
            rows.append(simulated(part, case, args.series, seed=number))
    path = RESULTS / "history.json"
    every = with_kept(path, rows, PARTS)
    title = "History: listing, and change points against simulated truth"
    write_table(RESULTS / "history.md", path, title, every, facts, notes=NOTES)
    return 1 if any(row["kept"] == "NO" for row in rows) else 0


def listing() -> list[dict[str, Cell]]:
    """Measure the list of so many campaigns, the sizes in turn."""
    with tempfile.TemporaryDirectory() as place:
        folders = {size: listed_campaigns(Path(place) / str(size), size) for size in ENTRIES}
        return timed("listing", "campaigns listed", folders, lambda size: size + 1, limit_s=LISTED_S)


def one_metric() -> list[dict[str, Cell]]:
    """Measure one metric of every cell, among so many runs in campaigns of 50 runs each."""
    with tempfile.TemporaryDirectory() as place:
        folders = {size: listed_campaigns(Path(place) / str(size), size // 50, runs=50) for size in RUNS_OF_METRIC}
        options = ("--metric", "p99", "--last", "100")
        return timed("one metric", "ten cells of five in 50 runs", folders, lambda _: 0, options=options)


def reading() -> list[dict[str, Cell]]:
    """Measure how long the index of recorded campaigns takes to make."""
    with tempfile.TemporaryDirectory() as place:
        folders = {size: campaigns_of_runs(Path(place) / str(size), size) for size in RUNS}
        lines = {size: size // 1000 + 1 for size in RUNS}
        return timed("reading", "index made anew", folders, lines.__getitem__, options=("--rebuild",))


def timed(
    part: str, case: str, folders: dict[int, Path], lines: Callable[[int], int], *, options: Sequence[str] = (),
    limit_s: float | None = None,
) -> list[dict[str, Cell]]:  # fmt: skip
    """Run the command in each folder, in turn and TURNS times; the largest has the limits. `lines` says how many are
    printed, 0 for any number."""
    spent = {size: min(times) for size, times in _by_turns(folders, lines, options).items()}
    small, middle, large = sorted(folders)
    first, last = ((spent[b] - spent[a]) / (b - a) for a, b in ((small, middle), (middle, large)))
    slope = last / first if first > 0 else math.inf
    rows = []
    for size, seconds in spent.items():
        limit = f"each beyond {middle} at most {LINEAR:g} times the time of each up to it ({slope:.2f})"
        kept = slope <= LINEAR
        if limit_s is not None:
            limit, kept = f"{limit_s:g} s, and {limit}", kept and seconds <= limit_s
        values: dict[str, Cell] = {"part": part, "case": case, "size": size, "CPU seconds": round(seconds, 2)}
        values |= {"limit": limit, "kept": "yes" if kept else "NO"} if size == large else {}
        rows.append(_row(values))
    return rows


def _by_turns(
    folders: dict[int, Path], lines: Callable[[int], int], options: Sequence[str]
) -> dict[int, list[float]]:
    times: dict[int, list[float]] = {size: [] for size in folders}
    for _ in range(TURNS):
        for size, folder in folders.items():
            seconds, printed = _command(("history", str(folder), *options))
            if lines(size) not in {0, printed}:
                raise SystemExit(f"{folder}: {printed} lines were printed, {lines(size)} were due")
            times[size].append(seconds)
            print(f"tandem history over {size}: {seconds:.2f} s of CPU time", file=sys.stderr, flush=True)
    return times


def _command(arguments: Iterable[str]) -> tuple[float, int]:
    """Run tandem with these arguments and return its CPU seconds and how many lines it printed."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([sys.executable, "-m", "collectors", *arguments], stdout=out, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"tandem {' '.join(arguments)} ended with {process.returncode}")
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, out.read().count(b"\n")


def simulated(part: str, case: Case, series: int, *, seed: int) -> dict[str, Cell]:
    """Simulate so many series and count those in which a change was named: any, or the one there is."""
    source, hits, middle = random.Random(seed), 0, case.size // 2
    for _ in range(series):
        places = change_places(drawn(case, source))
        hits += any(abs(place - middle) <= 1 for place in places) if case.step else bool(places)
    share = hits / series
    if case.step:
        values: dict[str, Cell] = {"found in %": round(100 * share, 1)}
        limit, kept = f"found at least {FOUND:.0%}", share >= FOUND
    else:
        values = {"false alarms in %": round(100 * share, 1)}
        limit, kept = f"false alarms at most {FALSE:.0%}", share <= FALSE
    values |= {"part": part, "case": case.name, "size": case.size, "series": series}
    return _row(values | ({"limit": limit, "kept": "yes" if kept else "NO"} if case.limit is not None else {}))


def drawn(case: Case, source: random.Random) -> list[float]:
    """Return one series."""
    noise = case.law.runs(source)
    logs = [next(noise) + (math.log1p(case.step) if place >= case.size // 2 else 0.0) for place in range(case.size)]
    values = [10 * math.exp(value) for value in logs]
    return values if case.decimals is None else [round(value, case.decimals) for value in values]


def _row(values: dict[str, Cell]) -> dict[str, Cell]:
    row = {column: values.get(column) for column in COLUMNS}
    print(" | ".join(show(value) for value in row.values()), flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())

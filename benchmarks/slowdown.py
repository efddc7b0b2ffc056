"""Whether `tandem compare` finds a slowdown of known size on the lab, and nothing between identical daemons:
python -m benchmarks.slowdown [--blocks N] [--seconds S] [--same N] [--into NAME] [--use VERDICT] [--analyse FOLDER]

One campaign holds identical daemons and two slowed by a busy loop of 5 % and 10 % of the CPU time that a request
takes, which a short campaign before it measures. Writes benchmarks/results/slowdown.md and slowdown.json; takes about
20 minutes on the lab, as root. Exit status 1 where most comparisons do not find the slower of the two, 2 where
nothing could be measured.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.common import RESULTS, ROOT, Cell, machine_facts, now_utc, show, write_table
from benchmarks.slowdown_lab import APP, SAME, SLOWER, Effort, measure
from benchmarks.speed_tools import CannotMeasure
from collectors.compare.compute import Options, compare_sides
from collectors.compare.judge import LEAST_PER_SIDE
from collectors.compare.metrics import METRICS, MetricName, value_of
from collectors.compare.model import Comparison, Delta
from collectors.compare.sides import USABLE, why_left_out, within
from collectors.errors import TandemError
from collectors.load_runs import load_runs
from collectors.plan.constants import BLOCKS_MAX
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.statistics import ratio_by_block

CLAIMS: Final = ("faster", "slower")
SHOWN: Final[tuple[MetricName, ...]] = ("rate", "p50", "cpu")
"""What a busy loop changes in a closed loop. p99 is of the few that waited longest, and nothing fails."""
COLUMNS: Final = (
    "part", "A", "B", "metric", "pairs", "B / A", "from", "to", "claimed", "verdict", "blocks it took", "alone",
)  # fmt: skip
NOTES: Final = (
    ("Written by `python -m benchmarks.slowdown`. All daemons are one program with one worker on the server of the "
     "virtual lab, under several names, in one campaign: each block restarts and measures every one of them once, in "
     "random order, in a closed loop of wrk over the link. same: no busy loop. slow: an empty loop before each "
     "answer, of a number of turns that was calibrated to be 5 % or 10 % of the CPU time of a request; what it came "
     "to is measured, not assumed, and stands below the table."),
    ("Each pair is judged by itself, as `tandem compare FOLDER --services A B` does: corrected for the metrics of "
     "that pair, so that something is claimed by chance in at most one pair of 20. The pairs of identical daemons "
     "share their runs: seven daemons make 21 pairs, and one odd daemon is in six of them, so these are not 21 "
     "independent trials."),
    ("pairs: how many comparisons the row is of; of several, B / A is the median, from and to are the lowest and "
     "highest end of their 95 % intervals. claimed: in how many something was claimed (faster or slower, less or more "
     "CPU, fewer or more errors), for slow ones in how many the slowdown was. blocks it took: the first number of "
     "blocks after which `tandem compare` says so, all metrics asked at once; alone: asked for that metric only "
     "(`--metric`); of several the fewest, the median and the most, of those that found it. Looking after each block "
     "and stopping at the first claim would raise the false alarms; these numbers are read afterwards."),
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A campaign's runs, and how they are compared. The daemons are named without the app."""

    folder: ResultsFolder
    runs: tuple[Run, ...]
    options: Options

    @property
    def same(self) -> tuple[str, ...]:
        """The identical daemons."""
        return tuple(name for name in SAME if f"{APP}-{name}" in self.folder.plan.services)

    @property
    def blocks(self) -> int:
        """How many blocks were planned."""
        return self.folder.plan.blocks

    def compared(self, a: str, b: str, *, blocks: int | None = None, metrics: Sequence[MetricName] = ()) -> Comparison:
        """Hold two daemons against each other over the first so many blocks, all unless told."""
        last = self.blocks if blocks is None else blocks
        sides = [within(self.folder, self.runs, "service", f"{APP}-{name}") for name in (a, b)]
        one, other = (
            replace(side, planned=tuple(run for run in side.planned if run.block <= last),
                    runs=tuple(run for run in side.runs if run.block <= last))
            for side in sides
        )  # fmt: skip
        return compare_sides(one, other, "service", replace(self.options, metrics=metrics))

    def took(self, a: str, b: str, metric: MetricName, *, alone: bool) -> int | None:
        """Return the first number of blocks after which B is called slower than A; None where it never is."""
        asked = (metric,) if alone else ()
        for blocks in range(LEAST_PER_SIDE, self.blocks + 1):
            if _verdict(self.compared(a, b, blocks=blocks, metrics=asked), metric) == "slower":
                return blocks
        return None

    def values(self, name: str, metric: MetricName) -> dict[int, float]:
        """Return a daemon's figures by block, of the runs that count."""
        own = (run for run in self.runs if run.cell.service == f"{APP}-{name}")
        kept = ((run.block, value_of(run, metric)) for run in own if why_left_out(run, self.options.use) is None)
        return {block: value for block, value in kept if value is not None}


def read(directory: Path, use: Sequence[str]) -> Measured:
    """Return a campaign that this script made; CannotMeasure for another."""
    folder = ResultsFolder(directory)
    lacking = [name for name in (SAME[0], *SLOWER) if f"{APP}-{name}" not in folder.plan.services]
    if lacking:
        raise CannotMeasure(f"{directory}: no campaign of this benchmark: it has no {APP}-{lacking[0]}")
    return Measured(folder=folder, runs=load_runs(folder)[0], options=Options(use=tuple(use)))


def rows_of(measured: Measured) -> list[dict[str, Cell]]:
    """Return the table: identical daemons by metric, slow ones by metric, then every pair by its rate."""
    same = {pair: measured.compared(*pair) for pair in itertools.combinations(measured.same, 2)}
    rows = _identical(measured.same, same) if same else []
    singles = [_pair("identical pairs", pair, found, "rate") for pair, found in same.items()]
    for name in SLOWER:
        slow = {(one, name): measured.compared(one, name) for one in measured.same}
        for metric in SHOWN:
            took = {pair: tuple(measured.took(*pair, metric, alone=alone) for alone in (False, True)) for pair in slow}
            rows.append(_slowed(name, slow, metric, took))
            if metric == "rate":
                singles += [
                    _pair("slowed pairs", pair, found, metric)
                    | {"blocks it took": took[pair][0], "alone": took[pair][1]}
                    for pair, found in slow.items()
                ]
    return rows + singles


def _identical(names: Sequence[str], same: dict[tuple[str, str], Comparison]) -> list[dict[str, Cell]]:
    place: dict[str, Cell] = {"part": "identical", "A": f"{names[0]} to {names[-1]}", "B": "each other"}
    place["pairs"] = len(same)
    rows = []
    for metric in METRICS:
        deltas = _deltas(same.values(), metric)
        if deltas:
            rows.append(_row(place | _figures(deltas) | {"metric": deltas[0].name,
                                                         "claimed": sum(each.verdict in CLAIMS for each in deltas)}))
    claims = [{delta.verdict for cell in found.cells for delta in cell.deltas} & set(CLAIMS) for found in same.values()]
    unjudged = sum(any(cell.invalid for cell in found.cells) or not found.cells for found in same.values())
    words = f"{unjudged} not judged" if unjudged else None
    return [*rows, _row(place | {"metric": "any", "claimed": sum(map(bool, claims)), "verdict": words})]


def _slowed(
    name: str, slow: dict[tuple[str, str], Comparison], metric: MetricName,
    took: dict[tuple[str, str], tuple[int | None, ...]],
) -> dict[str, Cell]:  # fmt: skip
    deltas = _deltas(slow.values(), metric)
    names = [one for one, _ in slow]
    found = sum(each.verdict == "slower" for each in deltas)
    return _row({
        "part": f"slowed by {SLOWER[name]:.0%}", "A": " to ".join(dict.fromkeys((names[0], names[-1]))), "B": name,
        "pairs": len(slow),
        "metric": METRICS[metric].words("closed"), "claimed": found, **_figures(deltas),
        "blocks it took": _spread(each[0] for each in took.values()),
        "alone": _spread(each[1] for each in took.values()),
    })  # fmt: skip


def _pair(part: str, pair: tuple[str, str], found: Comparison, metric: MetricName) -> dict[str, Cell]:
    """Return the row of one comparison; where its cell was not judged, why."""
    place: dict[str, Cell] = {"part": part, "A": pair[0], "B": pair[1], "pairs": 1,
                              "metric": METRICS[metric].words("closed")}
    deltas = _deltas([found], metric)
    if not deltas:
        why = next((cell.invalid for cell in found.cells if cell.invalid), found.sentence)
        return _row(place | {"verdict": why})
    return _row(place | _figures(deltas) | {"claimed": int(deltas[0].verdict in CLAIMS), "verdict": deltas[0].words})


def _figures(deltas: Sequence[Delta]) -> dict[str, Cell]:
    """Return the median ratio and the lowest and highest end of the intervals; errors are differences and have none."""
    ratios = [each.effect for each in deltas if each.effect is not None and each.scale == "ratio"]
    lows = [each.low for each in deltas if each.low is not None and each.scale == "ratio"]
    highs = [each.high for each in deltas if each.high is not None and each.scale == "ratio"]
    return {"B / A": statistics.median(ratios) if ratios else None, "from": min(lows, default=None),
            "to": max(highs, default=None)}


def _deltas(found: Iterable[Comparison], metric: MetricName) -> list[Delta]:
    return [delta for each in found for cell in each.cells for delta in cell.deltas if delta.metric == metric]


def _verdict(found: Comparison, metric: MetricName) -> str | None:
    return next((delta.verdict for delta in _deltas([found], metric)), None)


def _spread(took: Iterable[int | None]) -> str | None:
    """Return the fewest, the median and the most blocks."""
    known = sorted(each for each in took if each is not None)
    return f"{known[0]}, {statistics.median(known):g}, {known[-1]}" if known else None


def _row(values: dict[str, Cell]) -> dict[str, Cell]:
    return {column: values.get(column) for column in COLUMNS}


def achieved(measured: Measured, name: str) -> str:
    """Return in words by how much a slow daemon was slower in CPU time and in rate than the middle one of the identical
    ones of its block."""
    parts = []
    named: tuple[tuple[MetricName, str], ...] = (("cpu", "CPU time a request"), ("rate", "requests/s"))
    for metric, words in named:
        plain: dict[int, list[float]] = {}
        for one in measured.same:
            for block, value in measured.values(one, metric).items():
                plain.setdefault(block, []).append(value)
        middle = {block: statistics.median(values) for block, values in plain.items()}
        found = ratio_by_block(middle, measured.values(name, metric))
        if found is None:
            parts.append(f"{words} not measured")
        else:
            ends = [f"{end - 1:+.1%}" for end in (found.low, found.high) if end is not None]
            parts.append(f"{words} {found.ratio - 1:+.1%}" + (f" ({' to '.join(ends)})" if ends else ""))
    return f"{', '.join(parts)}; planned: {measured.folder.plan.services[f'{APP}-{name}'].description}"


def facts_of(measured: Measured) -> dict[str, str]:
    """Return what a reader has to know of the campaign."""
    plan = measured.folder.plan
    kinds = Counter(kind for run in measured.runs for kind in (run.kinds or (run.outcome,)))
    left_out = sum(why_left_out(run, measured.options.use) is not None for run in measured.runs)
    floor = measured.compared(SAME[0], next(iter(SLOWER))).floor
    used = ", ".join(measured.options.use)
    usable = f"; declared usable: {used}, as on a shared machine" if used else ""
    return machine_facts() | {
        "date": f"{plan.created_utc} (the campaign), {now_utc()} (this table)",
        "campaign": f"{measured.folder.directory.resolve().name}, {plan.blocks} blocks, {len(measured.runs)} of "
                    f"{len(plan.runs)} runs recorded",
        "load": "; ".join(load.sentence for load in plan.rounds.values()),
        "verdicts of the runs": ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()),
        "runs that do not count": f"{left_out}{usable}",
        "noise floor": floor.sentence.replace(f"{ROOT}/", "") if floor is not None else "none",
        **{name: achieved(measured, name) for name in SLOWER},
    }  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Measure or read, write and print; return 0, 1 where the slower daemon is not found, 2 where nothing is."""
    grammar = argparse.ArgumentParser(prog="python -m benchmarks.slowdown", description=__doc__)
    grammar.add_argument("--blocks", type=int, default=10, help=f"{LEAST_PER_SIDE} to {BLOCKS_MAX} (default: 10)")
    grammar.add_argument("--seconds", type=float, default=5.0, help="load of each run (default: 5)")
    grammar.add_argument("--same", type=int, default=len(SAME), choices=range(1, len(SAME) + 1), metavar="N",
                         help=f"identical daemons, 1 to {len(SAME)} (default: {len(SAME)})")
    grammar.add_argument("--into", default="slowdown", metavar="NAME",
                         help="the table's name in benchmarks/results (default: slowdown)")
    grammar.add_argument("--use", action="append", default=[], choices=USABLE, metavar="VERDICT",
                         help=f"count runs with this verdict as well ({', '.join(USABLE)}); repeatable")
    grammar.add_argument("--extra-vars", "-e", action="append", default=[], metavar="NAME=VALUE",
                         help="told to bench.yml as it is; repeatable")
    grammar.add_argument("--analyse", type=Path, metavar="FOLDER", help="measure nothing, read this campaign again")
    given = grammar.parse_args(words)
    if not LEAST_PER_SIDE <= given.blocks <= BLOCKS_MAX:
        grammar.error(f"--blocks {given.blocks}: allowed: {LEAST_PER_SIDE} to {BLOCKS_MAX}")
    if not 1 <= given.seconds <= 600:
        grammar.error(f"--seconds {given.seconds:g}: allowed: 1 to 600")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that the lab is left as it was found
    try:
        effort = Effort(blocks=given.blocks, seconds=given.seconds, same=given.same, extra=given.extra_vars)
        measured = read(given.analyse or measure(effort), given.use)
        rows, facts = rows_of(measured), facts_of(measured)
    except (CannotMeasure, TandemError) as wrong:
        print(f"benchmarks.slowdown: {wrong}", file=sys.stderr)
        return 2
    for row in rows:
        print("  ".join(show(value) for value in row.values()))
    title = "Identical daemons, and known slowdowns"
    write_table(RESULTS / f"{given.into}.md", RESULTS / f"{given.into}.json", title, rows, facts, notes=NOTES)
    slowest = max(SLOWER, key=lambda name: SLOWER[name])
    found = next(row["claimed"] for row in rows if row["B"] == slowest)
    return 0 if isinstance(found, int) and found > len(measured.same) / 2 else 1


if __name__ == "__main__":
    sys.exit(main())

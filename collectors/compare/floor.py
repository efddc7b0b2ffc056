"""The noise floor: the largest difference that one and the same daemon shows against itself on these machines.

Any campaign with enough blocks holds A/A comparisons, since each block runs the same cell again with the daemon
restarted. Two kinds are made of it, as comparisons are of two kinds:

- interleaved: neighbouring blocks are paired, and a coin (from the campaign's seed) says which of the two is A;
- apart: the campaign is cut into four stretches, and each is held against each later one, as two campaigns one after
  the other would be.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from collectors.compare.metrics import METRICS, Metric, MetricName, value_of
from collectors.compare.model import Design
from collectors.compare.ranks import independent_shift, paired_shift
from collectors.compare.sides import why_left_out
from collectors.errors import TandemError
from collectors.limits import NOISE_LEAST_BLOCKS
from collectors.results import PlannedRound, ResultsFolder
from collectors.run import Run
from collectors.warnings import MACHINES, machine_file

SCHEMA_VERSION: Final = 1
FLOOR_FILE: Final = "noise-floor.json"
LEAST_BLOCKS: Final = NOISE_LEAST_BLOCKS
STRETCHES: Final = 4
LEAST_PAIRS: Final = 5
LEAST_IN_STRETCH: Final = 3
BLOCKS_SHOWN: Final = (6, 8, 10, 15, 20, 30)
"""Numbers of blocks for which the smallest effect that can be found is worked out ..."""
POWER: Final = 0.9
"""... which is the one that is found so often."""
SHOWN: Final[Mapping[Design, Mapping[int, float]]] = {
    "interleaved": {6: 2.108, 8: 1.449, 10: 1.187, 15: 0.927, 20: 0.785, 30: 0.627},
    "apart": {6: 1.580, 8: 1.274, 10: 1.144, 15: 0.904, 20: 0.767, 30: 0.618},
}  # fmt: skip
"""The effect that the interval shows so often, in standard deviations of the difference between two runs under normal
noise. Of few blocks it is larger than normal theory has it: six pairs show something only where all six agree, and the
first figure is the normal quantile of 0.9^(1/6). The others by python -m benchmarks.power."""
ABOVE: Final[Mapping[Design, Mapping[int, float]]] = {
    "interleaved": {6: 0.543, 8: 0.470, 10: 0.422, 15: 0.344, 20: 0.296, 30: 0.241},
    "apart": {6: 0.546, 8: 0.472, 10: 0.423, 15: 0.342, 20: 0.296, 30: 0.241},
}  # fmt: skip
"""How far above the floor the effect must be for its estimate to come out above it so often, in the same unit."""
IDENTITY: Final = ("hostname", "architecture", "processor", "processors_usable", "memory_mib", "label")
"""Facts that say which machine it is: another one has another floor."""


@dataclass(frozen=True, kw_only=True)
class FloorRow:
    """The floor of one round and metric. Of ratios it is a share (0.02: two sides of the same differ by up to 2 %), of
    errors a difference of shares.

    `comparisons` A/A comparisons of `values` values were made, `largest` is the largest difference among them. `cv` is
    the largest coefficient of variation of a cell's runs. `detectable` says for a number of blocks (in each side) the
    smallest effect that is found in 90 % of campaigns, by a single comparison.
    """

    round: str
    loop: str
    metric: MetricName
    design: Design
    comparisons: int
    values: int
    largest: float
    cv: float | None
    detectable: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """What `noise-floor.json` holds. `machines` is which pair of machines it belongs to, `left_out` counts the runs
    that were not used by reason, `use` are the verdicts whose runs were used all the same."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["noise-floor"] = "noise-floor"
    campaign: str
    created_utc: str
    blocks: int
    machines: Mapping[str, Mapping[str, str]]
    left_out: Mapping[str, int]
    use: tuple[str, ...] = ()
    rows: tuple[FloorRow, ...]

    def row(self, round_: str, loop: str, metric: MetricName, design: Design) -> FloorRow | None:
        """Return the floor of a round; where it was not measured under that name, the largest of its kind of loop."""
        own = [row for row in self.rows if row.metric == metric and row.design == design]
        named = next((row for row in own if row.round == round_ and row.loop == loop), None)
        return named or max((row for row in own if row.loop == loop), key=lambda row: row.largest, default=None)


def identity(folder: ResultsFolder) -> dict[str, dict[str, str]]:
    """Return which pair of machines a campaign ran on; machines without facts are absent."""
    found = {}
    for machine in MACHINES:
        facts = machine_file(folder, f"{machine}-facts.json")
        if facts:
            found[machine] = {key: _text(facts[key]) for key in IDENTITY if facts.get(key) is not None}
    return found


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def measure(folder: ResultsFolder, runs: Sequence[Run], *, use: Collection[str] = ()) -> NoiseFloor:
    """Return the noise floor that a campaign's runs show; TandemError where they are too few or on unknown machines."""
    plan = folder.plan
    if plan.blocks < LEAST_BLOCKS:
        raise TandemError(
            f"{folder.directory}: {plan.blocks} block(s) hold too few comparisons of a daemon with itself; allowed: a "
            f"campaign of at least {LEAST_BLOCKS} blocks, such as noise"
        )
    machines = identity(folder)
    if len(machines) < len(MACHINES):
        raise TandemError(f"{folder.directory}: the facts of both machines are not on record, so whose floor is it?")
    left_out: dict[str, int] = {}
    cells: dict[tuple[str, str, str, str], list[Run]] = {}
    for run in runs:
        reason = why_left_out(run, use)
        if reason is not None:
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        cell = run.cell
        cells.setdefault((cell.round, cell.service, cell.endpoint, cell.profile), []).append(run)
    rows = tuple(
        row
        for round_ in plan.rounds.values()
        for metric in METRICS.values()
        for row in floor_rows(
            round_,
            metric,
            [_by_block(own, metric) for key, own in cells.items() if key[0] == round_.name],
            blocks=plan.blocks,
            seed=plan.seed,
        )
    )
    if not rows:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())) or "none was measured"
        raise TandemError(f"{folder.directory}: no cell has enough usable runs for a noise floor ({why})")
    return NoiseFloor(
        campaign=plan.campaign, created_utc=plan.created_utc, blocks=plan.blocks, machines=machines,
        left_out=left_out, use=tuple(sorted(set(use))), rows=rows,
    )  # fmt: skip


def floor_rows(
    round_: PlannedRound, metric: Metric, values: Sequence[Mapping[int, float]], *, blocks: int, seed: int
) -> Iterable[FloorRow]:
    """Return the floor of one round and metric, for sides that are interleaved and for sides apart.

    `values` holds for each cell its figures by block (from 1), on the scale in which differences are taken.
    """
    toss = _toss(blocks, seed)
    ways: tuple[tuple[Design, Callable[[Mapping[int, float]], list[tuple[float, int]]]], ...] = (
        ("interleaved", lambda own: _interleaved(own, toss)),
        ("apart", lambda own: _apart(own, blocks)),
    )
    for design, way in ways:
        found = [each for own in values for each in way(own)]
        if not found:
            continue
        largest = max(abs(shift) for shift, _ in found)
        noise = max(_deviation(own, toss, design) for own in values if len(own) > 1)
        yield FloorRow(
            round=round_.name,
            loop=round_.loop,
            metric=metric.name,
            design=design,
            comparisons=len(found),
            values=min(n for _, n in found),
            largest=round(_share(metric, largest), 6),
            cv=_variation(metric, values),
            detectable={
                str(n): round(_share(metric, detectable(noise, largest, n, design)), 6) for n in BLOCKS_SHOWN
            },
        )


def _by_block(runs: Iterable[Run], metric: Metric) -> dict[int, float]:
    found = {}
    for run in runs:
        value = value_of(run, metric.name)
        if value is not None:
            found[run.block] = metric.unit_free(value)
    return found


def _toss(blocks: int, seed: int) -> list[tuple[int, int]]:
    """Return neighbouring blocks as pairs of A and B, by lot."""
    source = random.Random(seed)  # noqa: S311 - a lot that can be drawn again, not a secret
    return [(first, first + 1) if source.random() < 0.5 else (first + 1, first) for first in range(1, blocks, 2)]


def _interleaved(own: Mapping[int, float], toss: Sequence[tuple[int, int]]) -> list[tuple[float, int]]:
    found = [(own[a], own[b]) for a, b in toss if a in own and b in own]
    return [(paired_shift(found).middle, len(found))] if len(found) >= LEAST_PAIRS else []


def _apart(own: Mapping[int, float], blocks: int) -> list[tuple[float, int]]:
    length = blocks // STRETCHES
    stretches = [
        [own[block] for block in range(part * length + 1, (part + 1) * length + 1) if block in own]
        for part in range(STRETCHES)
    ]
    return [
        (independent_shift(a, b).middle, min(len(a), len(b)))
        for a, b in combinations(stretches, 2)
        if min(len(a), len(b)) >= LEAST_IN_STRETCH
    ]


def _deviation(own: Mapping[int, float], toss: Sequence[tuple[int, int]], design: Design) -> float:
    """Return the standard deviation of the difference between one run of each side."""
    if design == "apart":
        return math.sqrt(2) * statistics.stdev(own.values())
    gaps = [own[b] - own[a] for a, b in toss if a in own and b in own]
    return math.sqrt(statistics.fmean(gap * gap for gap in gaps)) if gaps else 0.0


def detectable(deviation: float, floor: float, n: int, design: Design) -> float:
    """Return the smallest shift that n blocks (one of BLOCKS_SHOWN) show in 90 % of campaigns by a single comparison,
    under normal noise; `deviation` is that of the difference of two runs. The interval has to exclude no effect, and
    the estimate to come out above the floor; where both are about as hard it is a little less often."""
    return max(SHOWN[design][n] * deviation, floor + ABOVE[design][n] * deviation)


def _share(metric: Metric, shift: float) -> float:
    return math.expm1(shift) if metric.scale == "ratio" else shift


def _variation(metric: Metric, values: Iterable[Mapping[int, float]]) -> float | None:
    if metric.scale != "ratio":
        return None
    plain = [[math.exp(value) for value in own.values()] for own in values if len(own) > 1]
    every = [statistics.stdev(raw) / statistics.fmean(raw) for raw in plain]
    return round(max(every), 6) if every else None

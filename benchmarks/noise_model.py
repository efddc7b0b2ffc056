"""Simulated campaigns, to see how often a comparison is wrong: every law of the noise is known here.

The logarithm of a run's slowness is the sum of a drift that goes on from run to run (autocorrelated, of first
order), skewed noise (an exponential tail on the slow side), and now and then an outlier. Each metric follows the
slowness in its own way, so the metrics of a run depend on each other as they do in reality.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from collectors.compare.floor import FloorRow, floor_rows
from collectors.compare.judge import Question, ask_values, judge
from collectors.compare.metrics import METRICS, MetricName
from collectors.compare.model import Delta, Design
from collectors.results import PlannedRound

BASE: Final[Mapping[MetricName, tuple[float, float, float]]] = {
    "rate": (1200.0, -1.0, 0.0),
    "p50": (2_000.0, 1.0, 0.005),
    "p99": (9_000.0, 1.5, 0.03),
    "cpu": (450.0, 0.4, 0.01),
}
"""Each metric's value, the power of the slowness that it follows, and noise of its own."""
MARGIN: Final = 0.05
ROUND: Final = PlannedRound(
    name="simulated", generator="wrk", loop="closed", path="link", rate_per_s=None, connections=64, threads=2,
    warmup_s=2, duration_s=10, timeout_s=10,
)  # fmt: skip

Cell = dict[MetricName, dict[int, float]]
"""One cell's figures by metric and block."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The law of the noise. Standard deviations of the logarithm; `carried` is what a run's drift keeps of the one
    before, `trend` is added with each run. Outliers of a run are 1.2 to 2 times as slow."""

    normal: float = 0.0
    skewed: float = 0.0
    drift: float = 0.0
    carried: float = 0.0
    outliers: float = 0.0
    trend: float = 0.0

    def runs(self, source: random.Random) -> Iterator[float]:
        """Yield the logarithm of the slowness of one run after the other."""
        level, place = source.gauss(0, self.drift), 0
        while True:
            value = level + self.trend * place + source.gauss(0, self.normal)
            value += (source.expovariate(1) - 1) * self.skewed
            if source.random() < self.outliers:
                value += math.log(source.uniform(1.2, 2))
            yield value
            level = self.carried * level + source.gauss(0, self.drift * math.sqrt(1 - self.carried**2))
            place += 1


SKEWED: Final = Noise(skewed=0.02, drift=0.02, carried=0.9, outliers=0.03)
"""Skewed, autocorrelated, with outliers."""
PLAIN: Final = Noise(normal=0.03)
"""A coefficient of variation of 3 %, and nothing else."""
ALIKE: Final = Noise(skewed=0.03)
"""The same, on the slow side alone."""
MIXED: Final = Noise(skewed=0.02, drift=0.0224, carried=0.9)
"""The same, two thirds of its variance a drift."""
RISING: Final = Noise(normal=0.01, trend=0.002)
"""A room that gets warmer: 2 of 1000 slower with each run."""


@dataclass
class Tally:
    """What came out of many comparisons; `blocks` sums up after how many those stopped that stop early."""

    campaigns: int = 0
    alarms: int = 0
    worse: int = 0
    held: int = 0
    intervals: int = 0
    blocks: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)

    def add(self, deltas: Sequence[Delta], effect: Callable[[MetricName], float]) -> None:
        """Count one campaign. `effect` is the true ratio of a metric."""
        kinds = [delta.verdict for delta in deltas]
        self.campaigns += 1
        self.alarms += any(kind in {"faster", "slower"} for kind in kinds)
        self.worse += "slower" in kinds
        for delta in deltas:
            self.verdicts[str(delta.verdict)] = self.verdicts.get(str(delta.verdict), 0) + 1
            if delta.low is not None and delta.high is not None:
                true = effect(delta.metric)
                self.intervals += 1
                self.held += delta.low <= true * (1 + 1e-9) and delta.high >= true * (1 - 1e-9)

    @property
    def alarm_share(self) -> float:
        """Return in what share of campaigns any change was claimed."""
        return self.alarms / self.campaigns

    @property
    def worse_share(self) -> float:
        """Return in what share of campaigns B was called worse."""
        return self.worse / self.campaigns

    @property
    def coverage(self) -> float:
        """Return what share of the intervals held the truth."""
        return self.held / self.intervals


def measured(slowness: Mapping[int, float], source: random.Random) -> Cell:
    """Return the figures of a cell whose runs have this logarithm of slowness by block."""
    return {
        name: {
            block: base * math.exp(power * slow + source.gauss(0, own)) for block, slow in slowness.items()
        }
        for name, (base, power, own) in BASE.items()
    }


def interleaved(
    noise: Noise, source: random.Random, *, blocks: int, cells: int, slowdown: float = 0.0
) -> list[tuple[Cell, Cell]]:
    """Return a campaign in randomised complete blocks: for each cell its figures as A and as B."""
    runs = noise.runs(source)
    slow: list[dict[int, float]] = [{} for _ in range(2 * cells)]
    for block in range(1, blocks + 1):
        order = list(range(2 * cells))
        source.shuffle(order)
        for which in order:
            slow[which][block] = next(runs) + (which % 2) * math.log1p(slowdown)
    return [(measured(slow[2 * cell], source), measured(slow[2 * cell + 1], source)) for cell in range(cells)]


def apart(
    noise: Noise, source: random.Random, *, blocks: int, cells: int, slowdown: float = 0.0
) -> list[tuple[Cell, Cell]]:
    """Return two campaigns one after the other, all of A and then all of B."""
    runs = noise.runs(source)
    sides = [_campaign(runs, source, blocks, cells, extra) for extra in (0.0, math.log1p(slowdown))]
    return list(zip(*sides, strict=True))


def floor_of(noise: Noise, source: random.Random, *, blocks: int, cells: int) -> list[FloorRow]:
    """Return the noise floor that a campaign of these blocks and cells measures."""
    found = _campaign(noise.runs(source), source, blocks, cells, 0.0)
    return [
        row
        for name in BASE
        for row in floor_rows(
            ROUND, METRICS[name],
            [{block: METRICS[name].unit_free(value) for block, value in cell[name].items()} for cell in found],
            blocks=blocks, seed=7,
        )
    ]  # fmt: skip


def _campaign(
    runs: Iterator[float], source: random.Random, blocks: int, cells: int, extra: float
) -> list[Cell]:
    slow: list[dict[int, float]] = [{} for _ in range(cells)]
    for block in range(1, blocks + 1):
        order = list(range(cells))
        source.shuffle(order)
        for which in order:
            slow[which][block] = next(runs) + extra
    return [measured(each, source) for each in slow]


def compared(
    cells: Sequence[tuple[Cell, Cell]],
    design: Design,
    *,
    metrics: Sequence[MetricName] = tuple(BASE),
    floors: Sequence[FloorRow] = (),
    share: float | None = None,
    looks: int = 1,
) -> list[Delta]:
    """Return what `tandem compare` says of simulated cells; `share` is the noise floor where `floors` hold none."""
    shares = {row.metric: row.largest for row in floors if row.design == design}
    questions: list[Question] = []
    for a, b in cells:
        for name in metrics:
            floor = shares.get(name, share)
            asked = ask_values(METRICS[name], "closed", (a[name], b[name]), design=design, floor=floor, looks=looks)
            questions += [] if asked is None else [asked]
    return judge(questions, margin=MARGIN)[0]


def true_ratio(slowdown: float) -> Callable[[MetricName], float]:
    """Return what a slowdown makes of each metric."""
    return lambda metric: float((1 + slowdown) ** BASE[metric][1])

"""How large an effect must be for ranks to show it in 90 % of campaigns: python -m benchmarks.power [--draws N]

Prints the factors that collectors.compare.floor keeps (SHOWN and ABOVE): in standard deviations of the difference
between one run of each side, under normal noise, by a single comparison. An interval moves with the effect, so the
effect that is shown so often is what the interval's lower end stays below the truth by so often; the same of the
estimate, which has to come out above the noise floor.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.compare.floor import BLOCKS_SHOWN, POWER
from collectors.compare.model import Design
from collectors.compare.ranks import rank_sum
from collectors.statistics import signed_rank

DRAWS: Final = 200_000
AT_ONCE: Final = 5_000
SEED: Final = 20260301
Floats = npt.NDArray[np.float64]


def factors(n: int, design: Design, *, draws: int = DRAWS) -> tuple[float, float]:
    """Return what n blocks a side show, and by how much the estimate misses, each in 90 % of campaigns."""
    source = np.random.default_rng(SEED)
    rank = signed_rank(n) if design == "interleaved" else rank_sum(n, n)
    if rank is None:
        raise ValueError(f"{n} blocks have no interval")
    low, middle = [], []
    for _ in range(0, draws, AT_ONCE):
        shifts = _paired(source, n) if design == "interleaved" else _independent(source, n)
        shifts.sort(axis=1)
        low.append(shifts[:, rank - 1])
        middle.append(np.median(shifts, axis=1))
    return _often(low), _often(middle)


def _often(parts: Sequence[Floats]) -> float:
    """Return how far below the truth (0) these stay in 90 % of campaigns."""
    return float(np.quantile(-np.concatenate(parts), POWER))


def _paired(source: np.random.Generator, n: int) -> Floats:
    """Return all means of two of n differences, a row for each campaign."""
    own = source.standard_normal((AT_ONCE, n))
    one, other = np.triu_indices(n)
    return (own[:, one] + own[:, other]) / 2


def _independent(source: np.random.Generator, n: int) -> Floats:
    """Return all differences between two sets of n; one of them has the standard deviation 1."""
    a, b = (source.standard_normal((AT_ONCE, n)) / math.sqrt(2) for _ in range(2))
    return (b[:, :, None] - a[:, None, :]).reshape(AT_ONCE, n * n)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The factors of collectors.compare.floor.")
    parser.add_argument("--draws", type=int, default=DRAWS, help="simulated campaigns for each figure")
    draws = parser.parse_args(argv).draws
    designs: tuple[Design, ...] = ("interleaved", "apart")
    for design in designs:
        found = {n: factors(n, design, draws=draws) for n in BLOCKS_SHOWN}
        for name, place in (("SHOWN", 0), ("ABOVE", 1)):
            print(f"{name} {design}: {', '.join(f'{n}: {each[place]:.3f}' for n, each in found.items())}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Did anything change? Two campaigns, or two sides of one, held against each other.

`compare_folders` and `compare_within` compute, `collectors.compare.tables` shows; `measure` makes the noise floor that
they use, `collectors.compare.store` keeps and finds it.
"""

from collectors.compare.compute import MARGIN, Options, compare_folders, compare_within
from collectors.compare.floor import NoiseFloor, measure
from collectors.compare.model import CellCompared, Comparison, Delta, Difference

__all__ = [
    "MARGIN", "CellCompared", "Comparison", "Delta", "Difference", "NoiseFloor", "Options", "compare_folders",
    "compare_within", "measure",
]  # fmt: skip

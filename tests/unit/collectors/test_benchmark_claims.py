"""What the benchmark of the apps says of a ratio."""

from __future__ import annotations

import pytest

from benchmarks.apps import claim
from collectors.statistics import Ratio


@pytest.mark.parametrize(
    ("ratio", "client_bound", "said"),
    [
        (Ratio(n=6, ratio=1.1, low=1.02, high=1.2), 0, "faster"),
        (Ratio(n=6, ratio=1.0, low=0.97, high=1.02), 0, "as fast"),
        (Ratio(n=6, ratio=0.9, low=0.85, high=0.96), 0, "slower"),
        (Ratio(n=6, ratio=0.96, low=0.92, high=0.99), 0, "slower by less than 5%"),
        (Ratio(n=6, ratio=0.96, low=0.92, high=1.01), 0, "not slower within noise"),
        (Ratio(n=2, ratio=0.96), 0, "no interval"),
        (Ratio(n=6, ratio=0.9, low=0.85, high=0.96), 6, "slower"),
        (Ratio(n=6, ratio=0.9, low=0.85, high=0.96), 7, "no claim: client-bound"),
    ],
)
def test_what_is_claimed(ratio: Ratio, client_bound: int, said: str) -> None:
    assert claim(ratio, client_bound) == said

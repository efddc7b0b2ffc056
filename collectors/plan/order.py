"""The order of runs: randomised complete blocks.

Every block holds every cell once, shuffled. One generator, `random.Random(seed)`, serves all blocks in turn,
so the order of a block does not depend on how many follow it: a campaign that goes on for more blocks repeats
the first ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Sequence[T], source: random.Random) -> list[T]:
    """The items in random order, each order equally likely (Fisher and Yates, from the last place down).

    Only `source.random()` is used, whose sequence for a seed Python keeps from version to version.
    """
    result = list(items)
    for last in range(len(result) - 1, 0, -1):
        chosen = int(source.random() * (last + 1))
        result[last], result[chosen] = result[chosen], result[last]
    return result


def in_blocks(items: Sequence[T], *, blocks: int, seed: int) -> Iterator[tuple[int, T]]:
    """Pairs of block number, counted from 1, and item."""
    source = random.Random(seed)  # noqa: S311 - an order that can be repeated, not a secret
    for block in range(1, blocks + 1):
        for item in shuffled(items, source):
            yield block, item

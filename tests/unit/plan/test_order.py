"""Randomised complete blocks: complete, repeatable, and really shuffled."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from collectors.plan.order import in_blocks, shuffled

SEEDS = st.integers(min_value=0, max_value=2**63 - 1)


@given(items=st.lists(st.integers(), max_size=40, unique=True), blocks=st.integers(1, 6), seed=SEEDS)
def test_every_block_holds_every_item_once(items: list[int], blocks: int, seed: int) -> None:
    ordered = list(in_blocks(items, blocks=blocks, seed=seed))
    assert [block for block, _ in ordered] == [block for block in range(1, blocks + 1) for _ in items]
    for block in range(1, blocks + 1):
        assert sorted(item for number, item in ordered if number == block) == sorted(items)


@given(items=st.lists(st.integers(), max_size=20, unique=True), blocks=st.integers(1, 4), seed=SEEDS)
def test_more_blocks_repeat_the_order_of_the_first(items: list[int], blocks: int, seed: int) -> None:
    once = list(in_blocks(items, blocks=blocks, seed=seed))
    assert list(in_blocks(items, blocks=blocks, seed=seed)) == once
    assert list(in_blocks(items, blocks=blocks + 2, seed=seed))[: len(once)] == once


def test_the_order_of_a_seed_never_changes() -> None:
    """So that neither Python nor we can change what a stored seed means."""
    ordered = list(in_blocks("abcdef", blocks=2, seed=20150301))
    assert "".join(item for _, item in ordered) == "decabfbcadfe"


def test_every_order_is_about_equally_likely() -> None:
    source = random.Random(1)
    counts = Counter("".join(shuffled("abc", source)) for _ in range(6000))
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values())


def test_blocks_differ_from_each_other() -> None:
    ordered = [item for _, item in in_blocks(range(20), blocks=2, seed=1)]
    assert ordered[:20] != ordered[20:]

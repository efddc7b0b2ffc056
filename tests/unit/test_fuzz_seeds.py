"""What fuzzing has found, and what it has reached, replayed (tests/fuzz, docs/fuzzing.md)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.keep import MOST_BYTES, MOST_FILES
from tests.fuzz.target import KEPT, TARGETS, load

FINDS = [path for path in sorted(KEPT.glob("*/*")) if path.is_file()]
READERS = Path(__file__).parents[2] / "collectors" / "readers"
#: Readers whose targets have another name, or which others use and no file names.
WITHIN = {
    "censored": "wrk2",
    "h2load_command": "h2load",
    "h2load_log": "h2load",
    "lines": "wrk",
    "pacer": "pacer_result",
    "wrk_command": "wrk",
}


@pytest.mark.parametrize("path", FINDS, ids=[f"{path.parent.name}/{path.name}" for path in FINDS])
def test_what_was_found_is_not_found_again(path: Path) -> None:
    load(path.parent.name).check(path.read_bytes())


#: Found slow: an input of n parts, and one like it that takes no second look.
SLOW = {
    "spaces before a control character": ("response", b"HTTP/1.1 200 OK\r\nA:%s\x00\r\n\r\n", b" ", b"x"),
    "colons in an echo": ("ping", b"PING h (h) 1\n1 bytes from a%s\n", b":", b" "),
    "a host without end": ("ping", b"PING h (h) 1\nFrom a%s\n", b"b", b" "),
}


@pytest.mark.parametrize(("name", "frame", "part", "harmless"), SLOW.values(), ids=SLOW)
def test_what_was_slow_takes_no_more_than_what_never_was(
    name: str, frame: bytes, part: bytes, harmless: bytes
) -> None:
    check = load(name).check
    slow, fast = (min(_took_s(check, frame % (each * 10_000)) for _ in range(3)) for each in (part, harmless))
    assert slow < 30 * fast


def _took_s(check: Callable[[bytes], bool], data: bytes) -> float:
    begin = time.process_time()
    check(data)
    return time.process_time() - begin


@pytest.mark.parametrize("name", TARGETS)
def test_the_properties_hold_for_seeds_and_corpus(name: str) -> None:
    """And neither all of them are accepted nor all refused: else the target looks at nothing."""
    target = load(name)
    corpus = [path.read_bytes() for path in sorted((KEPT / name / "corpus").iterdir())]
    assert {target.check(data) for data in [*target.seeds(), *corpus]} == {False, True}


def test_everything_kept_belongs_to_a_target_and_is_small() -> None:
    assert {path.name for path in KEPT.iterdir()} == set(TARGETS)
    for name in TARGETS:
        files = list((KEPT / name / "corpus").iterdir())
        assert len(files) <= MOST_FILES
        assert all(path.stat().st_size <= MOST_BYTES for path in files)


def test_every_reader_has_a_target() -> None:
    readers = {path.stem for path in READERS.glob("[a-z]*.py")}
    assert {WITHIN.get(name, name) for name in readers} <= set(TARGETS)

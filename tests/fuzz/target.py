"""What a fuzzing target is, and the properties that all of them hold their results to."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
KEPT = GOLDEN / "fuzz"
TARGETS = sorted(path.stem for path in (ROOT / "tests" / "fuzz" / "targets").glob("[a-z]*.py"))
LONGEST_SENTENCE = 1000
LARGEST = 2**63


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """One thing to fuzz.

    `check` returns whether the input was accepted, and raises where a property does not hold. `seeds` are valid
    inputs, `words` what the format is made of, `shape` how it is taken apart to be mutated; `documents` are what
    patches change (tests/fuzz/patches.py).
    """

    check: Callable[[bytes], bool]
    seeds: Callable[[], Iterable[bytes]]
    shape: Literal["lines", "json", "bytes"]
    words: tuple[bytes, ...] = ()
    documents: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def load(name: str) -> Target:
    """The target of that name."""
    target = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(target, Target)
    return target


def golden(*patterns: str) -> list[bytes]:
    """The golden files that fit the patterns, broken ones included."""
    return [path.read_bytes() for pattern in patterns for path in sorted(GOLDEN.glob(pattern))]


def documents(*names: str) -> dict[str, Any]:
    """Golden JSON documents by the name of their file."""
    return {Path(name).stem: json.loads((GOLDEN / name).read_text(encoding="utf-8")) for name in names}


def patch_seeds(names: Iterable[str]) -> list[bytes]:
    """The documents unchanged."""
    return [json.dumps({"_of": name}).encode() for name in names]


def read_twice(read: Callable[[], T], refusal: type[Exception]) -> T | None:
    """What `read` returns, None where it refuses; the second time must be like the first.

    Any other exception than the refusal passes through: it is a find.
    """
    first, again = _once(read, refusal), _once(read, refusal)
    assert first == again, f"not the same twice: {first!r} and {again!r}"
    return first[0]


def _once(read: Callable[[], T], refusal: type[Exception]) -> tuple[T | None, str]:
    try:
        return read(), ""
    except refusal as error:
        sentence = str(error)
        assert sentence, "the refusal says nothing"
        assert sentence.isprintable(), f"the refusal is not one printable line: {sentence!r}"
        assert len(sentence) <= LONGEST_SENTENCE, f"the refusal has {len(sentence)} characters"
        return None, sentence


_SCRATCH = tempfile.TemporaryDirectory(prefix="fuzz-")


def in_a_file(data: bytes, name: str = "input") -> Path:
    """A file that holds the data, until the next call with that name."""
    path = Path(_SCRATCH.name) / name
    path.write_bytes(data)
    return path


def check_figures(value: object, *, signed: frozenset[str] = frozenset(), where: str = "result") -> None:
    """Every number is finite, of a possible size and, unless its name is in `signed`, not below 0."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            check_figures(getattr(value, field.name), signed=signed, where=f"{where}.{field.name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            check_figures(key, signed=signed, where=f"a key of {where}")
            check_figures(item, signed=signed, where=f"{where}[{key!r}]")
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            check_figures(item, signed=signed, where=f"{where}[{index}]")
    elif isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, int | float):
        assert math.isfinite(value), f"{where} is {value}"
        assert value >= 0 or where.rpartition(".")[2] in signed, f"{where} is negative: {value}"
        assert isinstance(value, float) or abs(value) < LARGEST, f"{where} is {value}"

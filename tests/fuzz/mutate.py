"""Mutations that know what an input is made of: lines and words, or a JSON value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

_TOKEN = re.compile(rb"[0-9]+(?:\.[0-9]+)?|[A-Za-z_]+|\s+|.", re.DOTALL)
_NUMBERS = (
    b"0",
    b"1",
    b"-1",
    b"00",
    b"0.0",
    b"1e999",
    b"nan",
    b"-nan",
    b"inf",
    b"9223372036854775807",
    b"9223372036854775808",
    b"0.0000001",
    b"99999999",
    b"1" * 400,
    b"9" * 5000,
    b"100",
    b"101",
    b"1.5.2",
    "\N{ARABIC-INDIC DIGIT THREE}".encode(),
)
JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    1.5,
    -0.5,
    1e308,
    10**18,
    2**63,
    10**400,
    "",
    "text",
    "-1",
    "\ud800",
    "a\nb",
    "\u2028",
    [],
    {},
    [1],
    [[]],
    {"a": 1},
    [None],
    ["x"],
    [{}],
)
_LONGEST_REPEAT = 20_000

Mutation = Callable[[bytes, Random], bytes]


def mutations(shape: str, words: Sequence[bytes], others: Sequence[bytes]) -> list[Mutation]:
    """The mutations for inputs of a shape; `others` are inputs to take parts from."""
    common: list[Mutation] = [_repeat_piece, _mix(others)]
    if words:
        common.append(_put_word(words))
    if shape == "json":
        return [_change_value, _change_value, _drop_value, _copy_value, _rename_key(words), *common]
    if shape == "lines":
        return [_drop_line, _double_line, _swap_lines, _change_number, _change_number, _swap_tokens, *common]
    return [_change_number, *common]


def _repeat_piece(data: bytes, random: Random) -> bytes:
    """One piece of the input many times: what takes more than linear time shows."""
    if not data:
        return data
    start = random.randrange(len(data))
    piece = data[start : start + random.choice((1, 1, 2, 4, 16, 64))]
    times = (
        random.choice((2, 2, 3, 3, 5, 10, 30, 100))
        if random.random() < 0.98
        else random.choice((1000, _LONGEST_REPEAT))
    )
    return data[:start] + piece * times + data[start + len(piece) :]


def _mix(others: Sequence[bytes]) -> Mutation:
    def mutate(data: bytes, random: Random) -> bytes:
        """The beginning of one input, the end of another, cut at lines where there are some."""
        first, second = data.splitlines(keepends=True), random.choice(others).splitlines(keepends=True)
        return b"".join(first[: random.randint(0, len(first))] + second[random.randint(0, len(second)) :])

    return mutate


def _put_word(words: Sequence[bytes]) -> Mutation:
    def mutate(data: bytes, random: Random) -> bytes:
        """A word of the format somewhere: put in, or in the place of a token."""
        tokens = _TOKEN.findall(data)
        at = random.randint(0, len(tokens))
        tokens[at : at + random.randint(0, 1)] = [random.choice(words)]
        return b"".join(tokens)

    return mutate


def _change_number(data: bytes, random: Random) -> bytes:
    tokens = _TOKEN.findall(data)
    places = [at for at, token in enumerate(tokens) if token[:1].isdigit()]
    if not places:
        return data
    at = random.choice(places)
    tokens[at] = random.choice(
        (
            random.choice(_NUMBERS),
            b"-" + tokens[at],
            tokens[at] + b"0",
            tokens[random.choice(places)],
            str(random.randrange(10 ** random.randint(1, 12))).encode(),
        )
    )
    return b"".join(tokens)


def _swap_tokens(data: bytes, random: Random) -> bytes:
    tokens = _TOKEN.findall(data)
    if len(tokens) < 2:
        return data
    one, two = random.randrange(len(tokens)), random.randrange(len(tokens))
    tokens[one], tokens[two] = tokens[two], tokens[one]
    return b"".join(tokens)


def _drop_line(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[random.randrange(len(lines))]
    return b"".join(lines)


def _double_line(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        lines.insert(random.randint(0, len(lines)), random.choice(lines))
    return b"".join(lines)


def _swap_lines(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        one, two = random.randrange(len(lines)), random.randrange(len(lines))
        lines[one], lines[two] = lines[two], lines[one]
    return b"".join(lines)


# JSON: a place is a container and the key or index in it.


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    rest = [value]
    while rest:
        container = rest.pop()
        keys = (
            container if isinstance(container, dict) else range(len(container)) if isinstance(container, list) else ()
        )
        found += [(container, key) for key in keys]
        rest += [container[key] for key in keys]
    return found


def _edit(data: bytes, random: Random, change: Callable[[Any, Any, Random, list[tuple[Any, Any]]], None]) -> bytes:
    try:
        value = json.loads(data)
        places = _places(value)
        if places:
            change(*random.choice(places), random, places)
        return json.dumps(value).encode()
    except (ValueError, RecursionError):
        return _change_number(data, random)


def _change_value(data: bytes, random: Random) -> bytes:
    def change(container: Any, key: Any, random: Random, _places: list[tuple[Any, Any]]) -> None:
        old = container[key]
        if isinstance(old, int | float) and random.random() < 0.5:
            container[key] = random.choice((-old, old * 10, old + 1, old // 2, str(old)))
        else:
            container[key] = random.choice(JUNK)

    return _edit(data, random, change)


def _drop_value(data: bytes, random: Random) -> bytes:
    def change(container: Any, key: Any, _random: Random, _places: list[tuple[Any, Any]]) -> None:
        del container[key]

    return _edit(data, random, change)


def _copy_value(data: bytes, random: Random) -> bytes:
    def change(container: Any, key: Any, random: Random, places: list[tuple[Any, Any]]) -> None:
        source, name = random.choice(places)
        copy = json.loads(json.dumps(source[name]))
        if isinstance(container, list) and random.random() < 0.5:
            container.append(copy)
        else:
            container[key] = copy

    return _edit(data, random, change)


def _rename_key(words: Sequence[bytes]) -> Mutation:
    names = [word.decode("utf-8", "replace").strip('"') for word in words] or ["x"]

    def mutate(data: bytes, random: Random) -> bytes:
        def change(container: Any, key: Any, random: Random, _places: list[tuple[Any, Any]]) -> None:
            if isinstance(container, dict):
                container[random.choice((*names, "", "-1", "100", "1e5", "\u2028"))] = container.pop(key)

        return _edit(data, random, change)

    return mutate

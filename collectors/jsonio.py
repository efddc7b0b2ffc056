"""JSON files: read with the line of a fault, written whole or not at all, and looked into with the key
named."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from collectors.errors import ReadError

LARGEST = 2**63
"""No counter and no clock reaches it; a larger number is damage."""
_MOST_DIGITS = 300              # so that each is a float, too
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def reject_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(f"{name} is not JSON")


def read_text(path: Path) -> str:
    """Return the file's text; ReadError where it is absent, unreadable or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReadError("no such file", file=path) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ReadError("not text in UTF-8", file=path, line=line) from None
    except OSError as error:
        raise ReadError(error.strerror or "cannot be read", file=path) from None


def parse_object(text: str, file: Path | str) -> dict[str, object]:
    """Return the JSON object in the text; ReadError with the line where it is broken."""
    try:
        value = json.loads(text, parse_constant=reject_constant, parse_int=_whole, parse_float=_fraction)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        raise ReadError(f"broken JSON ({error.msg})", file=file, line=error.lineno, text=line) from None
    except ValueError as error:
        raise ReadError(str(error), file=file) from None
    except RecursionError:
        raise ReadError("JSON nested too deeply", file=file) from None
    if _HALF_CHARACTER.search(text) is not None and not _is_text(value):
        raise ReadError("half of a character (a lone surrogate) in a text", file=file)
    if not isinstance(value, dict):
        raise ReadError("not a JSON object", file=file, line=1, text=text.split("\n", 1)[0])
    return value


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number beyond the largest that a computer holds")
    return number


def _is_text(value: object) -> bool:
    """Say whether all texts in a JSON value can be written in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_object(path: Path) -> dict[str, object]:
    """Return the JSON object in a file; ReadError where there is none."""
    return parse_object(read_text(path), path)


def dump(value: object) -> str:
    """Return JSON text: indented, in the order given, no NaN, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: to a temporary name beside it, fsynced, renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, dump(value))


class Fields:
    """A JSON object of another program, looked into key by key; every fault is a ReadError that names the
    key."""

    def __init__(self, value: Mapping[str, object], file: Path | str, where: str = "") -> None:
        self._value = value
        self._where = where
        self.file = file

    @classmethod
    def read(cls, path: Path) -> Fields:
        """Open a file; ReadError where it holds no JSON object."""
        return cls(read_object(path), path)

    def fail(self, key: str, what: str) -> ReadError:
        """Return the error for a key whose value is not `what`."""
        name = f"{self._where}{key}"
        if key not in self._value:
            return ReadError(f"{name} is missing", file=self.file)
        return ReadError(f"{name} is not {what}", file=self.file, text=json.dumps(self._value[key], default=str))

    def names(self) -> tuple[str, ...]:
        """Return the keys in file order."""
        return tuple(self._value)

    def all(self) -> Mapping[str, object]:
        """Return the object itself."""
        return self._value

    def has(self, key: str) -> bool:
        """Say whether the key is there and not null."""
        return self._value.get(key) is not None

    def raw(self, key: str) -> object:
        """Return whatever is there, None where nothing is."""
        return self._value.get(key)

    def integer(self, key: str) -> int:
        """Return a whole number; ReadError otherwise."""
        value = self._value.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(key, "a whole number")
        if abs(value) >= LARGEST:
            raise self.fail(key, "a whole number of a sensible size")
        return value

    def count(self, key: str) -> int:
        """Return a whole number that is not below 0; ReadError otherwise."""
        value = self.integer(key)
        if value < 0:
            raise self.fail(key, "a whole number of at least 0")
        return value

    def amount(self, key: str) -> float:
        """Return a number that is not below 0 and not beyond any counter; ReadError otherwise."""
        value = self.number(key)
        if not 0 <= value < LARGEST:
            raise self.fail(key, "a number of at least 0 and of a sensible size")
        return value

    def number(self, key: str) -> float:
        """Return a number; ReadError otherwise."""
        value = self._value.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail(key, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.fail(key, "a number of a sensible size")
        return number

    def text(self, key: str) -> str:
        """Return text; ReadError otherwise."""
        value = self._value.get(key)
        if not isinstance(value, str):
            raise self.fail(key, "text")
        return value

    def truth(self, key: str) -> bool:
        """Return true or false; ReadError otherwise."""
        value = self._value.get(key)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def optional_integer(self, key: str) -> int | None:
        """Return a whole number or None where it is null or absent; ReadError otherwise."""
        return self.integer(key) if self.has(key) else None

    def optional_count(self, key: str) -> int | None:
        """Return a count or None where it is null or absent; ReadError otherwise."""
        return self.count(key) if self.has(key) else None

    def optional_amount(self, key: str) -> float | None:
        """Return an amount or None where it is null or absent; ReadError otherwise."""
        return self.amount(key) if self.has(key) else None

    def optional_number(self, key: str) -> float | None:
        """Return a number or None where it is null or absent; ReadError otherwise."""
        return self.number(key) if self.has(key) else None

    def optional_text(self, key: str) -> str | None:
        """Return text or None where it is null or absent; ReadError otherwise."""
        return self.text(key) if self.has(key) else None

    def inner(self, key: str) -> Fields:
        """Return the object under the key; ReadError where there is none."""
        value = self._value.get(key)
        if not isinstance(value, dict):
            raise self.fail(key, "an object")
        return Fields(value, self.file, f"{self._where}{key}.")

    def optional_inner(self, key: str) -> Fields | None:
        """Return the object under the key, None where it is null or absent; ReadError otherwise."""
        return self.inner(key) if self.has(key) else None

    def rows(self, key: str) -> list[Fields]:
        """Return the list of objects under the key; ReadError otherwise."""
        value = self._value.get(key)
        if not isinstance(value, list):
            raise self.fail(key, "a list")
        found = []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.fail(key, "a list of objects")
            found.append(Fields(item, self.file, f"{self._where}{key}[{index}]."))
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the list of texts under the key; ReadError otherwise."""
        value = self._value.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(key, "a list of texts")
        return tuple(str(item) for item in value)

    def integers(self, key: str) -> tuple[int, ...]:
        """Return the list of whole numbers under the key; ReadError otherwise."""
        value = self._value.get(key)
        if not isinstance(value, list) or not all(type(item) is int and abs(item) < LARGEST for item in value):
            raise self.fail(key, "a list of whole numbers")
        return tuple(value)

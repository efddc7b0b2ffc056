"""YAML files with the place of every value, so that a refusal can name file and line.

A file becomes a tree of `Item`s. An item knows its dotted name, where it stands and how to check itself;
every check that fails raises one PlanError sentence: place, what is wrong, what is allowed.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from collectors.errors import PlanError

Scalar = None | bool | int | float | str

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""Names of campaigns, apps, variants, rounds and endpoints: they become parts of file and unit names."""


def listed(names: Iterable[str]) -> str:
    """The names in one line, in their own order."""
    return ", ".join(names) or "none"


def unknown(what: str, name: str, allowed: Iterable[str], where: str) -> PlanError:
    """The refusal of a name: what kind, where, the closest allowed name if one is close, all allowed
    names.
    """
    names = list(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.55)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    return PlanError(f"{where}: unknown {what} {name!r}{meant}; allowed: {listed(names)}")


@dataclass(frozen=True, kw_only=True)
class Item:
    """A value of a YAML file or of the command line; `name` is dotted and empty at the top, `where` is its
    place.
    """

    value: Scalar | tuple[Item, ...] | Mapping[str, Item]
    name: str
    where: str

    def refuse(self, wrong: str, allowed: str) -> PlanError:
        """The error of this value."""
        return PlanError(f"{self.where}: {self.name or 'the file'} {wrong}; allowed: {allowed}")

    def shown(self) -> str:
        """The value as a refusal quotes it."""
        if isinstance(self.value, Mapping):
            return "is a mapping"
        if isinstance(self.value, tuple):
            return "is a list"
        return "has no value" if self.value is None else f"is {_quoted(self.value)}"

    def plain(self) -> Any:  # noqa: ANN401 - JSON values have no narrower type
        """The value without places, as JSON can hold it."""
        if isinstance(self.value, Mapping):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value

    def fields(self, *, required: Iterable[str], optional: Iterable[str] = ()) -> Mapping[str, Item]:
        """The mapping's items; an unknown key or a missing required one is refused."""
        required, items = tuple(required), self.entries()
        allowed = (*required, *optional)
        for key, item in items.items():
            if key not in allowed:
                raise unknown(
                    "key", key, allowed, item.where if not self.name else f"{item.where}, {self.name}"
                )
        for key in required:
            if key not in items:
                raise PlanError(
                    f"{self.where}: {self.name or 'the file'} lacks the key {key!r}; allowed: "
                    f"{listed(allowed)}"
                )
        return items

    def entries(self) -> Mapping[str, Item]:
        """The mapping's items, whatever their keys."""
        if not isinstance(self.value, Mapping):
            raise self.refuse(self.shown(), "a mapping of keys to values")
        return self.value

    def named_entries(self, what: str) -> Mapping[str, Item]:
        """A mapping from names that its author chose; a name that cannot be part of a file name is
        refused.
        """
        items = self.entries()
        for key, item in items.items():
            if not NAME.fullmatch(key):
                raise PlanError(
                    f"{item.where}: {key!r} is no name for {what}; allowed: small letters, digits, and "
                    "single . _ - between them"
                )
        return items

    def items(self) -> tuple[Item, ...]:
        """The list's items; an empty list is refused."""
        if not isinstance(self.value, tuple) or not self.value:
            wrong = "is an empty list" if self.value == () else self.shown()
            raise self.refuse(wrong, "a list with at least one entry")
        return self.value

    def distinct(self, what: str) -> tuple[str, ...]:
        """A list of names, none of them twice."""
        names: list[str] = []
        for entry in self.items():
            if (name := entry.text()) in names:
                raise PlanError(
                    f"{entry.where}: {self.name} names the {what} {name!r} twice; allowed: each once"
                )
            names.append(name)
        return tuple(names)

    def text(self) -> str:
        """A text of one line, not blank."""
        if not isinstance(self.value, str) or not self.value.strip() or not self.value.isprintable():
            raise self.refuse(self.shown(), "one line of text")
        return self.value.strip()

    def choice(self, allowed: Iterable[str], what: str) -> str:
        """One of the allowed names."""
        value = self.text()
        if value not in (names := list(allowed)):
            raise unknown(what, value, names, self.where)
        return value

    def boolean(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.refuse(self.shown(), "true or false")
        return self.value

    def integer(self, low: int, high: int) -> int:
        """A whole number within low and high, both included."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            raise self.refuse(self.shown(), f"a whole number from {low} to {high}")
        return self.value

    def number(self, high: float, *, zero: bool = False) -> float:
        """A number above 0, or from 0 where zero is allowed, up to high; whole numbers stay integers."""
        value = self.value
        allowed = f"a number {'from 0' if zero else 'above 0'} to {high}"
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(self.shown(), allowed)
        if value > high or value < 0 or (value == 0 and not zero):
            raise self.refuse(self.shown(), allowed)
        return value

    def scalar(self) -> str:
        """A text or a number, as text; on and off, yes and no arrive from YAML as true and false and are
        refused.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | float):
            raise self.refuse(self.shown(), "a number or a quoted text")
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise self.refuse(self.shown(), "a finite number")
        return self.text() if isinstance(self.value, str) else str(self.value)

    def put(self, keys: tuple[str, ...], item: Item) -> Item:
        """A copy of this mapping in which the value at keys is item; every mapping on the way must exist."""
        items = dict(self.entries())
        items[keys[0]] = item if len(keys) == 1 else items[keys[0]].put(keys[1:], item)
        return replace(self, value=items)


def _quoted(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

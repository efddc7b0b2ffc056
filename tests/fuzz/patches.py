"""Small inputs for large JSON documents: what differs from a golden one.

    {"_of": "sample", "_drop": ["load.shard"], "counts.sent": -1}

is the document `sample` without one key and with one value changed. Anything else is taken as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

from tests.fuzz.mutate import JUNK, Mutation


def patched(data: bytes, documents: Mapping[str, Any]) -> bytes:
    """The document that the input means."""
    try:
        patch = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(patch, dict) or patch.get("_of") not in list(documents):
        return data
    document = json.loads(json.dumps(documents[patch["_of"]]))
    drops = patch.get("_drop", [])
    for path in drops if isinstance(drops, list) else ():
        _change(document, str(path), lambda container, key: container.pop(key))
    for path, value in patch.items():
        if not path.startswith("_"):
            _change(document, path, partial(_put, value))
    try:
        return json.dumps(document).encode()
    except RecursionError:
        return data


def _put(value: Any, container: Any, key: Any) -> None:
    container[key] = value


def _change(document: Any, path: str, change: Callable[[Any, Any], object]) -> None:
    *outer, last = path.split("/")
    inner = document
    try:
        for part in outer:
            inner = inner[int(part)] if isinstance(inner, list) else inner[part]
        if isinstance(inner, dict | list):
            change(inner, int(last) if isinstance(inner, list) else last)
    except (KeyError, IndexError, ValueError, TypeError, OverflowError):
        return


def paths(value: Any, before: tuple[str, ...] = ()) -> list[str]:
    """Every place in a document."""
    found = ["/".join(before)] if before else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += paths(item, (*before, str(key)))
    return found


def patch_mutations(documents: Mapping[str, Any]) -> list[Mutation]:
    """Mutations of a patch: one more change, one fewer, another document."""
    places = {name: paths(document) for name, document in documents.items()}

    def mutate(data: bytes, random: Random) -> bytes:
        try:
            patch = json.loads(data)
        except (ValueError, RecursionError):
            patch = None
        name = patch.get("_of") if isinstance(patch, dict) else None
        if not isinstance(patch, dict) or name not in list(places):
            name = random.choice(list(places))
            patch = {"_of": name}
        if not isinstance(patch.get("_drop", []), list):
            del patch["_drop"]
        path, choice = random.choice(places[name]), random.random()
        if choice < 0.2:
            patch.setdefault("_drop", []).append(path)
        elif choice < 0.4 and len(patch) > 1:
            del patch[random.choice([key for key in patch if key != "_of"])]
        elif choice < 0.45:
            name = random.choice(("", "100", "5x", "new", "-1"))
            patch[f"{path.rpartition('/')[0]}/{name}".lstrip("/")] = random.choice(JUNK)
        else:
            patch[path] = _other_value(_at(documents[name], path), documents[name], places[name], random)
        return json.dumps(patch).encode()

    return [mutate]


def _other_value(old: Any, document: Any, places: list[str], random: Random) -> Any:
    if isinstance(old, int | float) and random.random() < 0.5:
        return random.choice((-old, old * 10, old + 1, old // 2, str(old), round(old) + 1, round(old) * 3, 0))
    if random.random() < 0.3:
        return _at(document, random.choice(places))
    return random.choice(JUNK)


def _at(document: Any, path: str) -> Any:
    inner = document
    for part in path.split("/"):
        inner = inner[int(part)] if isinstance(inner, list) else inner[part]
    return inner

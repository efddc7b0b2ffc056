"""collectors/jsonio.py and collectors/codec.py: any JSON, looked into by every getter, and stored results."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from collectors.codec import from_json, to_json
from collectors.errors import ReadError
from collectors.jsonio import Fields, dump, parse_object
from collectors.model import LoadResult
from collectors.readers.pacer import read_pacer
from collectors.readers.wrk import read_wrk
from tests.fuzz.patches import patched
from tests.fuzz.target import GOLDEN, Target, check_figures, patch_seeds, read_twice

_GETTERS = (
    "integer",
    "number",
    "text",
    "truth",
    "optional_integer",
    "optional_number",
    "optional_text",
    "inner",
    "optional_inner",
    "rows",
    "texts",
    "integers",
)


def _stored(reader: Callable[..., LoadResult], name: str) -> Any:
    return to_json(reader((GOLDEN / name).read_text(encoding="utf-8"), name))


DOCUMENTS = {"pacer": _stored(read_pacer, "pacer/sample.json"), "wrk": _stored(read_wrk, "wrk/timeouts.txt")}


def check(data: bytes) -> bool:
    """Every getter returns its type or raises a ReadError; so does the codec, and what it returns can be stored."""
    text = patched(data, DOCUMENTS).decode("utf-8", "replace")
    value = read_twice(lambda: parse_object(text, "x"), ReadError)
    if value is None:
        return False
    fields = Fields(value, "x")
    for key in list(value)[:20]:
        for getter in _GETTERS:
            read_twice(lambda getter=getter, key=key: _plain(getattr(fields, getter)(key)), ReadError)  # type: ignore[misc]
    result = read_twice(lambda: from_json(LoadResult, value, file="x"), ReadError)
    if result is not None:
        dump(to_json(result)).encode("utf-8")
        assert from_json(LoadResult, json.loads(dump(to_json(result))), file="x") == result
    return True


def _plain(value: Any) -> Any:
    """The value in a form that can be compared."""
    if isinstance(value, Fields):
        return value.all()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        check_figures(abs(value))
    return value


TARGET = Target(
    check=check,
    seeds=lambda: [
        *patch_seeds(DOCUMENTS),
        b'{"a": [1, "x", null, {"b": 1e300}], "c": "\\u00e9"}',
        b"[]",
        b"{",
        b'{"a": NaN}',
    ],
    shape="json",
    words=(b'"tool"', b'"a"', b"\\ud800", b"[", b"{"),
    documents=DOCUMENTS,
)

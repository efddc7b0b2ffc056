"""collectors/readers/pacer.py: pacer's JSON result."""

from __future__ import annotations

from collectors.errors import ReadError
from collectors.readers.pacer import read_pacer
from tests.fuzz.loads import check_load
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, documents, golden, patch_seeds, read_twice

DOCUMENTS = documents("pacer/sample.json", "pacer/errors.json", "pacer/closed.json", "pacer/timeouts.json")


def check(data: bytes) -> bool:
    """A result in order, or a ReadError."""
    text = patched(data, DOCUMENTS).decode("utf-8", "replace")
    result = read_twice(lambda: read_pacer(text, "x"), ReadError)
    if result is not None:
        check_load(result)
    return result is not None


def seeds() -> list[bytes]:
    """The documents, and what is wrong with the broken ones."""
    return [
        *patch_seeds(DOCUMENTS),
        b'{"_of": "sample", "counts/ok": 1}',
        b'{"_of": "sample", "latency/lag/mean_ns": null}',
        *golden("pacer/broken/*.json"),
    ]


TARGET = Target(check=check, seeds=seeds, shape="json", documents=DOCUMENTS)

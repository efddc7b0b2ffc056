"""collectors/readers/fio.py: the JSON of fio."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.fio import read_fio
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, check_figures, documents, golden, patch_seeds, read_twice

DOCUMENTS = documents("fio/disk.json")


def check(data: bytes) -> bool:
    """A result in order, or a ReadError."""
    text = patched(data, DOCUMENTS).decode("utf-8", "replace")
    result = read_twice(lambda: read_fio(text, "x"), ReadError)
    if result is None:
        return False
    check_figures(result)
    check_figures(result.per_s)
    assert result.operations > 0
    dump(to_json(result)).encode("utf-8")
    assert all(line.isprintable() for line in describe("fio", result))
    return True


TARGET = Target(
    check=check,
    seeds=lambda: [*patch_seeds(DOCUMENTS), *golden("fio/broken/*.json")],
    shape="json",
    documents=DOCUMENTS,
)

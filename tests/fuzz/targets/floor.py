"""collectors/readers/floor.py: the JSON of `pacer selftest`."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.floor import read_floor
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, check_figures, documents, in_a_file, patch_seeds, read_twice

_WHOLE = documents("floor/client-bound.json")["client-bound"]
DOCUMENTS = {
    "floor": {key: _WHOLE[key] for key in ("schema_version", "kind", "floor")}
    | {part: {key: _WHOLE[part][key] for key in ("load", "validity")} for part in ("open", "closed")}
}


def check(data: bytes) -> bool:
    """A floor in order, or a ReadError."""
    text = patched(data, DOCUMENTS).decode("utf-8", "replace")
    path = in_a_file(b"")
    floor = read_twice(lambda: read_floor(text, path), ReadError)
    if floor is None:
        return False
    check_figures(floor)
    dump(to_json(floor)).encode("utf-8")
    assert floor.sentence
    assert floor.valid == (floor.fault is None)
    assert all(line.isprintable() for line in describe("floor", floor))
    return True


TARGET = Target(check=check, seeds=lambda: patch_seeds(DOCUMENTS), shape="json", documents=DOCUMENTS)

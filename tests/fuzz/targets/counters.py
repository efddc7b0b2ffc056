"""collectors/readers/counters.py and collectors/machine.py: snapshots, and what happened between two."""

from __future__ import annotations

from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.machine import figures
from collectors.readers.counters import read_counters
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, check_figures, in_a_file, patch_seeds, read_twice
from tests.unit.collectors.tool_output import Snapshot, counters

DOCUMENTS = {"before": counters("server", "before"), "after": counters("server", "after", Snapshot())}


def check(data: bytes) -> bool:
    """A snapshot in order, or a ReadError; the same of the figures between it and a sound one."""
    path = in_a_file(patched(data, DOCUMENTS))
    snapshot = read_twice(lambda: read_counters(path), ReadError)
    if snapshot is None:
        return False
    check_figures(snapshot)
    for name in DOCUMENTS:
        other = read_counters(in_a_file(patched(patch_seeds([name])[0], DOCUMENTS), name))
        for before, after in ((snapshot, other), (other, snapshot)):
            between = read_twice(lambda before=before, after=after: figures(before, after, file="x"), ReadError)  # type: ignore[misc]
            check_figures(between, signed=frozenset({"clock_step_ms"}))
            dump(to_json(between)).encode("utf-8")
    return True


TARGET = Target(check=check, seeds=lambda: patch_seeds(DOCUMENTS), shape="json", documents=DOCUMENTS)

"""collectors/readers/iperf3.py: the JSON of `iperf3 -J`."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.iperf3 import read_iperf3
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, check_figures, documents, golden, patch_seeds, read_twice

DOCUMENTS = documents("iperf3/bidir.json", "iperf3/forward.json", "iperf3/reverse.json")


def check(data: bytes) -> bool:
    """A result in order, or a ReadError."""
    text = patched(data, DOCUMENTS).decode("utf-8", "replace")
    result = read_twice(lambda: read_iperf3(text, "x"), ReadError)
    if result is None:
        return False
    check_figures(result)
    dump(to_json(result)).encode("utf-8")
    for direction in (result.forward, result.reverse):
        check_figures(None if direction is None else direction.retransmits_share)
    assert result.forward is not None or result.reverse is not None
    assert all(line.isprintable() for line in describe("iperf3", result))
    return True


TARGET = Target(
    check=check,
    seeds=lambda: [*patch_seeds(DOCUMENTS), *golden("iperf3/broken/*.json")],
    shape="json",
    documents=DOCUMENTS,
)

"""collectors/readers/detect.py: which tool wrote a file, and what its reader makes of it."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.detect import read_any
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, check_figures, documents, golden, in_a_file, patch_seeds, read_twice

DOCUMENTS = documents("pacer/errors.json", "iperf3/forward.json", "fio/disk.json")
WORDS = (
    b"PING h (h) 1\n",
    b"sysbench 1.0.20\n",
    b"Running 1s test @ h\n",
    b"$ wrk\n",
    b'{"tool": {"name": "pacer"}}',
    b'{"start": {"version": "iperf"}}',
    b"\xef\xbb\xbf",
    b"\xff",
    b"\r",
    b"\r\n",
    b"\x00",
    b"\x1c",
    b"{",
)


def check(data: bytes) -> bool:
    """A tool's name and a result in order, or a ReadError; whatever the bytes."""
    path = in_a_file(patched(data, DOCUMENTS))
    found = read_twice(lambda: read_any(path), ReadError)
    if found is None:
        return False
    tool, result = found
    check_figures(result, signed=frozenset({"value", "limit"}))
    dump({"format": tool, "result": to_json(result)}).encode("utf-8")
    assert all(line.isprintable() for line in describe(tool, result))
    return True


def seeds() -> list[bytes]:
    """Files of every tool."""
    return [*patch_seeds(DOCUMENTS), *golden("wrk/*.txt", "ping/*.txt", "sysbench/*.txt", "*/broken/*")]


TARGET = Target(check=check, seeds=seeds, shape="lines", words=WORDS, documents=DOCUMENTS)

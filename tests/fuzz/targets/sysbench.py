"""collectors/readers/sysbench.py: the text of sysbench."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.sysbench import read_sysbench
from tests.fuzz.target import Target, check_figures, golden, read_twice

WORDS = (
    b"sysbench 1.0.20 (using system LuaJIT 2.1.0-beta3)\n",
    b"Number of threads: 2\n",
    b"Prime numbers limit: 10000\n",
    b"Running memory speed test with the following options:\n",
    b"  block size: 1024KiB\n",
    b"  operation: read\n",
    b"  scope: local\n",
    b"    events per second:  1403.85\n",
    b"7671.00 MiB transferred (7662.59 MiB/sec)\n",
    b"    total time:                          1.0008s\n",
    b"    total number of events:              0\n",
    b"\r\n",
)


def check(data: bytes) -> bool:
    """A result in order, or a ReadError."""
    text = data.decode("utf-8", "replace")
    result = read_twice(lambda: read_sysbench(text, "x"), ReadError)
    if result is None:
        return False
    check_figures(result)
    assert result.speed > 0
    assert result.work.isprintable()
    dump(to_json(result)).encode("utf-8")
    assert all(line.isprintable() for line in describe("sysbench", result))
    return True


TARGET = Target(
    check=check, seeds=lambda: golden("sysbench/*.txt", "sysbench/broken/*.txt"), shape="lines", words=WORDS
)

"""collectors/readers/h2load.py and its log of single requests: a text, and a log after a line `===`."""

from __future__ import annotations

from collectors.errors import ReadError
from collectors.readers.h2load import read_h2load
from tests.fuzz.loads import check_load
from tests.fuzz.target import GOLDEN, Target, golden, read_twice

_BETWEEN = b"\n===\n"
_WORDS = (
    b"$ h2load --rps 10 -m5 -c10 -D30 http://h/\n",
    b"starting benchmark...\n",
    b"spawning thread #0: 10 total client(s). 100 total requests\n",
    b"spawning thread #0: 4 total client(s). ",
    b"Timing-based test with 1s of warm-up time and 3s of main duration for measurements.\n",
    b"Warm-up started for thread #0.\n",
    b"progress: 10% done\n",
    b"Application protocol: h2c\n",
    b"finished in 1.00s, 100.00 req/s, 1.2MB/s\n",
    b"requests: 100 total, 100 started, 100 done, 90 succeeded, 10 failed, 1 errored, 0 timeout\n",
    b"status codes: 90 2xx, 0 3xx, 5 4xx, 4 5xx\n",
    b"traffic: 1.2MB (100) total, 3B (3) headers (space savings 9.1%), 0B (0) data\n",
    b"                     min         max         mean         sd        +/- sd\n",
    b"time for request:      100us      2.3ms       1us        0us    90.00%\n",
    b"time for connect:      100us      2.3ms       1us        0us    90.00%\n",
    b"time to 1st byte:      100us      2.3ms       1us        0us    90.00%\n",
    b"req/s           :       1.00       2.00        3.00        4.00    50.00%\n",
    _BETWEEN,
    b"1700000000000000\t200\t1500\n",
    b"\t-1\t",
    b"\t",
    b"--rps=1e9",
)


def check(data: bytes) -> bool:
    """A result in order, or a ReadError."""
    text, separator, log = data.decode("utf-8", "replace").partition(_BETWEEN.decode())
    result = read_twice(lambda: read_h2load(text, "x", log=(log, "x.log") if separator else None), ReadError)
    if result is not None:
        check_load(result)
    return result is not None


def seeds() -> list[bytes]:
    """Every text alone, and with the beginning of its log."""
    found = golden("h2load/*.txt", "h2load/broken/*.txt")
    for path in sorted((GOLDEN / "h2load").glob("*.log")):
        log = b"".join(path.read_bytes().splitlines(keepends=True)[:20])
        found.append(path.with_suffix(".txt").read_bytes() + _BETWEEN + log)
    text = (GOLDEN / "h2load" / "number.txt").read_bytes()
    return [*found, *(b"$ h2load -m 10 --rps 5 http://h/\n" + each for each in found[:3]), text + _BETWEEN]


TARGET = Target(check=check, seeds=seeds, shape="lines", words=_WORDS)

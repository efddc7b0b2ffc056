"""collectors/readers/wrk.py: the text of wrk, wrk2, and of what prints like them."""

from __future__ import annotations

from collectors.errors import ReadError
from collectors.readers.wrk import read_wrk
from tests.fuzz.loads import check_load
from tests.fuzz.target import Target, golden, read_twice

WORDS = (
    b"Running 30s test @ http://h/\n",
    b"  12 threads and 400 connections\n",
    b"  Thread Stats   Avg      Stdev     Max   +/- Stdev\n",
    b"    Latency   619.86ms    1.20s     9.59s    86.63%\n",
    b"    Req/Sec   346.76     60.83     0.93k    78.02%\n",
    b"  Latency Distribution\n",
    b"  Latency Distribution (HdrHistogram - Recorded Latency)\n",
    b"  Latency Distribution (HdrHistogram - Uncorrected Latency (x))\n",
    b"     99%    1.37m\n",
    b" 99.999%   10.00s\n",
    b"100.000%   10.00s\n",
    b"  Detailed Percentile spectrum:\n",
    b"       Value   Percentile   TotalCount 1/(1-Percentile)\n",
    b"       1.000     0.000000            1         1.00\n",
    b"#[Max     =    10.000, Total count    =          100]\n",
    b"----------------------------------------------------------\n",
    b"  70320 requests in 30.00s, 12.34MB read\n",
    b"  Socket errors: connect 0, read 1, write 0, timeout 3\n",
    b"  Non-2xx or 3xx responses: 7\n",
    b"Requests/sec:   2344.23\n",
    b"Transfer/sec:    421.25KB\n",
    b"$ wrk2 -R4000 -T 10s http://h/\n",
    b"$ wrk --timeout 1h http://h/\n",
    b"-nan",
    b"nan%",
    b"us",
    b"ms",
    b"1.5h",
    b"2P",
    b"3TB",
    b"\r\n",
)


def check(data: bytes) -> bool:
    """A result in order, or a ReadError."""
    text = data.decode("utf-8", "replace")
    result = read_twice(lambda: read_wrk(text, "x"), ReadError)
    if result is not None:
        check_load(result)
    return result is not None


TARGET = Target(check=check, seeds=lambda: golden("wrk/*.txt", "wrk/broken/*.txt"), shape="lines", words=WORDS)

"""collectors/readers/wrk2.py: wrk2's text, as collectors/readers/wrk.py hands it on to be judged."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets.wrk import WORDS, check

_HEAD = b"""Running 30s test @ http://h/index
  2 threads and 10 connections
  Thread calibration: mean lat.: 2.1ms, rate sampling interval: 10ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.01ms    0.92ms   9.42ms   68.00%
    Req/Sec   209.95    121.12   555.00     70.21%
"""
_NOTHING = _HEAD.replace(b"2.01ms    0.92ms   9.42ms   68.00%", b"0.00us    0.00us   0.00us    -nan%")
_RECORDED = b"""  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.96ms
 99.000%    4.40ms
100.000%    9.42ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       0.112     0.000000            1         1.00
       9.423     1.000000         7820          inf
#[Mean    =        2.010, StdDeviation   =        0.920]
#[Max     =        9.416, Total count    =         7820]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
"""
_UNCORRECTED = b"""
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%  210.00us
 99.000%    1.10ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

#[Max     =        1.416, Total count    =         7820]
-----
"""
_TOTAL = b"  12000 requests in 30.00s, 4.27MB read\n"
_ERRORS = b"  Socket errors: connect 0, read 3, write 0, timeout 80\n  Non-2xx or 3xx responses: 7\n"
_RATE = b"Requests/sec:    400.00\nTransfer/sec:    145.66KB\n"
_SEEDS = (
    b"$ wrk2 -t2 -c10 -d30s -R400 --latency http://h/index\n" + _HEAD + _RECORDED + _TOTAL + _RATE,
    b"$ wrk2 -t2 -c10 -d30s -R 800 -U http://h/\n" + _HEAD + _RECORDED + _UNCORRECTED + _TOTAL + _ERRORS + _RATE,
    _NOTHING + _TOTAL + _RATE,
    b"$ wrk2 -R0.1 http://h/\n" + _HEAD + _TOTAL.replace(b"12000 ", b"0 ") + _RATE.replace(b"400.00", b"0.00"),
)

TARGET = Target(
    check=check,
    seeds=lambda: _SEEDS,
    shape="lines",
    words=(*WORDS, b"  Thread calibration: x\n", b"#[Mean    =        2.010, StdDeviation   =        0.920]\n"),
)

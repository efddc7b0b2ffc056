"""pacer/hlog.py: reading a histogram log back."""

from __future__ import annotations

from pacer.histogram import Histogram
from pacer.hlog import read_log, totals
from tests.fuzz.target import Target, check_figures, read_twice
from tests.fuzz.targets.histogram import check_histogram

_TEXTS = [Histogram.of(values).encode().encode() for values in ([], [5], [10**6, 2 * 10**6, 10**9])]
_LINES = [
    b"Tag=%s,%d.000,1.000,%d.000,%s\n" % (tag, second, second, _TEXTS[second])
    for second in range(3)
    for tag in (b"corrected", b"service", b"lag")
]
_TOP = (
    b"#[Logged with pacer 0.1.0]\n#[Histogram log format version 1.3]\n"
    b'#[StartTime: 1441812279.474 (seconds since epoch), x]\n"StartTimestamp","Interval_Length","Interval_Max","x"\n'
)


def check(data: bytes) -> bool:
    """Intervals in order, or a ValueError."""
    text = data.decode("utf-8", "replace")
    found = read_twice(
        lambda: [
            (each.tag, each.start_s, each.length_s, tuple(each.histogram.counts.items())) for each in read_log(text)
        ],
        ValueError,
    )
    if found is None:
        return False
    for _tag, start_s, length_s, _counts in found:
        check_figures((start_s, length_s))
    for histogram in totals(read_log(text)).values():
        check_histogram(histogram)
    return True


TARGET = Target(
    check=check,
    seeds=lambda: [_TOP + b"".join(_LINES), _TOP, *_LINES, b"0.5,1.0,2.0," + _TEXTS[1], b"nonsense\n"],
    shape="lines",
    words=(*_LINES, *_TEXTS, b"Tag=,", b"nan", b"inf", b"1e999", b"-1", b",", b"#", b'"', b"\r\n", b"\x1c", b"1_0"),
)

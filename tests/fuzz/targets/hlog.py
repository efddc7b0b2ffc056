"""collectors/readers/hlog.py: a histogram log as a person reads it."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.hlog import read_hlog
from pacer.histogram import Histogram
from pacer.recording import TAGS
from tests.fuzz.target import Target, check_figures, read_twice
from tests.fuzz.targets import pacer_log

_TOP = b"#[Logged with pacer 0.1.0]\n#[StartTime: 1441812279.474 (seconds since epoch), x]\n"
_VALUES = Histogram.of([10**6, 2 * 10**6]).encode()


def check(data: bytes) -> bool:
    """A log in order, or a ReadError."""
    text = data.decode("utf-8", "replace")
    log = read_twice(lambda: read_hlog(text, "x"), ReadError)
    if log is None:
        return False
    check_figures(log)
    dump(to_json(log)).encode("utf-8")
    assert sum(each.count for each in log.totals) == sum(each.figures.count for each in log.intervals)
    assert all(line.isprintable() for line in describe("histogram log", log))
    return True


def seeds() -> list[bytes]:
    """A whole log of pacer, one cut short, and those of others."""
    lines = [f"Tag={tag},{second}.000,1.000,2.000,{_VALUES}\n".encode() for second in range(2) for tag in TAGS]
    return [_TOP + b"".join(lines), _TOP + b"".join(lines[:-1]), *pacer_log.TARGET.seeds()]


TARGET = Target(check=check, seeds=seeds, shape="lines", words=(*pacer_log.TARGET.words, _TOP))

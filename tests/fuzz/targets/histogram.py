"""pacer/histogram.py: decoding HdrHistogram's V2 encoding.

An input is a letter and what follows it: `t` the text itself, `r` the bytes inside base64, `c` the bytes inside zlib,
`p` the counts alone. So mutations reach each layer.
"""

from __future__ import annotations

import base64
import struct
import zlib

from pacer.histogram import Histogram
from tests.fuzz.target import Target, check_figures, read_twice

LARGEST_NS = 2**63


def encoded(data: bytes) -> str:
    """The text that an input means."""
    layer, rest = data[:1], data[1:]
    if layer == b"t":
        return rest.decode("utf-8", "replace")
    if layer == b"p":
        rest = struct.pack(">iiiiqqd", 0x1C849313, len(rest), 0, 3, 1, 3600 * 10**9, 1.0) + rest
    if layer in (b"p", b"c"):
        rest = zlib.compress(rest, 1)
        rest = struct.pack(">ii", 0x1C849314, len(rest)) + rest
    return base64.b64encode(rest).decode("ascii")


def check_histogram(histogram: Histogram) -> None:
    """Its figures are possible and it survives being encoded."""
    figures = [
        histogram.n,
        histogram.minimum(),
        histogram.maximum(),
        histogram.mean(),
        histogram.deviation(),
        *(histogram.percentile(percent) for percent in ("50", "99", "100")),
    ]
    check_figures(figures)
    check_figures(list(histogram.counts.values()))
    assert all(value is None or value < LARGEST_NS for value in figures[1:])
    assert Histogram.decode(histogram.encode()).counts == histogram.counts


def check(data: bytes) -> bool:
    """A histogram in order, or a ValueError."""
    text = encoded(data)
    counts = read_twice(lambda: dict(Histogram.decode(text).counts), ValueError)
    if counts is not None:
        check_histogram(Histogram(counts))
    return counts is not None


def seeds() -> list[bytes]:
    """Encodings of few and of many values, at every layer."""
    found = []
    for values in ([], [0], [1, 1, 2047, 2048, 10**6], [7 * 10**9] * 300, [cell * 997 for cell in range(300)]):
        text = Histogram.of(values).encode()
        raw = base64.b64decode(text)
        inner = zlib.decompress(raw[8:])
        found += [b"t" + text.encode(), b"r" + raw, b"c" + inner, b"p" + inner[40:]]
    return [*found, b"t", b"tHISTF", b"p" + b"\xff" * 9, b"p" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x02"]


TARGET = Target(
    check=check,
    seeds=seeds,
    shape="bytes",
    words=(
        b"\xff" * 8,
        b"\xfe" + b"\xff" * 8,
        b"\x01",
        b"\x02",
        b"\x80",
        b"\x00",
        b"\x7f\xff\xff\xff",
        b"\x1c\x84\x93\x13",
    ),
)

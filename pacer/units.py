"""Read and print durations, rates and sizes."""

from __future__ import annotations

import re
from fractions import Fraction

NS_PER_S = 1_000_000_000
ABSENT = "\u2013"               # what is printed for a figure that was not measured: an en dash

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)?", re.ASCII)
_DURATION_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": NS_PER_S, "m": 60 * NS_PER_S,
                "h": 3600 * NS_PER_S}
_RATE = re.compile(r"(\d+(?:\.\d+)?)([kKM]?)", re.ASCII)
_RATE_FACTOR = {"": 1, "k": 1_000, "K": 1_000, "M": 1_000_000}
_LONGEST_H = 10_000             # longer times do not fit into the clocks' 64 bits everywhere, and are slips


def parse_duration_ns(text: str) -> int:
    """Return nanoseconds for "30", "30s", "500ms", "2m", "1.5h"; a bare number is seconds.

    Raises ValueError with one sentence when the text is none of these.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a duration: write a number and ns, us, ms, s, m or h, such as 30s")
    value = int(Fraction(match[1]) * _DURATION_NS[match[2] or "s"])
    if value > _LONGEST_H * _DURATION_NS["h"]:
        raise ValueError(f"'{text}' is longer than {_LONGEST_H} hours")
    return value


def parse_rate(text: str) -> Fraction:
    """Return requests per second, exactly, for "4000", "0.5", "4k"; raises ValueError with one sentence."""
    match = _RATE.fullmatch(text.strip())
    if match is None or Fraction(match[1]) == 0:
        raise ValueError(f"'{text}' is not a rate: write requests per second above 0, such as 4000 or 0.5")
    return Fraction(match[1]) * _RATE_FACTOR[match[2]]


def parse_count(text: str) -> int:
    """Return a whole number of at least 1, "2k" allowed; raises ValueError with one sentence."""
    match = _RATE.fullmatch(text.strip())
    value = Fraction(match[1]) * _RATE_FACTOR[match[2]] if match else Fraction(0)
    if value < 1 or value.denominator != 1:
        raise ValueError(f"'{text}' is not a whole number of at least 1")
    return int(value)


def seconds(ns: int) -> float:
    """Return seconds for nanoseconds."""
    return ns / NS_PER_S


def show_ns(ns: float | None) -> str:
    """Return a time for people: three significant digits in ns, us, ms or s; a dash when not measured."""
    if ns is None:
        return ABSENT
    for limit, factor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit * 0.9995:
            return f"{_three(ns / factor)} {unit}"
    return f"{_three(ns / 1e9)} s"


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def show_rate(per_s: float | None) -> str:
    """Return a rate for people, a dash when there is none."""
    if per_s is None:
        return ABSENT
    return f"{per_s:.1f}" if per_s >= 10 else f"{per_s:.3g}"


def show_bytes(count: float) -> str:
    """Return a number of bytes the way wrk prints it: 1024-based, two decimals, no space."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.2f}{unit}"
        count /= 1024
    return f"{count:.2f}TB"

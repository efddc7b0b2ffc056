"""Reading and writing quantities: latencies, counts and sizes as the load generators print them."""

from __future__ import annotations

import math
import re
from typing import Final

_MICROSECONDS: Final = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}
_DECIMAL: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_BINARY: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
_NUMBER: Final = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"
_LARGEST: Final = 2**63

DASH: Final = "\N{EN DASH}"
"""What is shown where nothing was measured."""


def duration_us(text: str) -> float:
    """Return microseconds of `12.5us`, `1.37m` (82.2 s, not 97 s), `2h` ...; ValueError for anything else."""
    return _scaled(text, r"(us|ms|s|m|h)", _MICROSECONDS, "a duration in us, ms, s, m or h")


def count(text: str) -> float:
    """Return the number of `346.76`, `1.67k`, `2M`; ValueError for anything else."""
    return _scaled(text, r"([kMGTP]?)", _DECIMAL, "a number with k, M, G, T or P")


def size_bytes(text: str) -> int:
    """Return bytes of `785.72MB`, `64.36KB`, `0.00B` (steps of 1024); ValueError for anything else."""
    if not text.endswith("B"):
        raise ValueError(f"{text!r} is not a size in B, KB, MB, GB, TB or PB")
    size = round(_scaled(text[:-1], r"([KMGTP]?)", _BINARY, "a size in B, KB, MB, GB, TB or PB"))
    if size >= _LARGEST:
        raise ValueError(f"{text!r} is more bytes than any counter holds")
    return size


def requests_in(rate_per_s: float, seconds: float) -> int:
    """Return how many requests a rate makes in a time; ValueError for more than any counter holds."""
    number = rate_per_s * seconds
    if not number < _LARGEST:
        raise ValueError(f"{rate_per_s:g} requests per second for {seconds:g} s are more than any counter holds")
    return round(number)


def _scaled(text: str, unit: str, scales: dict[str, float] | dict[str, int], what: str) -> float:
    match = re.fullmatch(_NUMBER + unit, text)
    if match is None:
        raise ValueError(f"{text!r} is not {what}")
    return round(float(match[1]) * scales[match[2]], 6)


def show_latency(value_us: float | None, *, at_least: bool = False) -> str:
    """Return three significant digits with a unit (`1.76ms`, `82.2s`, `712us`), a dash for None, `≥` for
    at_least."""
    if value_us is None:
        return DASH
    for scale, unit in ((1e6, "s"), (1e3, "ms"), (1.0, "us")):
        if value_us >= 0.9995 * scale or unit == "us":
            return ("≥" if at_least else "") + significant(value_us / scale) + unit
    raise AssertionError(value_us)


def significant(value: float, digits: int = 3) -> str:
    """Return the value with so many significant digits, all of its whole ones, never in exponent form."""
    if value == 0:
        return "0"
    rounded = round(value, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, decimals)}f}"


def show_rate(value_per_s: float | None) -> str:
    """Return requests per second: one decimal below 10,000, whole above; a dash for None."""
    if value_per_s is None:
        return DASH
    if value_per_s == int(value_per_s) or value_per_s >= 10_000:
        return f"{value_per_s:.0f}"
    return f"{value_per_s:.1f}"


def show_share(share: float | None, *, decimals: int | None = None) -> str:
    """Return a share as percent; a share above 0 never prints as `0%`; a dash for None."""
    if share is None:
        return DASH
    percent = share * 100
    if decimals is not None:
        return f"{percent:.{decimals}f}%"
    if percent in {0, 100}:
        return f"{percent:.0f}%"
    if percent < 0.001:
        return "<0.001%"
    return (significant(percent, 3) if percent >= 1 else significant(percent, 2)) + "%"


def show_bytes(value: float | None) -> str:
    """Return bytes with a binary unit (`126 MiB`); a dash for None."""
    if value is None:
        return DASH
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{significant(value)} {unit}"
        value /= 1024
    raise AssertionError(value)


def show_quantity(value: float | str | None, unit: str) -> str:
    """Return a value of evidence with its unit: shares as percent, `us` and `ns` as latencies, text as it is."""
    if value is None or isinstance(value, str):
        return DASH if value is None else value
    if unit.startswith("share"):
        return show_share(value)
    if unit in {"us", "ns"}:
        return show_latency(value if unit == "us" else value / 1e3)
    return f"{value:g} {unit}".rstrip()

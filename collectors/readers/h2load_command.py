"""What an h2load command line asked for and its output does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.errors import ReadError

STREAMS_MOST: Final = 2**31 - 1
"""Streams that one HTTP/2 connection can have: their identifiers have 31 bits (RFC 9113, section 5.1.1)."""
_NAMES: Final = {
    "-m": "streams",
    "--max-concurrent-streams": "streams",
    "--rps": "rps",
    "-D": "duration",
    "--duration": "duration",
    "-N": "inactivity",
    "--connection-inactivity-timeout": "inactivity",
}
_FLAGS: Final = frozenset({"--h1", "-v", "--verbose", "--no-tls-proto", "--no-udp-gso"})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """URL, streams on each connection, requests per second of each connection; None where not said."""

    url: str | None = None
    streams: int | None = None
    rps: float | None = None


def asked_of(argv: Sequence[str] | None, file: Path | str) -> Asked:
    """Return what the command asked for; ReadError where a number is none."""
    given: dict[str, str] = {}
    url: str | None = None
    words = list(argv or ())[1:]
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            url = word if "://" in word else url
        elif word.startswith("--") and equals:
            given[_NAMES.get(name, name)] = value
        elif word in _NAMES or (word not in _FLAGS and len(word) == 2):
            given[_NAMES.get(word, word)] = words.pop(0) if words else ""
        elif word[:2] in _NAMES and not word.startswith("--"):
            given[_NAMES[word[:2]]] = word[2:]
    streams = _streams(given.get("streams", "1"), argv, file)
    rps = _above_zero(given["rps"], argv, file) if "rps" in given else None
    return Asked(url=url, streams=streams if argv else None, rps=rps)


def _streams(text: str, argv: Sequence[str] | None, file: Path | str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= STREAMS_MOST:
        sentence = f"the command cannot be understood: {text!r} is no number of streams from 1 to {STREAMS_MOST}"
        raise ReadError(sentence, file=file, text=" ".join(argv or ()))
    return int(text)


def _above_zero(text: str, argv: Sequence[str] | None, file: Path | str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        sentence = f"the command cannot be understood: {text!r} is no number above 0"
        raise ReadError(sentence, file=file, text=" ".join(argv or ()))
    return value

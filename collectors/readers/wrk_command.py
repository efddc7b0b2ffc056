"""What a wrk or wrk2 command line asked for and its output does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from collectors import units
from collectors.errors import ReadError

_WITH_VALUE = {
    "-c": "connections",
    "--connections": "connections",
    "-d": "duration",
    "--duration": "duration",
    "-t": "threads",
    "--threads": "threads",
    "-R": "rate",
    "--rate": "rate",
    "--timeout": "timeout",
    "-T": "timeout",
    "-s": "script",
    "--script": "script",
    "-H": "header",
    "--header": "header",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Rate (wrk2 only), timeout and which of the two tools; None where the command does not say."""

    is_wrk2: bool = False
    rate_per_s: float | None = None
    timeout_s: float | None = None


def asked_of(argv: Sequence[str] | None, file: Path | str) -> Asked:
    """Return what the command asked for; ReadError where a rate or timeout is no quantity."""
    if not argv:
        return Asked()
    given = _options(argv[1:])
    try:
        rate = units.count(given["rate"]) if "rate" in given else None
        timeout = _seconds(given["timeout"]) if "timeout" in given else None
    except ValueError as error:
        raise ReadError(f"the command cannot be understood: {error}", file=file, text=" ".join(argv)) from None
    return Asked(is_wrk2=PurePath(argv[0]).name == "wrk2", rate_per_s=rate, timeout_s=timeout)


def _seconds(text: str) -> float:
    return units.duration_us(text if text[-1:].isalpha() else f"{text}s") / 1e6


def _options(words: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    pending: str | None = None
    for word in words:
        if pending is not None:
            given[pending], pending = word, None
        elif word in _WITH_VALUE:
            pending = _WITH_VALUE[word]
        elif word.startswith("--") and "=" in word:
            name, _, value = word.partition("=")
            if name in _WITH_VALUE:
                given[_WITH_VALUE[name]] = value
        elif word[:2] in _WITH_VALUE and not word.startswith("--"):
            given[_WITH_VALUE[word[:2]]] = word[2:]
    return given

"""The errors a user can cause. Their message is one sentence that says what is wrong, where, and what is
allowed."""

from __future__ import annotations

from pathlib import Path

_QUOTE_LIMIT = 160


class TandemError(Exception):
    """Bad input. The message is the sentence that is shown; the exit status is 2."""


class PlanError(TandemError):
    """A campaign, profile, app or launcher that cannot be planned."""


class ReadError(TandemError):
    """A raw file that is not what it should be: truncated, damaged or of another tool.

    `file` is the path as it was given, `line` the number of the line counted from 1 (None where the file as a
    whole is meant), `text` the line itself.
    """

    def __init__(self, message: str, *, file: Path | str, line: int | None = None, text: str | None = None) -> None:
        self.file = str(file)
        self.line = line
        self.text = text
        self.reason = message
        where = self.file if line is None else f"{self.file}, line {line}"
        quoted = "" if text is None else f": {_shorten(text)!r}"
        super().__init__(f"{where}: {message}{quoted}")


def _shorten(text: str) -> str:
    return text if len(text) <= _QUOTE_LIMIT else text[: _QUOTE_LIMIT - 1] + "…"

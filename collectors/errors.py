"""The errors a user can cause. Their message is one sentence that says what is wrong, where, and what is
allowed."""

from __future__ import annotations

from pathlib import Path

_QUOTE_LIMIT = 160
_SENTENCE_LIMIT = 600


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
        self.reason = one_line(message)
        where = self.file if line is None else f"{self.file}, line {line}"
        quoted = "" if text is None else f": {_shorten(repr(_shorten(text, _QUOTE_LIMIT)), 2 * _QUOTE_LIMIT)}"
        super().__init__(f"{where}: {self.reason}{quoted}")


def one_line(text: str) -> str:
    """Return the text short and printable: it may quote a key or a message of a damaged file."""
    cut = text if len(text) <= _SENTENCE_LIMIT else text[:_SENTENCE_LIMIT] + "…"
    return _shorten("".join(each if each.isprintable() else repr(each)[1:-1] for each in cut), _SENTENCE_LIMIT)


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"

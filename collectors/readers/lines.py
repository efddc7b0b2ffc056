"""A cursor over the lines of a text report, whose errors quote the line and its number."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from collectors.errors import ReadError

T = TypeVar("T")


class Lines:
    """Lines taken one after the other; every line must be taken by somebody."""

    def __init__(self, text: str, file: Path | str) -> None:
        self._lines = text.split("\n")
        self._at = 0
        self.file = file

    def _peek(self) -> str | None:
        return self._lines[self._at].rstrip("\r ") if self._at < len(self._lines) else None

    def skip_blank(self) -> None:
        """Go past empty lines."""
        while self._peek() == "":
            self._at += 1

    def take_if(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take the next line where the pattern fits all of it, else stay."""
        line = self._peek()
        match = None if line is None else pattern.fullmatch(line)
        if match is not None:
            self._at += 1
        return match

    def take(self, pattern: re.Pattern[str], what: str, *, blank: bool = False) -> re.Match[str]:
        """Take the next line, which must fit; ReadError saying what was expected and quoting what is
        there."""
        if not blank:
            self.skip_blank()
        match = self.take_if(pattern)
        if match is None:
            raise self.missing(what)
        return match

    def missing(self, what: str) -> ReadError:
        """Return the error for something expected at the next line."""
        self.skip_blank()
        line = self._peek()
        if line is None:
            last = max(1, sum(1 for each in self._lines if each.strip()))
            return ReadError(f"the text ends before {what}", file=self.file, line=last)
        return ReadError(f"expected {what}", file=self.file, line=self._at + 1, text=line)

    def error(self, message: str) -> ReadError:
        """Return an error about the line taken last."""
        at = max(self._at - 1, 0)
        return ReadError(message, file=self.file, line=at + 1, text=self._lines[at].rstrip("\r "))

    def convert(self, function: Callable[[str], T], text: str) -> T:
        """Return function(text); its ValueError becomes an error about the line taken last."""
        try:
            return function(text)
        except ValueError as error:
            raise self.error(str(error)) from None

    def end(self) -> None:
        """Require that nothing but empty lines is left."""
        self.skip_blank()
        if self._peek() is not None:
            raise ReadError("a line after the end of the report", file=self.file, line=self._at + 1, text=self._peek())

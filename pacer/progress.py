"""The live line of `--progress`: one that is written over on a terminal, a line a second elsewhere."""

from __future__ import annotations

import os
from typing import TextIO

from pacer.recording import Second
from pacer.text import show_second
from pacer.units import NS_PER_S

_LEAST_COLUMNS = 20
_USUAL_COLUMNS = 80             # where the terminal does not say


class Progress:
    """Shows each second of a run as it ends. Use as a context manager. A reader that goes away ends the showing."""

    def __init__(self, out: TextIO | None, duration_ns: int) -> None:
        self._out = out
        self._seconds = -(-duration_ns // NS_PER_S)
        self._live = out is not None and out.isatty()
        self._shown = False

    def __call__(self, entry: Second) -> None:
        """Show one second; those after the window are the drain."""
        text = show_second(entry, self._seconds)
        self._write(f"\r\x1b[K{text[:self._columns() - 1]}" if self._live else text + "\n")
        self._shown = True

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the last line standing."""
        if self._live and self._shown:
            self._write("\n")

    def _columns(self) -> int:
        """Return the terminal's width now: a longer line would not be written over."""
        try:
            columns = os.get_terminal_size(self._out.fileno()).columns if self._out else 0
        except OSError:
            columns = 0
        return max(_LEAST_COLUMNS, columns or _USUAL_COLUMNS)

    def _write(self, text: str) -> None:
        if self._out is None:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:
            self._out = None

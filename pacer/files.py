"""Write a file completely or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from pacer.errors import UsageError


class AtomicFile:
    """A file that appears under its name only when everything is in it.

    Its temporary neighbour is made at once, so that a place that cannot be written to is known before any
    load.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            if path.is_dir():
                raise IsADirectoryError(21, "it is a directory")
            self._part.touch()
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from error

    def write(self, text: str) -> None:
        """Write, flush to disk, rename. Raises OSError and leaves nothing behind when that fails."""
        try:
            with self._part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self._part.replace(self.path)
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the temporary file."""
        self._part.unlink(missing_ok=True)

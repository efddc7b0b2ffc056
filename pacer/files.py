"""Write a file completely or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pacer.errors import UsageError


class AtomicFile:
    """A file that appears under its name only when everything is in it.

    Its temporary neighbour is made at once, so that a place that cannot be written to is known before any
    load. A link stays a link: the file that it names is written. What is no plain file (/dev/null, a pipe) or is
    this process's own output is never replaced, it is written to as it is.
    """

    def __init__(self, path: Path) -> None:
        """Make sure that the path can be written. Raises UsageError when it cannot."""
        self.path = path
        self._part: Path | None = None
        try:
            if path.is_dir():
                raise IsADirectoryError(21, "it is a directory")
            self._target = path.resolve()
            self._output = _own_output(path)
            if path.exists() and (not path.is_file() or self._output is not None):
                if not os.access(path, os.W_OK):
                    raise PermissionError(13, "permission denied")
            else:
                self._part = self._target.with_name(f".{self._target.name}.{os.getpid()}.part")
                self._part.touch()
        except (OSError, ValueError, RuntimeError) as error:     # RuntimeError: links that go round in a circle
            raise UsageError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error

    def write(self, text: str) -> None:
        """Write, flush to disk, rename. Raises OSError and leaves nothing behind when that fails."""
        try:
            if self._part is None:
                place = self.path if self._output is None else os.dup(self._output)
                with open(place, "w", encoding="utf-8") as file:       # noqa: PTH123 - may be a descriptor
                    file.write(text)
                return
            with self._part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self._part.replace(self._target)
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the temporary file."""
        if self._part is not None:
            self._part.unlink(missing_ok=True)


def _own_output(path: Path) -> int | None:
    """Return the descriptor when a path is where standard output or standard error go, such as /dev/stdout."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):          # it may be closed, and the path may not exist
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
    return None

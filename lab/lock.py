"""One command at a time for each lab."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.config import Config
from lab.errors import LabError, Say


@contextmanager
def held(config: Config, say: Say) -> Iterator[None]:
    """Hold the lab's lock; wait for another command that has it.

    Raises LabError when the directory cannot be made.
    """
    path = config.directory / ".lock"
    while True:
        try:
            config.directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LabError(f"{config.directory} cannot be used: {error.strerror}") from None
        try:
            _take(descriptor, say)
            if _is_still(descriptor, path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
                yield
                return
        finally:
            os.close(descriptor)


def _take(descriptor: int, say: Say) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.pread(descriptor, 20, 0).decode(errors="replace")
        say(f"another lab command (process {other}) is at work: waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_still(descriptor: int, path: Path) -> bool:
    """Whether the file we locked is the one at the path: `purge` removes it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False

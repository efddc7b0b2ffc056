"""The journal: what the machine's settings were, on disk and synced before the first of them is changed.

One file, settings-journal.json, written whole and renamed. An original is recorded once, before its key is
first written, and never overwritten; a closed journal is kept as settings-journal-last.json.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 1
NAME = "settings-journal.json"
LAST_NAME = "settings-journal-last.json"
LOCK_NAME = "settings.lock"


class JournalError(Exception):
    """The journal cannot be read or written; the message says what to do."""


@dataclass(kw_only=True)
class Entry:
    """One key: its original, the values written (the last is in force), whether it only followed another."""

    original: str
    written: list[str] = field(default_factory=list)
    side_effect: bool = False

    def expect(self, value: str) -> None:
        """Record value as the one in force."""
        self.written = [*(old for old in self.written if old != value), value]


@dataclass(kw_only=True)
class Journal:
    """An open transaction: identity of the boot, all settings before it, and the keys it changed."""

    boot_id: str
    created_utc: str
    before: dict[str, str]
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def originals(self) -> dict[str, str]:
        """The original value of every key ever written."""
        return {key: entry.original for key, entry in self.entries.items()}

    def record(self, key: str, *, original: str, side_effect: bool = False) -> Entry:
        """The entry of a key; made with this original if there is none yet."""
        entry = self.entries.setdefault(key, Entry(original=original, side_effect=side_effect))
        entry.side_effect = entry.side_effect and side_effect
        return entry


class JournalFile:
    """The journal's place on disk. The folder is made when the first journal is saved."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.path = os.path.join(folder, NAME)
        self.last_path = os.path.join(folder, LAST_NAME)

    def load(self) -> Journal | None:
        """The open journal, or None. Raises JournalError when it is damaged or from a later version."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return _journal_of(json.load(file))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JournalError(f"the journal {self.path} is damaged or of another version; reboot the machine, "
                               "which puts every setting back, and delete the file") from error

    def save(self, journal: Journal) -> None:
        """Put the journal on disk, synced. Raises JournalError when the disk refuses; then write nothing."""
        document = {
            "schema_version": SCHEMA_VERSION, "boot_id": journal.boot_id, "created_utc": journal.created_utc,
            "entries": {key: vars(entry) for key, entry in journal.entries.items()}, "before": journal.before,
        }
        try:
            os.makedirs(self.folder, exist_ok=True)
            self._replace(json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be written ({error.strerror}); "
                               "nothing was changed after its last state") from error

    def close(self) -> None:
        """Keep the journal as the last one; no transaction is open any more."""
        try:
            os.replace(self.path, self.last_path)
            self._sync_folder()
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be closed ({error.strerror})") from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let one process at a time change settings: a timer may restore while a playbook does."""
        try:
            os.makedirs(self.folder, exist_ok=True)
            descriptor = os.open(os.path.join(self.folder, LOCK_NAME), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(f"the folder {self.folder} cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def sync(self, descriptor: int) -> None:
        """Wait until the disk has it."""
        os.fsync(descriptor)

    def _replace(self, text: str) -> None:
        partial = f"{self.path}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            self.sync(file.fileno())
        os.replace(partial, self.path)
        self._sync_folder()

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)


def utc_now() -> str:
    """This moment as 2026-01-31T12:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _journal_of(document: dict[str, Any]) -> Journal:
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError(document["schema_version"])
    entries = {
        str(key): Entry(original=str(raw["original"]), written=[str(value) for value in raw["written"]],
                        side_effect=bool(raw["side_effect"]))
        for key, raw in document["entries"].items()
    }
    before = {str(key): str(value) for key, value in document["before"].items()}
    return Journal(boot_id=str(document["boot_id"]), created_utc=str(document["created_utc"]), before=before,
                   entries=entries)

"""The index results/index.sqlite: what is known of each folder, kept in step with the folders, made anew when in doubt.

Nothing is in it that the folders do not hold, so it may be deleted at any time. Whoever uses it holds a lock on the
results folder meanwhile: there is one user at a time, and a damaged file can be replaced safely.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from collectors import VERSION
from collectors.compare.baseline import FOLDER as BASELINES
from collectors.compare.metrics import METRICS
from collectors.compare.store import NOISE
from collectors.errors import TandemError
from collectors.history.model import Entry, Reading, Row
from collectors.history.read import read_folder
from collectors.plan.freeze import PLAN_FILE
from collectors.record import JOURNAL

T = TypeVar("T")

INDEX: Final = "index.sqlite"
LAYOUT: Final = f"2 {VERSION} {' '.join(METRICS)}"
"""What an index was made by; one of another version is made anew."""
OWN: Final = frozenset({NOISE, BASELINES})
"""Folders beside the campaigns that are Tandem's and no campaigns."""
AT_ONCE: Final = 100
"""Folders that are read before they are kept, so that an interruption loses little."""
_ENTRY: Final = ", ".join(Entry._fields)
_ROW: Final = ", ".join((*Row._fields[:-1], *METRICS))
_SCHEMA: Final = f"""
    CREATE TABLE layout (version TEXT NOT NULL);
    CREATE TABLE folders (name TEXT PRIMARY KEY, stamp INTEGER NOT NULL, fault TEXT) WITHOUT ROWID;
    CREATE TABLE campaigns ({_ENTRY}, PRIMARY KEY (created_utc, folder)) WITHOUT ROWID;
    CREATE INDEX by_name ON campaigns (folder);
    CREATE TABLE runs (in_folder, {_ROW});
    CREATE INDEX by_folder ON runs (in_folder);
    CREATE INDEX by_cell ON runs (service, endpoint, round, profile);
"""


def asked(results: Path, question: Callable[[sqlite3.Connection], T], *, rebuild: bool = False) -> tuple[T, list[str]]:
    """Bring the index in step with the folders, put a question to it, and return the answer with the sentences on what
    could not be read.

    Where the index cannot be kept (a folder that cannot be written, a file that somebody else holds) everything is
    read into memory, and a sentence says so. TandemError where there is no such folder.
    """
    try:
        os.close(os.open(results, os.O_RDONLY | os.O_DIRECTORY))
    except (FileNotFoundError, NotADirectoryError):
        raise TandemError(
            f"{results}: there is no such folder; give the folder that holds the campaigns' folders"
        ) from None
    except OSError as error:
        raise TandemError(f"{results}: this folder cannot be read: {error.strerror}") from None
    if (results / PLAN_FILE).is_file():
        raise TandemError(f"{results}: this is one campaign's folder; give the folder that holds it")
    path = results / INDEX
    try:
        with _locked(results):
            return _kept(path, question, rebuild=rebuild)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        why = f"{path}: the index cannot be kept here ({reason}), so every folder was read: slow, and right"
        with closing(sqlite3.connect(":memory:")) as database:
            database.executescript(_SCHEMA)
            answer, faults = _answer(database, results, question)
            return answer, [*faults, why]


def _kept(path: Path, question: Callable[[sqlite3.Connection], T], *, rebuild: bool) -> tuple[T, list[str]]:
    """Ask the index on the disk; one that is damaged or of another version is made anew, once."""
    if not rebuild and path.exists():
        try:
            with closing(_opened(path)) as database:
                if _layout(database) == LAYOUT:
                    return _answer(database, path.parent, question)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY}:
                raise
    for name in (path, path.with_name(f"{path.name}-journal"), path.with_name(f"{path.name}-wal")):
        name.unlink(missing_ok=True)
    with closing(_opened(path)) as database:
        database.executescript(_SCHEMA)
        with database:
            database.execute("INSERT INTO layout VALUES (?)", (LAYOUT,))
        return _answer(database, path.parent, question)


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=5)
    database.execute("PRAGMA synchronous = OFF")        # a lost index is made again
    return database


def _layout(database: sqlite3.Connection) -> str | None:
    row = database.execute("SELECT version FROM layout").fetchone()
    return None if row is None else str(row[0])


def _answer(
    database: sqlite3.Connection, results: Path, question: Callable[[sqlite3.Connection], T]
) -> tuple[T, list[str]]:
    known = dict(database.execute("SELECT name, stamp FROM folders"))
    changed, gone = changes(results, known)
    if changed or gone:
        _follow(database, results, changed, gone)
    faults = database.execute("SELECT fault FROM folders WHERE fault IS NOT NULL ORDER BY name")
    return question(database), [str(fault) for (fault,) in faults]


class Stamp(NamedTuple):
    """What tells that a folder changed, as digests: its inode with its journal's time and size (None without one),
    and all that with when something was put into the folder (a plan, a summary: each is written beside and renamed).
    """

    journal: int | None
    folder: int


def stamp_of(entry: os.DirEntry[str], descriptor: int) -> Stamp:
    """Return a folder's stamp; the descriptor is that of the folder it lies in."""
    journal = _journal(entry, descriptor)
    return Stamp(journal, hash((journal or entry.inode(), entry.stat(follow_symlinks=False).st_mtime_ns)))


def _journal(entry: os.DirEntry[str], descriptor: int) -> int | None:
    try:
        status = os.stat(f"{entry.name}/{JOURNAL}", dir_fd=descriptor)
    except OSError:
        return None
    return hash((entry.inode(), status.st_mtime_ns, status.st_size))    # of whole numbers: the same in each process


def changes(results: Path, known: dict[str, int]) -> tuple[dict[str, Stamp], set[str]]:
    """Return the folders that are new or changed with their stamps, and the names of those that are gone.

    A folder with all its runs on record is known by its journal alone: there may be a hundred thousand of them, and no
    run is recorded without a line in it. Links and hidden folders are left out.
    """
    changed, gone = {}, set(known)
    descriptor = os.open(results, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for entry in os.scandir(descriptor):
            name = entry.name
            if name[0] == "." or name in OWN or not name.isprintable() or not entry.is_dir(follow_symlinks=False):
                continue
            gone.discard(name)
            before = known.get(name)
            if before is not None and before == _journal(entry, descriptor):
                continue
            stamp = stamp_of(entry, descriptor)
            if before != stamp.folder:
                changed[name] = stamp
    finally:
        os.close(descriptor)
    return changed, gone


def _all_on_record(reading: Reading) -> bool:
    entry = reading.entry
    return entry is not None and reading.fault is None and entry.recorded == entry.planned


def _follow(database: sqlite3.Connection, results: Path, changed: Mapping[str, Stamp], gone: Iterable[str]) -> None:
    with database:
        for name in gone:
            _forget(database, name)
    names = sorted(changed)
    for start in range(0, len(names), AT_ONCE):
        read = [(name, read_folder(results / name)) for name in names[start : start + AT_ONCE]]
        with database:
            for name, reading in read:
                _forget(database, name)
                keep(database, name, changed[name], reading)


def _forget(database: sqlite3.Connection, name: str) -> None:
    database.execute("DELETE FROM folders WHERE name = ?", (name,))
    database.execute("DELETE FROM campaigns WHERE folder = ?", (name,))
    database.execute("DELETE FROM runs WHERE in_folder = ?", (name,))


def keep(database: sqlite3.Connection, name: str, stamp: Stamp, reading: Reading) -> None:
    """Put what was read of a folder into the index."""
    known = stamp.journal if stamp.journal is not None and _all_on_record(reading) else stamp.folder
    database.execute("INSERT INTO folders VALUES (?, ?, ?)", (name, known, reading.fault))
    if reading.entry is not None:
        database.execute(f"INSERT INTO campaigns VALUES ({_marks(reading.entry)})", reading.entry)  # noqa: S608 - marks
    flat = [(name, *row[:-1], *row.measures) for row in reading.rows]
    if flat:
        database.executemany(f"INSERT INTO runs VALUES ({_marks(flat[0])})", flat)  # noqa: S608 - nothing but marks


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


@contextmanager
def _locked(results: Path) -> Iterator[None]:
    """Hold the results folder's lock, waiting for whoever has it; it goes with the process."""
    descriptor = os.open(results, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

"""The index below the history: it follows the folders, and nothing that happens to it matters."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from collectors.history import campaigns, store
from collectors.history.model import Campaigns, Reading
from collectors.history.read import read_folder
from collectors.history.store import INDEX
from tests.unit.collectors.test_history import execution

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("made")
    for number in range(3):
        execution(results, number, blocks=2)
    campaigns(results)
    return results


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "results", symlinks=True)
    campaigns(tmp_path / "results")                     # copies have inodes of their own
    return tmp_path / "results"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that are read from now on."""
    names: list[str] = []

    def noted(directory: Path) -> Reading:
        names.append(directory.name)
        return read_folder(directory)

    monkeypatch.setattr(store, "read_folder", noted)
    return names


def names(found: Campaigns) -> list[str]:
    return [entry.folder for entry in found.entries]


def test_nothing_is_read_twice(results: Path, reads: list[str]) -> None:
    assert names(campaigns(results)) == ["quick-00", "quick-01", "quick-02"]
    assert reads == []
    campaigns(results, rebuild=True)
    assert reads == ["quick-00", "quick-01", "quick-02"]


def _journal(folder: Path) -> None:
    with (folder / "journal.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{}\n")


def _summary(folder: Path) -> None:
    beside = folder / ".summary.json.tmp"
    beside.write_text("{}\n", encoding="utf-8")
    beside.replace(folder / "summary.json")


def _replaced(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)


@pytest.mark.parametrize(
    ("change", "incomplete"), [(_journal, False), (_replaced, False), (_journal, True), (_summary, True)]
)
def test_a_folder_that_changed_is_read_again(
    results: Path, reads: list[str], change: Callable[[Path], None], *, incomplete: bool
) -> None:
    """Once all runs are on record only the journal can say something new."""
    if incomplete:
        min((results / "quick-01" / "runs").glob("*/run.json")).unlink()
        _journal(results / "quick-01")
        assert campaigns(results).entries[1].recorded == 1
        assert reads.pop() == "quick-01"
    change(results / "quick-01")
    assert names(campaigns(results)) == ["quick-00", "quick-01", "quick-02"]
    assert reads == ["quick-01"]
    campaigns(results)
    assert reads == ["quick-01"]


def test_a_damaged_folder_is_looked_at_until_it_is_whole(results: Path, reads: list[str]) -> None:
    path = results / "quick-01" / "campaign.json"
    whole = path.read_text(encoding="utf-8")
    path.write_text("{", encoding="utf-8")
    assert len(campaigns(results, rebuild=True).faults) == 1
    beside = path.with_suffix(".new")
    beside.write_text(whole, encoding="utf-8")
    beside.replace(path)
    reads.clear()
    assert campaigns(results).faults == []
    assert reads == ["quick-01"]


def test_folders_come_and_go(results: Path, reads: list[str]) -> None:
    shutil.rmtree(results / "quick-00")
    execution(results, 7, blocks=1)
    assert names(campaigns(results)) == ["quick-01", "quick-02", "quick-07"]
    assert reads == ["quick-07"]
    with closing(sqlite3.connect(results / INDEX)) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (5,)
        assert database.execute("SELECT count(*) FROM runs WHERE in_folder = 'quick-00'").fetchone() == (0,)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("this is no database, and longer than the head of one would be\n" * 9, encoding="utf-8")


def _torn(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _scrambled(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xa5" * (len(content) - 100))


def _older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE layout SET version = '0 0.0.1 rate'")


def _of_something_else(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE campaigns (something)")


def _lost_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE campaigns")


@pytest.mark.parametrize("damage", [_empty, _text, _torn, _scrambled, _older, _of_something_else, _lost_table])
def test_a_damaged_or_other_index_is_made_anew(
    results: Path, reads: list[str], damage: Callable[[Path], None]
) -> None:
    damage(results / INDEX)
    found = campaigns(results)
    assert (names(found), found.faults) == (["quick-00", "quick-01", "quick-02"], [])
    assert reads == ["quick-00", "quick-01", "quick-02"]
    campaigns(results)
    assert len(reads) == 3, "kept again"


def test_an_index_that_cannot_be_kept_is_done_without(results: Path) -> None:
    (results / INDEX).unlink()
    (results / INDEX).mkdir()
    found = campaigns(results)
    assert names(found) == ["quick-00", "quick-01", "quick-02"]
    assert found.faults[-1].endswith(
        f"{INDEX}: the index cannot be kept here (Is a directory), so every folder was read: slow, and right"
    )


def test_an_index_that_somebody_else_holds_is_left_alone(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, timeout=0.0: connect(path, timeout=0.05 if timeout else 0.0))
    inode = (results / INDEX).stat().st_ino
    with closing(connect(results / INDEX)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = campaigns(results)
    assert names(found) == ["quick-00", "quick-01", "quick-02"]
    assert "locked" in found.faults[0]
    assert (results / INDEX).stat().st_ino == inode


def test_many_at_once_agree(results: Path) -> None:
    """Eight processes that ask while folders are added, replaced and removed, and the index is damaged, all answer."""
    command = [sys.executable, "-m", "collectors", "history", str(results)]
    stop = threading.Event()

    def disturb() -> None:
        turn = 0
        while not stop.is_set():
            _journal(results / "quick-01")
            if turn % 5 == 2:
                (results / INDEX).write_bytes(b"damage" * 1000)
            turn += 1
            stop.wait(0.05)

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        running = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(8)
        ]
        ended = [(process.communicate(timeout=120), process.returncode) for process in running]
    finally:
        stop.set()
        disturber.join()
    for (out, err), status in ended:
        assert (status, err) == (0, "")
        assert [line.split()[2] for line in out.splitlines()[1:4]] == ["quick-00", "quick-01", "quick-02"]
    assert campaigns(results).faults == []


def test_the_lock_ends_with_its_holder(results: Path) -> None:
    """A process that is killed while it has the index leaves nothing that has to be cleared away."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom collectors.history.store import asked\n"
        "asked(Path(sys.argv[1]), lambda database: os._exit(7))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(results)], cwd=ROOT, check=False)
    assert done.returncode == 7
    assert len(campaigns(results).entries) == 3


def test_hidden_folders_files_and_links_are_no_campaigns(results: Path) -> None:
    (results / ".old").mkdir()
    (results / "note.txt").write_text("x", encoding="utf-8")
    (results / "latest").symlink_to("quick-02")
    found = campaigns(results)
    assert (len(found.entries), found.faults) == (3, [])

"""The stand-alone program, run as the timer runs it: one file, another Python, no Ansible."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tandem_kernel
from tandem_kernel import cli, program, timer
from tandem_kernel.report import Report, SettingsError

from tests.unit.settings.fake_kernel import state_of, transaction_on


def run(folder: Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    argv = [python, "-I", str(folder / program.NAME), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_program_holds_every_module_of_the_package(tmp_path: Path) -> None:
    program.install(str(tmp_path))
    package = Path(tandem_kernel.__file__).parent
    modules = {f"tandem_kernel/{path.name}" for path in package.glob("*.py")} - {"tandem_kernel/program.py"}
    with zipfile.ZipFile(tmp_path / program.NAME) as archive:
        assert set(archive.namelist()) == modules | {"__main__.py"}


def test_installing_twice_writes_once(tmp_path: Path) -> None:
    folder = str(tmp_path / "opt/tandem/lib")
    assert program.install(folder, check=True)
    assert not Path(folder).exists()
    assert program.install(folder)
    assert not program.install(folder)
    Path(folder, program.NAME).write_bytes(b"old")
    assert program.install(folder)
    assert [path.name for path in Path(folder).iterdir()] == [program.NAME]


@pytest.mark.parametrize("python", [sys.executable, "/usr/bin/python3"], ids=["this", "the-systems"])
def test_it_restores_a_machine_by_itself(root: Path, tmp_path: Path, python: str) -> None:
    if not Path(python).exists():
        pytest.skip(f"there is no {python} here")
    program.install(str(tmp_path))
    before = state_of(root)
    transaction_on(root).apply({"net.core.somaxconn": 1, "vm.nr_hugepages": 2})
    status = run(tmp_path, "--root", str(root), "status", python=python)
    assert (status.returncode, status.stderr) == (1, "")
    (first, _) = json.loads(status.stdout)["settings"]
    assert first == {"key": "net.core.somaxconn", "original": "4096", "now": "1"}
    done = run(tmp_path, "--root", str(root), "restore", "--stop", "tandem-*.service", python=python)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["restored"] is True
    assert state_of(root) == before
    assert run(tmp_path, "--root", str(root), "status", python=python).returncode == 0


@pytest.mark.parametrize("dropping", [True, False], ids=["dropped", "cannot-be-dropped"])
def test_added_limits_go_also_where_a_setting_cannot_be_put_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, dropping: bool
) -> None:
    done: list[str] = []

    def drop() -> None:
        done.append("drop")
        if not dropping:
            raise timer.TimerError("it stays")

    def stays() -> Report:
        done.append("restore")
        raise SettingsError("not as they were", Report(state="restored"))

    transaction = transaction_on(root)
    monkeypatch.setattr(timer, "has_systemd", lambda _: True)
    monkeypatch.setattr(timer, "drop_limits", drop)
    monkeypatch.setattr(transaction, "restore", stays)
    with pytest.raises(SettingsError):
        cli.restore(transaction, [])
    assert done == ["drop", "restore"]


def test_wrong_words_are_answered_with_the_usage(tmp_path: Path) -> None:
    program.install(str(tmp_path))
    done = run(tmp_path, "destroy")
    assert done.returncode == 2
    assert "usage: tandem_settings" in done.stderr


@pytest.mark.parametrize(("prepare", "status", "sentence"), [
    pytest.param("damage", 2, "is damaged", id="damaged-journal"),
    pytest.param("read-only", 1, "settings are not as they were: net.core.somaxconn", id="cannot-put-back"),
])
def test_failures_are_one_sentence(root: Path, prepare: str, status: int, sentence: str,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    transaction_on(root).apply({"net.core.somaxconn": 1})
    journal = root / "var/lib/tandem/settings-journal.json"
    if prepare == "damage":
        journal.write_text("{")
    else:
        document: dict[str, Any] = json.loads(journal.read_text())
        document["entries"]["net.core.somaxconn"]["original"] = "4096"
        path = root / "proc/sys/net/core/somaxconn"
        path.unlink()
        path.symlink_to("/proc/sys/kernel/ostype")      # a file that refuses every write, also from root
    assert cli.main(["--root", str(root), "restore"]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("tandem_settings: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1

"""A run's profile on a made-up machine: put in force, read back, and what is left for the restore."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tandem_profile
from tandem_kernel.keys import KernelFiles
from tandem_kernel.transaction import Transaction

from tests.unit.settings.fake_kernel import state_of

SOMAXCONN, FILES, GONE = "net.core.somaxconn", "fs.file-max", "net.ipv4.tcp_tw_recycle"
STOCK: dict[str, Any] = {}
TUNED: dict[str, Any] = {SOMAXCONN: {"value": "65535", "optional": False}, GONE: {"value": "1", "optional": True}}
OTHER: dict[str, Any] = {SOMAXCONN: {"value": "1024", "optional": False}, FILES: {"value": "500000"}}
KEYS = sorted({*TUNED, *OTHER})


def params(kernel: dict[str, Any], *, switch: bool = True, **more: Any) -> dict[str, Any]:
    settings = {"switch": switch, "kernel": kernel, "keys": KEYS, "service_ports": []}
    return {"machine": "client", "profile": "p", "serves": False, "settings": settings, **more}


def settled(root: Path, kernel: dict[str, Any], *, switch: bool = True) -> dict[str, Any]:
    return tandem_profile.settle(params(kernel, switch=switch), str(root))


def test_going_to_and_fro_ends_where_it_began(root: Path) -> None:
    before, there = state_of(root), Transaction(KernelFiles(str(root)))
    for kernel, value, files in (
        (STOCK, "4096", "9223372036854775807"), (TUNED, "65535", "9223372036854775807"), (OTHER, "1024", "500000"),
        (TUNED, "65535", "9223372036854775807"), (STOCK, "4096", "9223372036854775807"), (OTHER, "1024", "500000"),
    ):
        found = settled(root, kernel)
        assert (found["kernel"][SOMAXCONN], found["kernel"][FILES], found["faults"]) == (value, files, [])
        journal = there.before()
        assert journal is None or journal.entries[SOMAXCONN].original == "4096", "a profile's value is no original"
        if journal is not None:
            assert (found["asked"][SOMAXCONN], found["asked"].get(FILES, files)) == (value, files)
            assert journal.before == before
    assert there.restore().restored
    assert state_of(root) == before


def test_what_the_machine_lacks_is_said_with_the_reason(root: Path) -> None:
    found = settled(root, TUNED)
    assert found["kernel"][GONE] is None
    assert [(row["key"], row["why"]) for row in found["unavailable"]] == [(GONE, "this kernel does not have it")]


def test_with_one_profile_nothing_is_written_and_all_is_read(root: Path) -> None:
    before = state_of(root)
    found = settled(root, TUNED, switch=False)
    assert (found["kernel"][SOMAXCONN], found["asked"][SOMAXCONN]) == ("4096", "65535")
    assert state_of(root) == before
    assert not (root / "var").exists()


def test_values_that_make_no_sense_are_a_finding_of_the_run(root: Path) -> None:
    before = state_of(root)
    found = settled(root, {"net.core.rmem_max": {"value": str(2**60)}})
    assert len(found["faults"]) == 1
    assert "more than memory of this machine" in found["faults"][0]
    assert state_of(root) == before


def test_a_damaged_journal_is_a_finding_and_nothing_is_written(root: Path) -> None:
    settled(root, TUNED)
    (root / "var/lib/tandem/settings-journal.json").write_text("{half")
    before = state_of(root)
    found = settled(root, OTHER)
    assert any("is damaged or of another version" in fault for fault in found["faults"])
    assert state_of(root) == before


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemd was asked; nothing of it is real."""
    asked: list[str] = []

    def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
        asked.append(" ".join(words))
        return subprocess.CompletedProcess(words, 0, "4242\n", "")

    monkeypatch.setattr(tandem_profile, "systemctl", systemctl)
    return asked


def test_open_files_are_set_for_the_daemon_and_taken_away_again(root: Path, commands: list[str]) -> None:
    path = root / "run/systemd/system/tandem-a.service.d/profile.conf"
    for nofile, text, calls in ((4096, "[Service]\nLimitNOFILE=4096\n", 1), (4096, "[Service]\nLimitNOFILE=4096\n", 1),
                                (8192, "[Service]\nLimitNOFILE=8192\n", 2), (None, None, 3), (0, None, 3)):
        tandem_profile.limit("tandem-a.service", nofile, str(root))
        assert (path.read_text() if path.exists() else None) == text
        assert [command for command in commands if not command.startswith("show")] == ["daemon-reload"] * calls


def test_the_limit_is_that_of_the_daemon_and_of_no_other_unit(root: Path, commands: list[str]) -> None:
    tandem_profile.limit("tandem-a.service", 4096, str(root))
    assert [path.name for path in (root / "run/systemd/system").iterdir()] == ["tandem-a.service.d"]
    assert commands == ["daemon-reload"]


@pytest.mark.parametrize("nofile", [4096, None])
def test_systemd_is_told_of_a_limit_that_a_step_before_did_not_come_to_tell(
    root: Path, monkeypatch: pytest.MonkeyPatch, nofile: int | None
) -> None:
    asked: list[str] = []

    def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
        asked.append(words[0])
        return subprocess.CompletedProcess(words, 0, "yes\n", "")

    monkeypatch.setattr(tandem_profile, "systemctl", systemctl)
    path = root / tandem_profile.LIMITS.format(unit="tandem-a.service")
    if nofile:
        path.parent.mkdir(parents=True)
        path.write_text(f"[Service]\nLimitNOFILE={nofile}\n")
    tandem_profile.limit("tandem-a.service", nofile, str(root))
    assert asked == ["show", "daemon-reload"]


@pytest.mark.parametrize("status", [0, 3])
def test_a_machine_that_was_put_back_meanwhile_is_not_changed_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    asked: list[str] = []

    def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
        asked.append(" ".join(words))
        return subprocess.CompletedProcess(words, status, "", "")

    monkeypatch.setattr(tandem_profile, "systemctl", systemctl)
    monkeypatch.setattr(tandem_profile, "has_systemd", lambda _: True)
    before = state_of(root)
    if status:
        with pytest.raises(tandem_profile.RestoredError, match=r"^this machine has no tandem-restore\.timer, so it"):
            settled(root, TUNED)
        assert state_of(root) == before
    else:
        assert settled(root, TUNED)["kernel"][SOMAXCONN] == "65535"
    assert asked == ["is-active --quiet tandem-restore.timer"]


def test_with_one_profile_the_timer_is_not_asked_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_profile, "has_systemd", lambda _: True)
    assert settled(root, TUNED, switch=False)["faults"] == []


def test_the_limit_is_read_from_the_process_itself(root: Path, commands: list[str]) -> None:
    (root / "proc/4242").mkdir(parents=True)
    text = "Limit  Soft Limit  Hard Limit  Units\nMax open files    4096    8192    files\n"
    (root / "proc/4242/limits").write_text(text)
    assert tandem_profile.open_files("tandem-a.service", str(root)) == 4096
    assert commands == ["show tandem-a.service --property=MainPID --value"]
    assert tandem_profile.open_files("tandem-a.service", str(root / "other")) is None


def answers(monkeypatch: pytest.MonkeyPatch, rows: object) -> None:
    """PostgreSQL's client, which says this."""

    def run(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        said = rows if isinstance(rows, str) else json.dumps(rows)
        return subprocess.CompletedProcess(argv, 0, said, "psql: no server\n")

    monkeypatch.setattr(subprocess, "run", run)


DATABASE = {"postgresql_text": "work_mem = '5MB'\n", "postgresql_keys": ["work_mem"]}
ROW = {"name": "work_mem", "value": "5MB", "asked": True, "applied": True, "pending_restart": False}


def test_postgresql_is_restarted_when_its_settings_differ(
    root: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9", "15"):
        (root / f"etc/postgresql/{version}/tandem/conf.d").mkdir(parents=True)
    answers(monkeypatch, [ROW])
    faults: list[str] = []
    for text, restarts in (("a", 1), ("a", 1), ("b", 2)):
        found = tandem_profile.database({**DATABASE, "postgresql_text": text}, 5442, faults, str(root))
        assert (found, faults) == ({"work_mem": "5MB"}, [])
        assert commands == ["restart postgresql@15-tandem.service"] * restarts
        assert (root / "etc/postgresql/15/tandem/conf.d/tandem.conf").read_text() == text


def test_postgresql_is_restarted_when_the_kernels_settings_were_switched(
    root: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would run on with what it was started under: accept queue, socket buffers, huge pages."""
    (root / "etc/postgresql/15/tandem/conf.d").mkdir(parents=True)
    answers(monkeypatch, [ROW])
    for kernel, restarts in ((TUNED, 1), (TUNED, 1), (OTHER, 2), (STOCK, 3), (STOCK, 3)):
        asked = params(kernel, serves=True, service={"unit": "tandem-a.service"}, database_port=5442)
        asked["settings"].update(DATABASE)
        assert tandem_profile.settle(asked, str(root))["faults"] == []
        assert commands.count("restart postgresql@15-tandem.service") == restarts


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([{**ROW, "applied": False}], "PostgreSQL's work_mem is 5MB, which is not what was asked"),
        ([{**ROW, "pending_restart": True}], "PostgreSQL's work_mem is 5MB, which is not what was asked"),
        ("", "PostgreSQL does not answer: psql: no server"),
    ],
)
def test_what_postgresql_does_not_have_in_force_is_a_finding(
    root: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch, rows: object, fault: str
) -> None:
    (root / "etc/postgresql/15/tandem/conf.d").mkdir(parents=True)
    answers(monkeypatch, rows)
    faults: list[str] = []
    tandem_profile.database(DATABASE, 5442, faults, str(root))
    assert faults == [fault]
    assert len(commands) == 1


def test_a_machine_without_the_cluster_is_a_finding(root: Path, commands: list[str]) -> None:
    faults: list[str] = []
    assert tandem_profile.database(DATABASE, 5442, faults, str(root)) == {}
    assert faults == ["this machine has no PostgreSQL cluster of the bench"]
    assert commands == []

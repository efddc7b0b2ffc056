"""What stands in the lab's way, and the sentence for each."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from lab import base, checks, cli, config, files, machines, process
from lab.errors import LabError


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Config:
    """A host that has everything."""
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(process, "succeeds", lambda argv: True)
    monkeypatch.setattr(base, "key_of", lambda lab: "bookworm-0123456789ab")
    monkeypatch.setattr(base, "host_of", lambda lab: None)
    monkeypatch.setattr(files, "file_system_of", lambda path: "ext4")
    monkeypatch.setattr(files, "free_bytes", lambda path: 10**12)
    monkeypatch.setattr(machines, "foreign", lambda machine: None)
    return config.Config(directory=tmp_path / "lab", cache=tmp_path / "lab" / "cache")


def lacking(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(process, "succeeds", lambda argv: not all(word in argv for word in words))


def test_a_host_that_has_everything_passes(lab: config.Config) -> None:
    assert checks.examine(lab) == checks.Findings(problems=(), missing_packages=())
    checks.need_all(lab)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(("overlay",), "no overlayfs can be mounted in .* \\(ext4\\)", id="overlayfs"),
        pytest.param(("true",), "no network namespaces", id="network namespaces"),
        pytest.param(("veth",), "no veth links", id="veth"),
        pytest.param(("tbf",), "no token bucket filter", id="tbf"),
    ],
)
def test_a_missing_feature_of_the_kernel_is_named(
    lab: config.Config, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    lacking(monkeypatch, *words)
    with pytest.raises(LabError, match=sentence):
        checks.need_all(lab)


def test_an_overlayfs_below_is_refused(lab: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "file_system_of", lambda path: "overlay")
    with pytest.raises(LabError, match="is on an overlayfs, which cannot carry another: choose a directory on a disk"):
        checks.need_all(lab)


def test_missing_programs_are_named_by_their_packages(lab: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"tc", "ip", "systemd-nspawn"}
    monkeypatch.setattr(shutil, "which", lambda program: None if program in absent else program)
    found = checks.examine(lab)
    assert found.missing_packages == ("iproute2", "systemd-container")
    assert found.problems == ("programs are missing: apt-get install iproute2 systemd-container",)


@pytest.mark.parametrize(
    ("have", "free_bytes", "problem"),
    [
        pytest.param("nothing", 1_900_000_000, True, id="no room to build"),
        pytest.param("nothing", 2_100_000_000, False, id="room to build"),
        pytest.param("tarball", 900_000_000, True, id="no room to unpack"),
        pytest.param("tarball", 1_100_000_000, False, id="room to unpack"),
        pytest.param("folder", 200_000_000, True, id="no room to run"),
        pytest.param("folder", 400_000_000, False, id="room to run"),
    ],
)
def test_room_is_checked_before_it_is_needed(
    lab: config.Config, monkeypatch: pytest.MonkeyPatch, have: str, free_bytes: int, *, problem: bool
) -> None:
    if have == "folder":
        base.folder_of(lab).mkdir(parents=True)
    elif have == "tarball":
        lab.cache.mkdir(parents=True)
        base.tarball_of(lab).touch()
    monkeypatch.setattr(files, "free_bytes", lambda path: free_bytes)
    found = checks.examine(lab).problems
    assert bool(found) is problem
    assert not problem or "GB free and the lab needs" in found[0]


def test_another_lab_of_the_same_name_is_not_touched(lab: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "foreign", lambda machine: "/srv/other")
    with pytest.raises(LabError, match="another lab in /srv/other has a machine called tandem-server"):
        checks.need_all(lab)


def test_another_system_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cli.main(["up", "--directory", "/nowhere/lab"]) == 2
    assert capsys.readouterr().err == (
        "lab: the lab needs Linux and this is darwin: use two real machines, or run it on a Linux machine\n"
    )


def test_a_user_without_rights_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cli.main(["down", "--directory", "/nowhere/lab"]) == 2
    assert capsys.readouterr().err == ("lab: the lab makes namespaces and mounts, which needs root: run it with sudo\n")


def test_names_and_addresses_need_no_rights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cli.main(["json", "--directory", "/nowhere/lab"]) == 0
    assert '"bench_address": "10.99.10.2"' in capsys.readouterr().out


@pytest.mark.parametrize("command", ["up", "down", "check", "loss", "sh"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    assert "usage: python -m lab" in capsys.readouterr().out

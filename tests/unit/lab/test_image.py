"""What a base image holds, and the commands that make it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import image, process, progress, sources
from lab.errors import LabError

HOST = sources.Host(family="debian", suite="bookworm")


def test_the_packages_are_installed_without_what_they_only_recommend() -> None:
    command = image.build_command(HOST, ["acl", "wrk"], Path("/lab/base"), Path("/tmp/sources.list"), ['A "b"'])
    assert command[0] == "mmdebstrap"
    assert "--include=acl,wrk" in command
    assert '--aptopt=APT::Install-Recommends "false"' in command
    assert '--aptopt=A "b"' in command
    assert command[-3:] == ["bookworm", "/lab/base", "/tmp/sources.list"]


def test_the_packaging_of_postgresql_is_asked_for_no_cluster_before_it_is_installed(tmp_path: Path) -> None:
    command = image.build_command(HOST, [], Path("/b"), Path("/s"), [])
    for hook in (word.removeprefix("--essential-hook=") for word in command if word.startswith("--essential-hook=")):
        process.run(["sh", "-c", hook, "sh", str(tmp_path)])  # as mmdebstrap does
    asked = tmp_path / "etc/postgresql-common/createcluster.d/lab.conf"
    assert asked.read_text() == "create_main_cluster = false\n"
    assert "path-exclude=/usr/share/man/*\n" in (tmp_path / "etc/dpkg/dpkg.cfg.d/lab").read_text()
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    image.customise(tmp_path)
    assert not asked.exists()


def test_the_hosts_proxies_are_taken_over_and_nothing_else() -> None:
    dump = (
        'APT::Architecture "amd64";\nAcquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::http::Proxy::security.example "DIRECT";\nAcquire::Check-Valid-Until "false";\n'
        'DPkg::Post-Invoke:: "rm -rf /";\nAcquire::http::User-Agent "x";\n'
    )
    assert image.host_apt_options(dump) == [
        'Acquire::http::Proxy "http://proxy.example:3128"',
        'Acquire::http::Proxy::security.example "DIRECT"',
        'Acquire::Check-Valid-Until "false"',
    ]


def test_an_installation_becomes_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "etc/systemd/system"
    (system / "multi-user.target.wants").mkdir(parents=True)
    (system / "multi-user.target.wants/postgresql.service").symlink_to("/lib/systemd/system/postgresql.service")
    (tmp_path / "etc/ssh").mkdir()
    for name in ("etc/machine-id", "etc/hostname", "etc/ssh/ssh_host_rsa_key", "etc/ssh/sshd_config"):
        (tmp_path / name).write_text("x")
    for name in ("etc/postgresql/13/main", "var/lib/postgresql/13/main"):
        (tmp_path / name).mkdir(parents=True)
    commands: list[list[str]] = []
    monkeypatch.setattr(process, "run", commands.append)
    image.customise(tmp_path)
    image.customise(tmp_path)  # does no harm
    assert not (tmp_path / "etc/machine-id").exists()
    assert [path.name for path in (tmp_path / "etc/ssh").iterdir()] == ["sshd_config"]
    assert commands[0] == ["systemctl", f"--root={tmp_path}", "disable", "postgresql.service"]
    assert (system / "sockets.target.wants/labssh.socket").resolve() == system / "labssh.socket"
    assert (system / "apt-daily.timer").readlink() == Path("/dev/null")
    assert not (tmp_path / "etc/postgresql/13/main").exists()
    assert not (tmp_path / "var/lib/postgresql/13/main").exists()


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        pytest.param(
            "I: running apt-get update...\nW: retrying\n"
            "E: Failed to fetch http://x/y.deb  Could not connect\n"
            "E: setup failed: E: apt-get failed\nE: mmdebstrap failed to run",
            "E: Failed to fetch http://x/y.deb  Could not connect",
            id="the first complaint that says why",
        ),
        pytest.param(
            "dpkg: error processing package x (--configure):\nE: Sub-process returned an error",
            "dpkg: error processing package x (--configure):",
            id="dpkg",
        ),
        pytest.param(
            "E: setup failed: E: something\nE: mmdebstrap failed to run\n",
            "E: mmdebstrap failed to run",
            id="only consequences",
        ),
        pytest.param("one\ntwo\n", "two", id="nothing known: the last line"),
        pytest.param("", "it gave no reason", id="silence"),
    ],
)
def test_the_reason_of_a_failure_is_found(output: str, reason: str) -> None:
    assert progress.reason(output) == reason


def test_a_long_program_says_that_it_lives_and_why_it_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.05)
    said: list[str] = []
    log = tmp_path / "log"
    with pytest.raises(LabError, match="waiting failed: E: no disk"):
        progress.attend(["sh", "-c", "sleep 0.3; echo 'E: no disk'; exit 1"], what="waiting", say=said.append, log=log)
    assert said
    assert said[0].startswith("waiting: ")
    assert log.read_text() == "E: no disk\n"
    with pytest.raises(LabError, match="the program no-such-program is not installed"):
        progress.attend(["no-such-program"], what="x", say=said.append)

"""The commands that make machines, and how their processes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import config, keeper, machines, processes, ssh, wire

LAB = config.Config(
    directory=Path("/var/lib/x"),
    cache=Path("/var/lib/x/cache"),
    prefix="x",
    network="10.9.8.0/24",
    split=((0, 1), (2, 3)),
)
UPPER = LAB.server.upper
OUTSIDE = (
    "22 1 254:0 / / rw - ext4 /dev/vda rw\n"
    f"60 22 0:77 / {LAB.server.root} rw - overlay x-server rw,lowerdir=/b,upperdir={UPPER},workdir=/w\n"
)
INSIDE = (
    f"60 22 0:77 / / rw - overlay x-server rw,lowerdir=/b,upperdir={UPPER},workdir=/w,uuid=on\n"
    "61 60 0:78 / /proc rw - proc proc rw\n"
)


@pytest.mark.parametrize(
    ("table", "point"),
    [
        pytest.param(INSIDE, "/", id="in the machine"),
        pytest.param(OUTSIDE, str(LAB.server.root), id="its keeper"),
        pytest.param(OUTSIDE + INSIDE, "/", id="both: the root counts"),
        pytest.param("22 1 254:0 / / rw - ext4 /dev/vda rw\n", None, id="anybody else"),
        pytest.param(INSIDE.replace("/upper,", "/upper2,"), None, id="a machine of a similar name"),
        pytest.param(INSIDE.replace("- overlay", "- fuse"), None, id="not an overlay"),
        pytest.param("", None, id="nothing mounted"),
    ],
)
def test_a_machines_processes_are_told_by_its_layer(table: str, point: str | None) -> None:
    assert processes.overlay_point(table, UPPER) == point


@pytest.mark.parametrize(
    ("status", "init"),
    [
        pytest.param("Name:\tsystemd\nNSpid:\t500\t1\n", True, id="init"),
        pytest.param("Name:\tsystemd\nNSpid:\t500\t7\n", False, id="another process in the machine"),
        pytest.param("Name:\tsystemd\nNSpid:\t1\n", False, id="the host's own init"),
        pytest.param("Name:\tx\n", False, id="no such line"),
    ],
)
def test_the_init_of_a_machine_is_told(status: str, *, init: bool) -> None:
    assert processes._is_init(status) is init


def test_a_machine_runs_when_all_that_keeps_it_does() -> None:
    whole = processes.Processes(keeper=1, nspawn=2, init=3, everything=(1, 2, 3))
    assert whole.running
    assert not processes.Processes(keeper=None, nspawn=2, init=3, everything=(2, 3)).running
    assert not processes.Processes(keeper=1, nspawn=2, init=None, everything=(1, 2)).running


def test_the_keeper_is_killed_before_what_it_would_start_again() -> None:
    found = processes.Processes(keeper=9, nspawn=2, init=3, everything=(2, 3, 9))
    assert found.keeper_first() == [9, 2, 3]


def test_a_machine_boots_in_a_namespace_that_was_made_for_it() -> None:
    command = machines.nspawn_command(LAB.client)
    assert "--boot" in command
    assert "--cpu-affinity=2-3" in command
    assert f"--bind={LAB.client.sockets}:/lab" in command
    assert not [word for word in command if word.startswith("--network")]  # would make /proc/sys/net read-only


def test_a_machine_has_the_devices_of_the_host_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "HOST_DEVICES", ("/dev/null", "/dev/no-such-device", "/etc/hostname"))
    bound = [word for word in machines.nspawn_command(LAB.server) if word.startswith("--bind=")]
    assert bound == [f"--bind={LAB.server.sockets}:/lab", "--bind=/dev/null"]


def test_a_keeper_sees_what_the_host_unmounts() -> None:
    command = machines.keeper_command(LAB.server, Path("/plan"))
    assert command[:2] == ["nsenter", "--net=/run/netns/x-server"]
    assert command[2:6] == ["unshare", "--mount", "--propagation", "slave"]
    assert command[-3:] == ["-m", "lab.keeper", "/plan"]


def test_with_systemd_a_transient_unit_owns_the_machine() -> None:
    command = machines.unit_command(LAB.client, ["keeper"])
    assert command[0] == "systemd-run"
    assert command[-1] == "keeper"
    for word in (
        "--unit=x-client.service",
        "--property=Delegate=yes",
        "--property=AllowedCPUs=2-3",
        "--collect",
    ):
        assert word in command


def test_systemd_nspawn_may_write_network_settings_and_reboots_are_followed() -> None:
    assert keeper.ENVIRONMENT["SYSTEMD_NSPAWN_API_VFS_WRITABLE"] == "network"
    assert keeper.REBOOT == 133


@pytest.mark.parametrize(
    ("rate_mbit", "credit_bytes", "peak"),
    [
        pytest.param(984, 984_000, "1049928000bit", id="gigabit: 8 ms of credit, 1.05 Gb/s at most"),
        pytest.param(10, 131_072, "10670000bit", id="slow: two segments of 64 KB at least"),
    ],
)
def test_a_wire_is_shaped(rate_mbit: int, credit_bytes: int, peak: str) -> None:
    shaped = wire.shaping(rate_mbit)
    words = dict(zip(shaped[1::2], shaped[2::2], strict=True))
    assert shaped[0] == "tbf"
    assert words == {
        "rate": f"{rate_mbit}mbit",
        "burst": str(credit_bytes),
        "peakrate": peak,
        "mtu": "131072",
        "limit": "1514000",
    }


def test_ssh_goes_through_a_socket_and_checks_the_machine_it_finds() -> None:
    text = ssh.config_text(LAB, "/usr/bin/python3")
    assert text.count("Host ") == 2
    assert "ProxyCommand /usr/bin/python3 -IS /var/lib/x/connect.py /var/lib/x/run/client/ssh.sock" in text
    assert text.count("StrictHostKeyChecking yes") == 2
    assert "10.9.8" not in text  # management never uses the wire

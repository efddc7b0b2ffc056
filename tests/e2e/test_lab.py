"""The virtual lab for real: two machines that behave like two, and leave nothing behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.e2e.labs import Lab, eventually

pytestmark = pytest.mark.lab

HOST_SETTINGS = ("tcp_congestion_control", "tcp_allowed_congestion_control")


def host_settings() -> dict[str, list[str]]:
    folder = Path("/proc/sys/net/ipv4")
    return {name: sorted((folder / name).read_text().split()) for name in HOST_SETTINGS}


def test_two_machines_are_two(up: Lab) -> None:
    def facts(role: str) -> dict[str, str]:
        asked = {
            "hostname": "hostname",
            "machine id": "cat /etc/machine-id",
            "boot id": "cat /proc/sys/kernel/random/boot_id",
            "network": "readlink /proc/self/ns/net",
            "processes": "readlink /proc/self/ns/pid",
            "mounts": "readlink /proc/1/ns/mnt",
            "host key": "cat /etc/ssh/ssh_host_ed25519_key.pub",
        }
        return {name: up.ssh(role, command) for name, command in asked.items()}

    server, client = facts("server"), facts("client")
    assert [name for name in server if server[name] == client[name]] == []
    assert server["hostname"] == "tandemtest-server"
    here = {kind: str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("net", "pid")}
    assert here["net"] not in (server["network"], client["network"])
    assert here["pid"] not in (server["processes"], client["processes"])


def test_a_machine_is_a_whole_one(up: Lab) -> None:
    assert up.ssh("server", "systemctl", "is-system-running", "--wait") == "running"
    assert up.ssh("server", "cat", "/proc/1/comm") == "systemd"
    assert up.ssh("client", "ip", "route", "show", "default") == ""  # no way to the internet
    assert "10.99.77.2" in up.ssh("client", "ip", "address", "show", "lab0")
    assert up.ssh("client", "getent", "hosts", "server").split()[0] == "10.99.77.1"


def test_nothing_listens_on_the_wire_and_no_daemon_was_started(up: Lab) -> None:
    assert up.ssh("server", "ss", "--no-header", "--listening", "--tcp", "--udp", "--numeric") == ""
    assert up.ssh("server", "sh", "-c", "'ls -d /etc/postgresql/*/* 2>/dev/null; true'") == ""


def test_units_inside_are_accounted(up: Lab) -> None:
    burn = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"
    read = "cat /sys/fs/cgroup/system.slice/burner.service/cpu.stat"
    unit = ("systemd-run", "--quiet", "--wait", "--pipe", "--unit=burner")
    used = up.ssh("server", *unit, "sh", "-c", f"'{burn}; {read}'")
    figures = dict(line.split() for line in used.splitlines())
    assert int(figures["usage_usec"]) > 0


def test_each_machine_has_cores_of_its_own(up: Lab) -> None:
    cpus = {
        role: up.ssh(role, "grep", "Cpus_allowed_list", "/proc/self/status").split()[-1]
        for role in ("server", "client")
    }
    said = {machine["group"]: machine["cpus"] for machine in up.do("json")["machines"]}
    assert cpus == said
    if len(os.sched_getaffinity(0)) > 1:
        assert cpus["server"] != cpus["client"]


def test_each_machine_has_settings_of_its_own(up: Lab) -> None:
    here = Path("/proc/sys/net/core/somaxconn").read_text()
    up.ssh("server", "sysctl", "--quiet", "--write", "net.core.somaxconn=1234")
    assert up.ssh("server", "sysctl", "--values", "net.core.somaxconn") == "1234"
    assert up.ssh("client", "sysctl", "--values", "net.core.somaxconn") != "1234"
    assert Path("/proc/sys/net/core/somaxconn").read_text() == here


def test_the_machines_use_cubic_and_the_host_what_it_did(second: Lab) -> None:
    second.do("down")
    before = host_settings()
    second.do("up")
    for role in ("server", "client"):
        assert second.ssh(role, "sysctl", "--values", "net.ipv4.tcp_congestion_control") == "cubic"
    assert host_settings()["tcp_congestion_control"] == before["tcp_congestion_control"]
    second.do("down")
    assert host_settings() == before


def test_up_again_changes_nothing(up: Lab) -> None:
    again = up.do("up")
    assert again["changed"] is False
    assert again["repaired"] == []
    assert [machine["state"] for machine in again["machines"]] == ["on", "on"]


def test_down_leaves_nothing_but_the_machines_files(up: Lab) -> None:
    up.ssh("client", "touch", "/root/mine")
    assert up.do("down") == {"changed": True, "leftovers": []}
    assert up.call("leftovers").returncode == 0
    assert not list(Path("/run/netns").glob("tandemtest-*"))
    assert "tandem-lab-tests" not in Path("/proc/self/mountinfo").read_text()
    assert not list(Path("/sys/fs/cgroup").glob("**/tandemtest-*"))
    assert not list(Path("/run/systemd/nspawn").glob("**/tandemtest-*"))
    assert up.do("down") == {"changed": False, "leftovers": []}
    assert up.states() == {"server": "off", "client": "off"}
    up.do("up")
    assert up.ssh("client", "ls", "/root/mine") == "/root/mine"


def test_the_wire_is_shaped(up: Lab) -> None:
    up.ssh("server", "systemd-run", "--quiet", "--unit=measuring", "iperf3", "--server")

    def rate_bits_per_s() -> float:
        said = up.ssh("client", "iperf3", "--client", "server", "--time", "2", "--json")
        return float(json.loads(said)["end"]["sum_received"]["bits_per_second"])

    assert eventually(lambda: ":5201" in up.ssh("server", "ss", "--listening", "--tcp", "--numeric"))
    shaped = rate_bits_per_s()
    for role in ("server", "client"):
        assert up.in_namespace(role, "tc", "qdisc", "delete", "dev", "lab0", "root").returncode == 0
    unshaped = rate_bits_per_s()
    up.do("mend")
    assert shaped < 1e9
    assert unshaped > 2 * shaped
    up.ssh("server", "systemctl", "stop", "measuring")


def test_a_command_runs_in_a_machine_without_ssh(up: Lab) -> None:
    up.ssh("server", "systemctl", "stop", "labssh.socket")
    inside = up.call("sh", "server", "hostname")
    assert (inside.returncode, inside.stdout) == (0, "tandemtest-server\n")
    assert up.call("sh", "server", "sh", "-c", "exit 7").returncode == 7
    up.call("sh", "server", "systemctl", "start", "labssh.socket")
    assert up.ssh("server", "hostname") == "tandemtest-server"

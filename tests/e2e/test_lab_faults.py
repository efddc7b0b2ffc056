"""Bad luck in the virtual lab: what breaks is what was asked to break, and what is left of a crash is repaired."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.labs import Lab, eventually

pytestmark = pytest.mark.lab


def test_down_ends_what_somebody_left_in_a_namespace(up: Lab) -> None:
    stranger = subprocess.Popen(["nsenter", "--net=/run/netns/tandemtest-client", "sleep", "600"])
    try:
        assert eventually(lambda: Path(f"/proc/{stranger.pid}/comm").read_text() == "sleep\n")
        assert up.do("down")["leftovers"] == []
        assert stranger.wait(timeout=10) == -signal.SIGKILL
    finally:
        stranger.kill()
        stranger.wait()


def test_a_machine_reboots_itself(up: Lab) -> None:
    ask = ("cat", "/proc/sys/kernel/random/boot_id")
    before = up.ssh("server", *ask)
    up.ssh("server", "touch", "/root/kept")
    subprocess.run(
        ["ssh", "-F", str(up.directory / "ssh_config"), up.name("server"), "systemctl", "reboot"],
        capture_output=True,
        timeout=30,
        check=False,
    )  # the connection may break before it answers

    def another_boot() -> bool:
        try:
            return up.ssh("server", *ask) != before
        except subprocess.CalledProcessError:
            return False

    assert eventually(another_boot)
    assert up.ssh("server", "ls", "/root/kept") == "/root/kept"
    assert up.do("up")["changed"] is False


def test_a_machine_that_switched_itself_off_is_switched_on(up: Lab) -> None:
    subprocess.run(
        ["ssh", "-F", str(up.directory / "ssh_config"), up.name("client"), "systemctl", "poweroff"],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert eventually(lambda: up.states()["client"] == "off")
    assert up.do("up")["changed"] is True
    assert up.ssh("client", "hostname") == "tandemtest-client"


@pytest.mark.parametrize("fault", ["kill", "crash", "off"])
def test_one_machine_goes_and_comes_back(up: Lab, fault: str) -> None:
    assert up.do(fault, "server")["changed"] is True
    assert up.states() == {"server": "off", "client": "on"}
    assert up.call("status").returncode == 1
    with pytest.raises(subprocess.CalledProcessError):
        up.ssh("server", "true")
    assert up.in_namespace("client", "ping", "-c1", "-W1", "10.99.77.2").returncode == 0
    assert up.do("on", "server")["changed"] is True
    assert up.ssh("server", "hostname") == "tandemtest-server"
    assert up.in_namespace("client", "ping", "-c1", "-W1", "10.99.77.1").returncode == 0


def test_a_crash_is_not_told_to_peers(up: Lab) -> None:
    serve = 'import socket,time; s=socket.create_server(("10.99.77.1", 7000)); c=s.accept(); time.sleep(600)'
    listener = f"'{serve}'"
    up.ssh("server", "systemd-run", "--quiet", "--unit=listener", "python3", "-c", listener)
    asking = (
        "import socket,sys,time\n"
        "for _ in range(100):\n"
        "    try: s = socket.create_connection(('10.99.77.1', 7000), 5); break\n"
        "    except OSError: time.sleep(0.05)\n"
        "print('connected', flush=True); s.settimeout(4)\n"
        "try: s.recv(1); print('told')\n"
        "except TimeoutError: print('silence')\n"
        "except OSError: print('told')\n"
    )
    peer = subprocess.Popen(
        ["nsenter", "--net=/run/netns/tandemtest-client", "python3", "-c", asking],
        text=True,
        stdout=subprocess.PIPE,
    )
    assert peer.stdout is not None
    with peer:
        assert peer.stdout.readline() == "connected\n"
        up.do("crash", "server")
        assert peer.stdout.readline() == "silence\n"
    up.do("up")


def test_a_machine_stands_still_and_goes_on(up: Lab) -> None:
    assert up.do("freeze", "client")["changed"] is True
    assert up.do("freeze", "client")["changed"] is False
    assert up.states() == {"server": "on", "client": "frozen"}
    with pytest.raises(subprocess.TimeoutExpired):
        up.ssh("client", "true", timeout_s=1)
    assert up.in_namespace("server", "ping", "-c1", "-W1", "10.99.77.2").returncode == 0  # its kernel lives on
    assert up.do("thaw", "client")["changed"] is True
    assert up.ssh("client", "hostname") == "tandemtest-client"


def test_up_ends_every_fault(up: Lab) -> None:
    up.do("freeze", "server")
    up.do("cut", "client")
    up.do("silent")
    up.do("loss", "10")
    repaired = " ".join(up.do("up")["repaired"])
    for words in ("server was frozen", "cut at tandemtest-client", "loses packets", "not shaped"):
        assert words in repaired
    assert up.do("up")["repaired"] == []


@pytest.mark.parametrize(
    ("fault", "received"),
    [
        pytest.param(("cut",), range(1), id="cut"),
        pytest.param(("cut", "client"), range(1), id="cut at the other end"),
        pytest.param(("silent",), range(1), id="silent"),
        pytest.param(("loss", "300"), range(5, 98), id="loss"),
    ],
)
def test_the_wire_breaks_and_is_mended(up: Lab, fault: tuple[str, ...], received: range) -> None:
    def answers() -> int:
        said = up.in_namespace("client", "ping", "-q", "-i0.01", "-c100", "-W1", "10.99.77.1").stdout
        found = re.search(r"(\d+) received", said)
        return int(found[1]) if found else 0

    up.do(*fault)
    assert answers() in received
    assert up.ssh("server", "hostname") == "tandemtest-server"  # management has a way of its own
    up.do("mend")
    assert answers() == 100


def status_of(lab: Lab, role: str) -> dict[str, int]:
    found = json.loads(lab.call("status", "--json").stdout)
    return next(machine for machine in found["machines"] if machine["group"] == role)


@pytest.mark.parametrize("victim", ["keeper", "systemd-nspawn", "both"])
def test_remains_of_a_crash_are_repaired(up: Lab, victim: str) -> None:
    keeper = status_of(up, "server")["keeper_pid"]
    (nspawn,) = map(int, Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split())
    for pid in {"keeper": [keeper], "systemd-nspawn": [nspawn], "both": [keeper, nspawn]}[victim]:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: up.states()["server"] == "broken")
    outcome = up.do("up")
    assert any("processes of tandemtest-server" in phrase for phrase in outcome["repaired"])
    assert up.states() == {"server": "on", "client": "on"}
    assert up.ssh("server", "hostname") == "tandemtest-server"


def test_remains_of_a_crash_can_be_taken_down_as_well(up: Lab) -> None:
    for role in ("server", "client"):
        os.kill(status_of(up, role)["keeper_pid"], signal.SIGKILL)
    assert up.do("down") == {"changed": True, "leftovers": []}


def test_a_wire_that_lost_an_end_is_made_again(up: Lab) -> None:
    subprocess.run(["ip", "netns", "delete", "tandemtest-client"], check=True)
    assert up.do("up")["repaired"]
    assert up.in_namespace("client", "ping", "-c1", "-W1", "10.99.77.1").returncode == 0


def test_what_an_interrupted_build_left_is_removed(up: Lab) -> None:
    half = Path(up.settings["CACHE"]) / "base-test.part"
    (half / "etc").mkdir(parents=True)
    assert up.do("up")["repaired"] == ["the half-built base-test.part"]
    assert not half.exists()


@pytest.mark.parametrize("after_s", [0.1, 0.4, 0.8])
def test_up_goes_on_where_another_was_killed(second: Lab, after_s: float) -> None:
    second.do("destroy")
    with second.start("up") as killed:
        time.sleep(after_s)
        killed.kill()
    second.do("up")
    assert second.ssh("server", "hostname") == "tandemtest-server"
    assert second.do("down")["leftovers"] == []


def test_two_at_once_do_not_race(second: Lab) -> None:
    second.do("down")
    with second.start("up", "--json") as first, second.start("up", "--json") as other:
        outcomes = [json.loads(one.communicate(timeout=120)[0]) for one in (first, other)]
    assert sorted(outcome["changed"] for outcome in outcomes) == [False, True]
    assert second.states() == {"server": "on", "client": "on"}

"""The virtual lab for real: two machines that behave like two, and leave nothing behind.

Whatever could harm somebody's measurement happens in a second lab beside the default one.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.bench import play
from tests.e2e.labs import ROOT, Lab

pytestmark = pytest.mark.lab

HOST_SETTINGS = ("tcp_congestion_control", "tcp_allowed_congestion_control")
# A view of the host's control groups of our own; namespaces made in it are the host's as ever.
VIEW = ("unshare", "--mount", "--propagation", "unchanged", "sh", "-ec")
PURE_V2 = (
    *VIEW,
    'mount --make-rprivate /sys/fs/cgroup; mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup; exec "$@"',
    "-",
)
ONLY_V1 = (*VIEW, 'mount --make-rprivate /sys/fs/cgroup; umount /sys/fs/cgroup/unified; exec "$@"', "-")


def host_settings() -> dict[str, list[str]]:
    folder = Path("/proc/sys/net/ipv4")
    return {name: sorted((folder / name).read_text().split()) for name in HOST_SETTINGS}


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def second(lab: Path) -> Iterator[Lab]:
    """Another lab with a name, a folder and addresses of its own; it shares the default one's base image."""
    remembered = json.loads((lab / "lab.json").read_text())
    other = Lab(
        directory=lab.with_name("tandem-lab-tests"),
        settings={
            "PREFIX": "tandemtest",
            "NETWORK": "10.99.77.0/24",
            "CACHE": remembered["cache"],
            "PACKAGES": ",".join(remembered["packages"]),
        },
    )
    other.call("purge")
    yield other
    purged = other.call("purge")
    assert purged.returncode == 0, purged.stderr
    assert not other.directory.exists()


@pytest.fixture
def up(second: Lab) -> Lab:
    """The second lab, up and without faults."""
    second.do("up")
    return second


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


def test_a_command_runs_in_a_machine_without_ssh(up: Lab) -> None:
    up.ssh("server", "systemctl", "stop", "labssh.socket")
    inside = up.call("sh", "server", "hostname")
    assert (inside.returncode, inside.stdout) == (0, "tandemtest-server\n")
    assert up.call("sh", "server", "sh", "-c", "exit 7").returncode == 7
    up.call("sh", "server", "systemctl", "start", "labssh.socket")
    assert up.ssh("server", "hostname") == "tandemtest-server"


@pytest.mark.skipif(not Path("/sys/fs/cgroup/unified").exists(), reason="needs a host with both versions of cgroups")
@pytest.mark.parametrize("within", [pytest.param(PURE_V2, id="only v2"), pytest.param(ONLY_V1, id="only v1")])
def test_the_other_kinds_of_control_groups_serve_as_well(second: Lab, within: tuple[str, ...]) -> None:
    second.do("down")
    second.do("up", within=within)
    try:
        assert second.ssh("server", "systemctl", "is-system-running", "--wait") == "running"
        assert second.do("freeze", "server", within=within)["changed"] is True
        assert second.do("up", within=within)["repaired"] == ["tandemtest-server was frozen"]
    finally:
        assert second.do("down", within=within)["leftovers"] == []


def test_with_one_core_the_machines_share_it_and_up_says_so(second: Lab) -> None:
    second.do("down")
    said = second.call("up", within=("taskset", "--cpu-list", "0")).stderr
    assert "both machines share cpu 0 because there is only one core: each slows the other down" in said
    for role in ("server", "client"):
        assert second.ssh(role, "grep", "Cpus_allowed_list", "/proc/self/status").split()[-1] == "0"
    second.do("down")


def test_the_user_behind_sudo_may_use_the_machines(second: Lab) -> None:
    somebody = pwd.getpwnam("nobody").pw_uid
    sudo = ("env", f"SUDO_UID={somebody}")
    second.do("up", within=sudo)
    key = second.directory / "id_ed25519"
    assert (key.stat().st_uid, key.stat().st_mode & 0o777) == (somebody, 0o600)
    as_somebody = ("setpriv", f"--reuid={somebody}", f"--regid={somebody}", "--clear-groups")
    reach = ("ssh", "-F", str(second.directory / "ssh_config"), second.name("server"), "hostname")
    found = subprocess.run([*as_somebody, *reach], text=True, capture_output=True, timeout=30, check=False)
    assert found.stdout == "tandemtest-server\n", found.stderr
    second.do("up")
    assert key.stat().st_uid == os.geteuid()


def test_without_root_one_sentence_says_so(second: Lab) -> None:
    plain = second.call("up", within=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    assert plain.returncode == 2
    assert "needs root" in plain.stderr or "Permission denied" in plain.stderr
    assert "Traceback" not in plain.stderr


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        pytest.param(
            "mkdir u w m; mount -t overlay overlay -o lowerdir=/usr,upperdir=$PWD/u,workdir=$PWD/w m",
            "is on an overlayfs, which cannot carry another",
            id="overlayfs",
        ),
        pytest.param("mkdir m; mount -t tmpfs -o size=50m tmpfs m", "GB free and the lab needs", id="no room"),
    ],
)
def test_a_folder_that_cannot_carry_the_lab_is_refused(second: Lab, prepare: str, sentence: str) -> None:
    scratch = second.directory.with_name("tandem-lab-scratch")
    scratch.mkdir(exist_ok=True)
    try:
        script = f'cd {scratch} && {prepare} && cd {ROOT} && exec "$@"'
        refused = second.call(
            "up",
            "--directory",
            f"{scratch}/m/lab",
            "--cache",
            f"{scratch}/m/cache",
            within=("unshare", "--mount", "sh", "-c", script, "-"),
        )
        assert refused.returncode == 2
        assert sentence in refused.stderr
        assert refused.stderr.count("\n") == 1
    finally:
        subprocess.run(["rm", "-rf", str(scratch)], check=True)


def test_a_packed_base_image_is_enough_and_may_be_kept(second: Lab) -> None:
    tarball = next(Path(second.settings["CACHE"]).glob("base-*.tar.zst"))
    own = Lab(
        directory=second.directory.with_name("tandem-lab-scratch"),
        settings={"PREFIX": "tandemscratch", "PACKAGES": second.settings["PACKAGES"]},
    )
    cache = own.directory / "cache"
    cache.mkdir(parents=True)
    try:
        os.link(tarball, cache / tarball.name)
        own.do("up")
        assert own.ssh("server", "hostname") == "tandemscratch-server"
        assert own.do("purge", "--keep-cache") == {"changed": True, "leftovers": []}
        assert [path.name for path in cache.glob("base-*")] == [tarball.name]
    finally:
        assert own.do("purge")["leftovers"] == []
    assert not own.directory.exists()


def test_a_damaged_base_image_is_put_aside(second: Lab) -> None:
    tarball = next(Path(second.settings["CACHE"]).glob("base-*.tar.zst"))
    folder = second.directory.with_name("tandem-lab-scratch")
    (folder / "cache").mkdir(parents=True)
    try:
        (folder / "cache" / tarball.name).write_bytes(tarball.read_bytes()[:100_000])
        refused = second.call(
            "up",
            "--directory",
            str(folder / "lab"),
            "--cache",
            str(folder / "cache"),
            "--prefix",
            "tandemscratch",
        )
        assert refused.returncode == 2
        assert "is damaged and was put aside" in refused.stderr
        assert [path.name for path in (folder / "cache").glob("base-*")] == [f"{tarball.name}.broken"]
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_the_same_name_in_another_folder_is_refused(up: Lab) -> None:
    twin = Lab(directory=up.directory.with_name("tandem-lab-scratch"), settings=up.settings)
    refused = twin.call("up")
    try:
        assert refused.returncode == 2
        assert f"another lab in {up.directory} has a machine called tandemtest-server" in refused.stderr
    finally:
        subprocess.run(["rm", "-rf", str(twin.directory)], check=True)


@pytest.mark.usefixtures("lab")
def test_the_playbook_changes_nothing_the_second_time() -> None:
    again = play("playbooks/lab.yml", "-v")
    assert again.returncode == 0
    assert "changed=0" in again.stdout


def test_real_machines_start_no_lab(tmp_path: Path) -> None:
    ended = play("playbooks/lab.yml", "-i", "inventory/example", "-e", f"lab_directory={tmp_path}/lab")
    assert ended.returncode == 0, ended.stdout
    assert not (tmp_path / "lab").exists()

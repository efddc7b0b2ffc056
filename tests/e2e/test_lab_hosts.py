"""The hosts that the virtual lab runs on: their control groups, cores, users, disks, and what of it they refuse."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from tests.e2e.bench import play
from tests.e2e.labs import ROOT, Lab

pytestmark = pytest.mark.lab

# A view of the host's control groups of our own; namespaces made in it are the host's as ever.
VIEW = ("unshare", "--mount", "--propagation", "unchanged", "sh", "-ec")
PURE_V2 = (
    *VIEW,
    'mount --make-rprivate /sys/fs/cgroup; mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup; exec "$@"',
    "-",
)
ONLY_V1 = (*VIEW, 'mount --make-rprivate /sys/fs/cgroup; umount /sys/fs/cgroup/unified; exec "$@"', "-")


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
    tarball = second.packed_base
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
    tarball = second.packed_base
    folder = second.directory.with_name("tandem-lab-scratch")
    (folder / "cache").mkdir(parents=True)
    own = ("--directory", str(folder / "lab"), "--cache", str(folder / "cache"), "--prefix", "tandemscratch")
    try:
        (folder / "cache" / tarball.name).write_bytes(tarball.read_bytes()[:100_000])
        refused = second.call("up", *own)
        assert refused.returncode == 2
        assert "is damaged and was put aside" in refused.stderr
        assert [path.name for path in (folder / "cache").glob("base-*")] == [f"{tarball.name}.broken"]
    finally:
        second.call("purge", *own)      # what should not have come up is not left running
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

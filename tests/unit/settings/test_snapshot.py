from __future__ import annotations

import os
from pathlib import Path

import pytest
from tandem_kernel import snapshot
from tandem_kernel.keys import KernelFiles

from tests.unit.settings.fake_kernel import FakeKernel, state_of


def test_a_snapshot_holds_every_readable_setting(root: Path) -> None:
    assert snapshot.values(KernelFiles(str(root))) == state_of(root)


@pytest.mark.parametrize("key", [
    "net.ipv4.tcp_fastopen_key", "net.ipv6.conf.eth0.stable_secret", "net.ipv6.conf.eth0/7.stable_secret",
    "vm.stat_refresh", "fs.binfmt_misc.status", "dev.cdrom.info",
])
def test_secrets_and_files_with_side_effects_are_not_read(root: Path, key: str) -> None:
    path = root / "proc/sys" / key.replace(".", "\0").replace("/", ".").replace("\0", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("secret\n")
    assert "secret" not in snapshot.values(KernelFiles(str(root))).values()


def test_files_that_are_only_for_writing_are_not_read(root: Path) -> None:
    FakeKernel(root).put("vm.drop_caches", "0")
    (root / "proc/sys/vm/drop_caches").chmod(0o200)
    assert "vm.drop_caches" not in snapshot.values(KernelFiles(str(root)))


def test_difference_names_what_changed_came_and_went() -> None:
    before = {"net.core.somaxconn": "1", "vm.swappiness": "60", "fs.nr_open": "5", "fs.file-nr": "1 0 9"}
    after = {"net.core.somaxconn": "2", "vm.nr_hugepages": "0", "fs.nr_open": "5", "fs.file-nr": "7 0 9"}
    assert snapshot.difference(before, after) == [
        {"key": "net.core.somaxconn", "from": "1", "to": "2"},
        {"key": "vm.nr_hugepages", "from": None, "to": "0"},
        {"key": "vm.swappiness", "from": "60", "to": None},
    ]


@pytest.mark.parametrize("key", [
    "vm.nr_hugepages", "fs.nr_open", "fs.file-max", "net.netfilter.nf_conntrack_max", "kernel.pid_max",
    "kernel.tainted", "net.ipv4.tcp_congestion_control",
])
def test_limits_are_not_taken_for_counters(key: str) -> None:
    assert snapshot.difference({key: "1"}, {key: "2"})


def test_only_writable_settings_follow_others(root: Path) -> None:
    before = {"net.core.somaxconn": "1", "vm.dirty_ratio": "1", "vm.gone": "1"}
    after = {"net.core.somaxconn": "2", "vm.dirty_ratio": "2", "vm.new": "2"}
    (root / "proc/sys/vm/dirty_ratio").chmod(0o444)
    assert snapshot.followed(KernelFiles(str(root)), before, after) == [
        {"key": "net.core.somaxconn", "from": "1", "to": "2"}]


def test_this_machine_can_be_looked_at() -> None:
    values = snapshot.values(KernelFiles())
    assert values["kernel.ostype"] == "Linux"
    assert {key.partition(".")[0] for key in values} >= {"fs", "kernel", "net", "vm"}


def test_a_document_tells_where_and_when(root: Path) -> None:
    document = snapshot.document(KernelFiles(str(root)), machine="server", when="during")
    assert document.pop("values") == state_of(root)
    assert document.pop("taken_utc").endswith("Z")
    assert document == {"schema_version": 1, "machine": "server", "when": "during", "boot_id": "boot-1"}


def test_a_value_that_is_not_text_does_no_harm(root: Path) -> None:
    path = root / "proc/sys/kernel/odd"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"\xff\xfe\n")
    os.close(fd)
    assert len(snapshot.values(KernelFiles(str(root)))["kernel.odd"]) == 2

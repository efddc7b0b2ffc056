from __future__ import annotations

from pathlib import Path

import pytest
from tandem_kernel.keys import (
    RESERVED_PORTS,
    BadSettingError,
    KernelFiles,
    UnavailableError,
    canonical,
    folded,
    normalised,
    ports_of,
    relative_path,
    settings_of,
)

GOVERNOR = "sysfs:/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor"
HUGE = "sysfs:/sys/kernel/mm/transparent_hugepage/enabled"


@pytest.mark.parametrize(("spelling", "key", "path"), [
    pytest.param("net.core.somaxconn", "net.core.somaxconn", "net/core/somaxconn", id="dots"),
    pytest.param("net/core/somaxconn", "net.core.somaxconn", "net/core/somaxconn", id="slashes"),
    pytest.param("net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.eth0/100.rp_filter",
                 "net/ipv4/conf/eth0.100/rp_filter", id="vlan-as-sysctl-writes-it"),
    pytest.param("net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter",
                 "net/ipv4/conf/eth0.100/rp_filter", id="vlan-as-path"),
    pytest.param("net.ipv4.conf.eth0.100.rp_filter", "net.ipv4.conf.eth0/100.rp_filter",
                 "net/ipv4/conf/eth0.100/rp_filter", id="vlan-as-people-write-it"),
    pytest.param("net.ipv6.neigh.br.a.b.gc_stale_time", "net.ipv6.neigh.br/a/b.gc_stale_time",
                 "net/ipv6/neigh/br.a.b/gc_stale_time", id="bridge-with-two-dots"),
    pytest.param("fs.file-max", "fs.file-max", "fs/file-max", id="dash"),
    pytest.param("kernel.pty.max", "kernel.pty.max", "kernel/pty/max", id="three-levels"),
])
def test_a_key_has_one_name_and_one_file(spelling: str, key: str, path: str) -> None:
    assert canonical(spelling) == key
    assert canonical(key) == key
    assert relative_path(key) == f"proc/sys/{path}"


def test_a_sysfs_key_is_its_path() -> None:
    assert relative_path(canonical(HUGE)) == "sys/kernel/mm/transparent_hugepage/enabled"


@pytest.mark.parametrize("name", [
    "", "somaxconn", "net", "net.", "net..core", "dev.cdrom.info", "net/../../etc/passwd", "net.ipv4. x",
    "../net.core", "/proc/sys/net/core/somaxconn", "net/core/", "sysfs:/etc/passwd",
    "sysfs:/sys/../etc/passwd", "sysfs:sys/kernel", "sysfs:/sys/a b", "sysfs:/sys/a/",
], ids=repr)
def test_what_is_no_key_is_refused(name: str) -> None:
    with pytest.raises(BadSettingError):
        canonical(name)


@pytest.mark.parametrize(("key", "text", "value"), [
    pytest.param("net.ipv4.tcp_rmem", "4096\t131072\t6291456\n", "4096 131072 6291456", id="tabs"),
    pytest.param("net.ipv4.tcp_rmem", "  4096  131072 6291456 ", "4096 131072 6291456", id="blanks"),
    pytest.param(HUGE, "always [madvise] never\n", "madvise", id="chosen-in-the-middle"),
    pytest.param(HUGE, "[always] madvise never\n", "always", id="chosen-first"),
    pytest.param(HUGE, "never", "never", id="wanted"),
    pytest.param("kernel.core_pattern", "core [x] y", "core [x] y", id="brackets-of-a-sysctl-stay"),
    pytest.param(RESERVED_PORTS, "8000,8001,8002,9000\n", "8000-8002,9000", id="ports-folded"),
    pytest.param(RESERVED_PORTS, "9000, 8000", "8000,9000", id="ports-sorted"),
    pytest.param(RESERVED_PORTS, "\n", "", id="no-ports"),
    pytest.param(RESERVED_PORTS, "http", "http", id="no-ports-at-all"),
])
def test_values_compare_in_one_form(key: str, text: str, value: str) -> None:
    assert normalised(key, text) == value
    assert normalised(key, value) == value


def test_ports_fold_and_unfold() -> None:
    ports = {1, 2, 3, 7, 65534, 65535}
    assert ports_of(folded(ports)) == ports
    assert folded(ports) == "1-3,7,65534-65535"


@pytest.mark.parametrize("text", ["8000-7000", "70000", "-1", "a-b", "1-2-3"])
def test_what_is_no_port_list_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        ports_of(text)


@pytest.mark.parametrize(("raw", "why"), [
    pytest.param({"net.core.somaxconn": True}, "whole number or a text", id="truth"),
    pytest.param({"net.core.somaxconn": 1.5}, "whole number or a text", id="fraction"),
    pytest.param({"net.core.somaxconn": None}, "whole number or a text", id="nothing"),
    pytest.param({"net.ipv4.tcp_rmem": [1, 2, 3]}, "whole number or a text", id="list"),
    pytest.param({"net.core.somaxconn": "1\n2"}, "one line", id="two-lines"),
    pytest.param({"net.core.somaxconn": "1\x00"}, "one line", id="zero-byte"),
    pytest.param({"net.core.somaxconn": "1" * 4001}, "one line", id="too-long"),
    pytest.param({"net.core.somaxconn": {"optional": True}}, "'value'", id="no-value"),
    pytest.param({"net.core.somaxconn": {"value": 1, "optinal": True}}, "'value'", id="unknown-word"),
    pytest.param({"net.core.somaxconn": {"value": 1, "optional": "yes"}}, "true or false", id="text"),
    pytest.param({"somaxconn": 1}, "begins with one of net, vm, fs, kernel", id="no-key"),
    pytest.param({"net.core.somaxconn": 1, "net/core/somaxconn": 2}, "twice", id="twice"),
])
def test_what_makes_no_setting_is_refused_with_a_reason(raw: dict[str, object], why: str) -> None:
    _, refused = settings_of(raw)
    assert len(refused) == 1
    assert why in refused[0]["why"]


def test_settings_take_both_forms() -> None:
    wanted = {"net.core.somaxconn": 5, "vm.dirty_ratio": {"value": "7", "optional": True}}
    settings, refused = settings_of(wanted)
    assert not refused
    assert [(one.key, one.value, one.optional) for one in settings] == [
        ("net.core.somaxconn", "5", False), ("vm.dirty_ratio", "7", True)]


def test_the_same_key_twice_with_one_value_is_one_setting() -> None:
    settings, refused = settings_of({"net.core.somaxconn": 5, "net/core/somaxconn": "5"})
    assert (len(settings), refused) == (1, [])


def test_stars_stand_for_the_files_that_exist(root: Path) -> None:
    files = KernelFiles(str(root))
    assert files.matches(GOVERNOR.format("*")) == [GOVERNOR.format(0), GOVERNOR.format(1)]
    assert files.matches("sysfs:/sys/class/none/*/speed") == []
    assert files.matches("net.core.somaxconn") == ["net.core.somaxconn"]


def test_a_read_only_file_is_known_before_it_is_written(root: Path) -> None:
    files = KernelFiles(str(root))
    files.check_writable("net.core.somaxconn")
    Path(files.path("net.core.somaxconn")).chmod(0o444)
    with pytest.raises(UnavailableError, match="read-only"):
        files.check_writable("net.core.somaxconn")


def test_missing_and_unreadable_files_have_reasons(root: Path) -> None:
    files = KernelFiles(str(root))
    with pytest.raises(UnavailableError, match="does not have it"):
        files.read("net.ipv4.tcp_tw_recycle")
    with pytest.raises(UnavailableError, match="cannot be read"):
        files.read("net.ipv4.conf")


def test_memory_is_read_or_unknown(root: Path) -> None:
    files = KernelFiles(str(root))
    assert files.meminfo_bytes("MemTotal") == 16 * 2**30
    assert files.meminfo_bytes("Nothing") is None
    (root / "proc/meminfo").unlink()
    assert files.meminfo_bytes("MemTotal") is None

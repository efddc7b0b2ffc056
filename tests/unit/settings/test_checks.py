from __future__ import annotations

from pathlib import Path

import pytest
from tandem_kernel.checks import in_order, refusals
from tandem_kernel.keys import PORT_RANGE, RESERVED_PORTS, KernelFiles, settings_of

from tests.unit.settings.fake_kernel import FakeKernel

SERVICES = [8000, 8004, 8008]


def reasons(root: Path, ports: list[int], **kernel: object) -> list[str]:
    settings, refused = settings_of({key.replace("__", "."): value for key, value in kernel.items()})
    assert not refused
    return [row["why"] for row in refusals(settings, KernelFiles(str(root)), ports)]


@pytest.mark.parametrize(("key", "value", "why"), [
    pytest.param("net__ipv4__tcp_mem", "30000000 30000000 30000000", "114 GiB, more than memory",
                 id="tcp_mem-of-2015"),
    pytest.param("net__ipv4__tcp_mem", "3 2 1", "none below", id="tcp_mem-falling"),
    pytest.param("net__ipv4__tcp_rmem", "4096 131072", "three numbers", id="two-of-three"),
    pytest.param("net__ipv4__tcp_rmem", "4096 131072 99999999999", "93.1 GiB", id="tcp_rmem-above-memory"),
    pytest.param("net__ipv4__tcp_rmem", "a b c", "whole number", id="words"),
    pytest.param("net__core__rmem_max", "-1", "not below 0", id="negative-size"),
    pytest.param("net__core__rmem_max", 2**40, "1.02e+03 GiB", id="rmem_max-above-memory"),
    pytest.param("kernel__shmmax", 17 * 2**30, "more than memory", id="shared-memory-above-memory"),
    pytest.param("kernel__shmall", 2**30, "more than memory", id="shared-pages-above-memory"),
    pytest.param("vm__nr_hugepages", 8000, "more than 90% of the memory", id="huge-pages-take-everything"),
    pytest.param("vm__min_free_kbytes", 5 * 2**20, "more than 25% of the memory", id="too-much-kept-free"),
    pytest.param("net__core__somaxconn", "many", "takes 1 whole number, as in '4096'", id="word-for-number"),
    pytest.param("net__core__somaxconn", "1 2", "takes 1 whole number", id="two-for-one"),
    pytest.param("net__core__somaxconn", "", "empty", id="empty"),
    pytest.param("net__core__somaxconn", "0x10", "takes 1 whole number", id="hexadecimal"),
    pytest.param("kernel__printk", "4 4 1", "takes 4 whole numbers, as in '4 4 1 7'", id="three-for-four"),
    pytest.param("kernel__modules_disabled", 1, "before a reboot", id="one-way"),
    pytest.param("net__ipv4__ip_local_port_range", "60000 1024", "lower one first", id="range-reversed"),
    pytest.param("net__ipv4__ip_local_port_range", "0 70000", "between 1 and 65535", id="range-outside"),
    pytest.param("net__ipv4__ip_local_reserved_ports", "http", "ports and ranges", id="reserved-words"),
])
def test_nonsense_is_refused_with_the_reason(root: Path, key: str, value: object, why: str) -> None:
    found = reasons(root, [], **{key: value})
    assert len(found) == 1
    assert why in found[0]


@pytest.mark.parametrize(("key", "value"), [
    pytest.param("net__ipv4__tcp_mem", "190000 250000 1000000", id="tcp_mem"),
    pytest.param("net__ipv4__tcp_rmem", "30000000 30000000 30000000", id="tcp_rmem-of-2015"),
    pytest.param("kernel__shmmax", 33554432, id="shmmax-of-2015"),
    pytest.param("kernel__shmmax", "18446744073692774399", id="the-kernels-own-endless-shmmax"),
    pytest.param("kernel__modules_disabled", 0, id="one-way-but-in-force"),
    pytest.param("net__ipv4__tcp_congestion_control", "bic", id="word-the-kernel-judges"),
    pytest.param("net__ipv4__ip_local_reserved_ports", "", id="nothing-reserved"),
    pytest.param("net__ipv4__ip_local_reserved_ports", "8000,8004-8008", id="reserved"),
    pytest.param("net__ipv4__tcp_tw_recycle", 1, id="absent-keys-are-judged-elsewhere"),
    pytest.param("kernel__printk", "3 4 1 3", id="four-for-four"),
])
def test_sound_values_pass(root: Path, key: str, value: object) -> None:
    assert reasons(root, SERVICES, **{key: value}) == []


def test_without_known_memory_nothing_is_too_large(root: Path) -> None:
    (root / "proc/meminfo").unlink()
    assert reasons(root, [], kernel__shmmax=2**50) == []


RANGE = {"net__ipv4__ip_local_port_range": "1024 65535"}


def test_a_port_range_over_the_services_names_the_cure(root: Path) -> None:
    (why,) = reasons(root, SERVICES, **RANGE)
    assert 'net.ipv4.ip_local_reserved_ports: "8000,8004,8008"' in why


@pytest.mark.parametrize(("kernel", "refused"), [
    pytest.param({**RANGE, "net__ipv4__ip_local_reserved_ports": "8000,8004,8008"}, 0, id="reserved"),
    pytest.param({**RANGE, "net__ipv4__ip_local_reserved_ports": "8000-9000"}, 0, id="reserved-as-range"),
    pytest.param({**RANGE, "net__ipv4__ip_local_reserved_ports": "8000,8004"}, 1, id="one-forgotten"),
    pytest.param({"net__ipv4__ip_local_port_range": "8008 65535"}, 1, id="touches-the-last"),
    pytest.param({"net__ipv4__ip_local_port_range": "8009 65535"}, 0, id="just-above"),
])
def test_service_ports_and_client_ports(root: Path, kernel: dict[str, object], refused: int) -> None:
    assert len(reasons(root, SERVICES, **kernel)) == refused


def test_ports_reserved_on_the_machine_count(root: Path) -> None:
    FakeKernel(root).put(RESERVED_PORTS, "8000-8008")
    assert reasons(root, SERVICES, **RANGE) == []


@pytest.mark.parametrize(("wanted", "found", "first", "then"), [
    pytest.param({PORT_RANGE: "1024 65535", RESERVED_PORTS: "8000"}, {PORT_RANGE: "32768 60999"},
                 RESERVED_PORTS, PORT_RANGE, id="reserve-then-widen"),
    pytest.param({PORT_RANGE: "32768 60999", RESERVED_PORTS: ""}, {PORT_RANGE: "1024 65535"},
                 PORT_RANGE, RESERVED_PORTS, id="narrow-then-release"),
    pytest.param({PORT_RANGE: "1024 65535", RESERVED_PORTS: "8000"}, {},
                 RESERVED_PORTS, PORT_RANGE, id="unknown-before"),
    pytest.param({"net.core.rmem_max": "9", "net.core.rmem_default": "9", "net.ipv4.tcp_rmem": "1 2 3"}, {},
                 "net.core.rmem_max", "net.ipv4.tcp_rmem", id="limit-then-value"),
    pytest.param({"net.core.rmem_default": "9", "net.core.rmem_max": "9"}, {},
                 "net.core.rmem_max", "net.core.rmem_default", id="limit-then-default"),
])
def test_order_of_writing(wanted: dict[str, str], found: dict[str, str], first: str, then: str) -> None:
    order = in_order(wanted, found)
    assert sorted(order) == sorted(wanted)
    assert order.index(first) < order.index(then)

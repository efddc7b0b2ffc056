"""The snapshot of a machine's counters, against files as the kernel writes them and against this very machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tandem_counters as counters

STAT = "cpu  9 9 9 9\ncpu0 10 1 20 300 4 0 5 6 0 0\ncpu1 11 2 21 301 5 1 6 7 0 0\nintr 5\n"
NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
  bond0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
    lo:1000       5    0    0    0     0          0         0     1000       5    0    0    0     0       0          0
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", [0]), ("0-2", [0, 1, 2]), ("0-1,5", [0, 1, 5]), ("3,7-8\n", [3, 7, 8]), ("", [])],
    ids=["one", "range", "mixed", "newline", "none"],
)
def test_cpu_list(text: str, expected: list[int]) -> None:
    assert counters.cpu_list(text) == expected


def test_only_own_cores_are_counted() -> None:
    assert counters.cpu_times(STAT, [1]) == {
        "1": {"user": 11, "nice": 2, "system": 21, "idle": 301, "iowait": 5, "irq": 1, "softirq": 6, "steal": 7}
    }


def test_interfaces_with_and_without_a_space_after_the_colon() -> None:
    found = counters.net_bytes(NET_DEV)
    assert found["bond0"] == {"rx_bytes": 1, "rx_drops": 4, "tx_bytes": 9, "tx_drops": 12}
    assert found["lo"]["tx_bytes"] == 1000


def test_tcp_counters_come_from_both_files() -> None:
    snmp = "Ip: Forwarding\nIp: 1\nTcp: RtoMin RetransSegs OutRsts\nTcp: 200 7 3\n"
    netstat = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 12 13\n"
    assert counters.tcp_counters(snmp, netstat) == {
        "RetransSegs": 7, "OutRsts": 3, "ListenOverflows": 12, "ListenDrops": 13,
    }


def test_a_process_that_burns_cpu_is_seen_burning_it() -> None:
    before = counters.process_cpu_ticks(os.getpid())
    deadline = time.process_time() + 0.2
    while time.process_time() < deadline:
        pass
    assert counters.process_cpu_ticks(os.getpid()) - before >= 15


def test_memory_is_the_processs_own_share() -> None:
    argv = [sys.executable, "-c", "x = bytearray(50_000_000); print('ready', flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert counters.process_memory_bytes(child.pid) >= 50_000_000
        child.communicate("\n")


def test_snapshot_of_this_machine_is_complete_and_two_make_a_difference() -> None:
    first, second = counters.snapshot("server", "before"), counters.snapshot("server", "after")
    assert set(first) == set(second)
    assert first["cpus"] == sorted(int(core) for core in first["cpu"])
    assert second["monotonic_ns"] > first["monotonic_ns"]
    assert first["daemon"] is None


def test_what_the_kernel_does_not_offer_is_empty(tmp_path: Path) -> None:
    shot = counters.snapshot("client", "before", root=str(tmp_path))
    assert (shot["cpus"], shot["cpu"], shot["net"], shot["tcp"]) == ([], {}, {}, {})

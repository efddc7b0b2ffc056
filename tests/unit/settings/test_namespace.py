"""The real kernel, in a network namespace of its own that is removed afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMESPACE = "tandemtest-settings"
UTILS = Path(__file__).parents[3] / "plugins/module_utils"
KERNEL = {
    "net.core.somaxconn": 65535,
    "net.ipv4.tcp_rmem": "4096 65536 1048576",
    "net.ipv4.ip_local_port_range": "1024 65535",
    "net.ipv4.ip_local_reserved_ports": "8000,8004-8006,8008",
    "net.ipv4.tcp_tw_reuse": 1,
    "net.ipv4.conf.default.rp_filter": 1,
    "net.ipv4.conf.tandem.7.rp_filter": 2,
    "net.ipv4.tcp_congestion_control": {"value": "tandem", "optional": True},
    "net.ipv4.tcp_tw_recycle": {"value": 1, "optional": True},
    "net.core.netdev_max_backlog": {"value": 5, "optional": True},
}
STEPS = """
import json, sys
from tandem_kernel import snapshot
from tandem_kernel.journal import JournalFile
from tandem_kernel.keys import KernelFiles
from tandem_kernel.transaction import Transaction
there = Transaction(KernelFiles(), JournalFile(sys.argv[1]))
kernel = json.loads(sys.argv[2])
def net():
    return {key: value for key, value in snapshot.values(there.files).items() if key.startswith("net.")}
before = net()
first = there.apply(kernel, service_ports=[8000, 8008]).as_dict()
second = there.apply(kernel, service_ports=[8000, 8008]).as_dict()
during = net()
third = there.apply({"net.core.somaxconn": 7}).as_dict()
restored = there.restore().as_dict()
during, after = snapshot.difference(before, during), snapshot.difference(before, net())
print(json.dumps({"first": first, "second": second, "third": third, "restored": restored,
                  "during": during, "after": after}))
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with a loopback and an interface whose name has a dot."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("making a network namespace needs root and iproute2")
    if subprocess.run(["ip", "netns", "add", NAMESPACE], capture_output=True, check=False).returncode:
        pytest.skip("network namespaces cannot be made here")
    try:
        link = ["link", "add", "tandem.7", "type", "veth", "peer", "name", "tandem8"]
        subprocess.run(["ip", "-n", NAMESPACE, *link], check=True)
        yield NAMESPACE
    finally:
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=True)


def test_the_real_kernel_takes_and_gives_back(namespace: str, tmp_path: Path) -> None:
    argv = ["ip", "netns", "exec", namespace, sys.executable, "-c", STEPS, str(tmp_path), json.dumps(KERNEL)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(UTILS)})
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    applied = {row["key"]: row["to"] for row in seen["first"]["applied"]}
    assert applied["net.ipv4.ip_local_reserved_ports"] == "8000,8004-8006,8008"
    assert applied["net.ipv4.conf.tandem/7.rp_filter"] == "2"
    assert {row["key"] for row in seen["first"]["unavailable"]} >= {
        "net.ipv4.tcp_congestion_control", "net.ipv4.tcp_tw_recycle"}
    assert seen["second"]["applied"] == []
    assert {row["key"] for row in seen["during"]} >= set(applied)
    assert [row["to"] for row in seen["third"]["applied"]] == ["7"]
    assert seen["restored"]["restored"] is True
    assert seen["restored"]["others_changed"] == []
    assert seen["after"] == []

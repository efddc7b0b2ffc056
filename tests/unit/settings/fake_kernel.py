"""A made-up machine: files below a folder, and a kernel that refuses, clamps, couples and loses power."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tandem_kernel.journal import Journal, JournalFile
from tandem_kernel.keys import KernelFiles
from tandem_kernel.transaction import STATE_FOLDER, Transaction

REPOSITORY = Path(__file__).parents[3]
BOOT_ID = "kernel.random.boot_id"
SETTINGS = {
    "net.core.somaxconn": "4096",
    "net.core.rmem_max": "212992",
    "net.ipv4.tcp_rmem": "4096\t131072\t6291456",
    "net.ipv4.tcp_mem": "190000\t250000\t380000",
    "net.ipv4.ip_local_port_range": "32768\t60999",
    "net.ipv4.ip_local_reserved_ports": "",
    "net.ipv4.tcp_congestion_control": "cubic",
    "net.ipv4.tcp_available_congestion_control": "reno cubic",
    "net.ipv4.conf.default.rp_filter": "2",
    "net.ipv4.conf.eth0.rp_filter": "2",
    "net.ipv4.conf.eth0/100.rp_filter": "2",
    "vm.dirty_ratio": "20",
    "vm.dirty_bytes": "0",
    "vm.nr_hugepages": "0",
    "kernel.shmmax": "18446744073692774399",
    "kernel.printk": "4\t4\t1\t7",
    "kernel.modules_disabled": "0",
    "fs.file-max": "9223372036854775807",
    "sysfs:/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "sysfs:/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
    "sysfs:/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave",
    BOOT_ID: "boot-1",
}
SOMAXCONN_LIMIT = 100_000
GOVERNORS = ("powersave", "performance")


class PowerCutError(BaseException):
    """The machine stops here; nothing may catch it."""


class Fuse:
    """Cuts the power before or after the given step; every write and every journal entry is two steps."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps

    def step(self) -> None:
        if self.left is None:
            return
        if self.left == 0:
            raise PowerCutError
        self.left -= 1


class FakeKernel(KernelFiles):
    """Files below a root folder that behave like a kernel's."""

    def __init__(self, root: Path, fuse: Fuse | None = None) -> None:
        super().__init__(str(root))
        self.fuse = fuse or Fuse()
        self.writes: list[tuple[str, str]] = []

    def write(self, key: str, value: str) -> None:
        self.fuse.step()
        self.writes.append((key, value))
        self._react(key, value)
        self.fuse.step()

    def _react(self, key: str, value: str) -> None:
        if key == "net.ipv4.tcp_congestion_control" and value not in ("reno", "cubic"):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        if key.endswith("scaling_governor") and value not in GOVERNORS:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if key == "vm.dirty_bytes" and value == "0":
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))      # as the real one does
        if key == "net.core.somaxconn":
            value = str(min(int(value), SOMAXCONN_LIMIT))
        if key.endswith("transparent_hugepage/enabled"):
            value = "always madvise never".replace(value, f"[{value}]")
        self.put(key, value)
        if key in ("vm.dirty_bytes", "vm.dirty_ratio"):
            self.put("vm.dirty_ratio" if key == "vm.dirty_bytes" else "vm.dirty_bytes", "0")
        if key == "net.ipv4.conf.default.rp_filter":
            self.put("net.ipv4.conf.eth0.rp_filter", value)

    def put(self, key: str, value: str) -> None:
        """Set a value as if the kernel or somebody else did."""
        path = Path(self.path(key))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n", encoding="utf-8")


class FusedJournalFile(JournalFile):
    """A journal on a machine whose power may be cut."""

    def __init__(self, folder: str, fuse: Fuse) -> None:
        super().__init__(folder)
        self.fuse = fuse

    def save(self, journal: Journal) -> None:
        self.fuse.step()
        super().save(journal)
        self.fuse.step()

    def sync(self, descriptor: int) -> None:
        """Made-up machines lose no disk caches."""

    def close(self) -> None:
        self.fuse.step()
        super().close()
        self.fuse.step()


def make_machine(root: Path, memory_kib: int = 16 * 2**20) -> FakeKernel:
    """A machine with 16 GiB and the settings above."""
    kernel = FakeKernel(root)
    for key, value in SETTINGS.items():
        kernel.put(key, value)
    (root / "proc/meminfo").write_text(f"MemTotal:       {memory_kib} kB\nHugepagesize:       2048 kB\n")
    return kernel


def transaction_on(root: Path, steps: int | None = None) -> Transaction:
    """A new process that works on this machine; its power is cut after so many steps."""
    fuse = Fuse(steps)
    return Transaction(FakeKernel(root, fuse), FusedJournalFile(str(root / STATE_FOLDER), fuse))


def state_of(root: Path) -> dict[str, str]:
    """Every setting's value; the sysfs files come with stars, so all are listed."""
    kernel = KernelFiles(str(root))
    return {key: kernel.read(key) for key in SETTINGS}


def ansible_environment(folder: Path) -> dict[str, str]:
    """Environment of an Ansible that knows our modules and roles and nothing else of this user."""
    config = folder / "ansible.cfg"
    config.write_text(f"[defaults]\nlibrary = {REPOSITORY}/plugins/modules\nroles_path = {REPOSITORY}/roles\n"
                      f"module_utils = {REPOSITORY}/plugins/module_utils\n"
                      f"action_plugins = {REPOSITORY}/plugins/action\n[connection]\npipelining = True\n")
    return {**os.environ, "ANSIBLE_CONFIG": str(config), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}

"""The process that keeps one machine running: `python -m lab.keeper FILE`, in the machine's namespace.

It mounts the machine's root file system where only it can see it, starts systemd-nspawn, and starts it again
when the machine reboots.  It ends when the machine is off.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

# systemd-nspawn's exit status for "the machine asked to be rebooted".
REBOOT = 133
LOCK_NAME = "nspawn-lock"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",  # else /proc/sys/net is read-only in the machine
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",  # control groups v2 inside, whatever the host has
}


def main(path: Path) -> int:
    """Keep the machine that `path` describes running; return systemd-nspawn's last exit status."""
    plan = json.loads(path.read_text())
    for group in plan["v1_groups"]:
        _enter(Path(group))
    v2_group = _own_unit() if plan["in_unit"] else Path(plan["v2_group"]) if plan["v2_group"] else None
    machine_group = _divide(v2_group) if v2_group else None
    subprocess.run(plan["mount"], check=True)
    (path.parent / LOCK_NAME).write_text(nspawn_lock(Path(plan["root"]).stat()))
    status = REBOOT
    while status == REBOOT:
        status = _run(plan["nspawn"], machine_group)
    return status


def nspawn_lock(root: os.stat_result) -> str:
    """Return the file that systemd-nspawn locks for a root folder, and leaves when it is killed."""
    return f"/run/systemd/nspawn/locks/inode-{root.st_dev}:{root.st_ino}"


def _run(argv: list[str], group: Path | None) -> int:
    enter = (lambda: _enter(group)) if group else None
    child = subprocess.Popen(argv, env=ENVIRONMENT, preexec_fn=enter)  # noqa: PLW1509 - no threads here
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    return child.wait()


def _divide(group: Path) -> Path:
    """Make a group each for us and for the machine, and return the machine's.

    In v2 a group that hands controllers on must hold no process itself.
    """
    for name in ("keeper", "machine"):
        (group / name).mkdir(exist_ok=True)
    _enter(group / "keeper")
    for controller in (group / "cgroup.controllers").read_text().split():
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue  # the host keeps it to itself
    return group / "machine"


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def _own_unit() -> Path:
    """Return the v2 group of the unit that systemd started us in."""
    root = Path("/sys/fs/cgroup")
    if not (root / "cgroup.controllers").exists():
        root = root / "unified"
    line = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    return root / line.removeprefix("0::").lstrip("/")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""A control group for each machine: its processors, and freezing it.

With systemd on the host, a transient unit provides it.  Without, the lab makes its own under every hierarchy
that matters: pure cgroup v2, v1, or both side by side.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from lab.config import Machine
from lab.cpus import format_list, parse_list
from lab.errors import LabError

ROOT = Path("/sys/fs/cgroup")
# The v1 hierarchies a machine gets a group in; the others bring nothing to a benchmark.
_V1 = ("cpuset", "freezer", "systemd")


@dataclass(frozen=True, kw_only=True)
class Hierarchies:
    """Where this host has its control groups; None where it has no such hierarchy."""

    unified: Path | None
    v1: tuple[Path, ...]


def find(root: Path = ROOT) -> Hierarchies:
    """Look at what is mounted."""
    if (root / "cgroup.controllers").exists():
        return Hierarchies(unified=root, v1=())
    unified = root / "unified"
    return Hierarchies(
        unified=unified if (unified / "cgroup.procs").exists() else None,
        v1=tuple(root / name for name in _V1 if (root / name / "cgroup.procs").exists()),
    )


@dataclass(frozen=True, kw_only=True)
class Groups:
    """A machine's own groups."""

    v1: tuple[Path, ...] = ()
    v2: Path | None = None


def make(machine: Machine, hierarchies: Hierarchies) -> Groups:
    """Make a machine's groups, for a host without systemd."""
    v1 = []
    for hierarchy in hierarchies.v1:
        group = hierarchy / machine.name
        group.mkdir(exist_ok=True)
        if hierarchy.name == "cpuset":
            (group / "cpuset.mems").write_text((hierarchy / "cpuset.mems").read_text())
            (group / "cpuset.cpus").write_text(format_list(machine.cpus))
        v1.append(group)
    if hierarchies.unified is None:
        return Groups(v1=tuple(v1))
    enable_all(hierarchies.unified)
    v2 = hierarchies.unified / machine.name
    v2.mkdir(exist_ok=True)
    _try_write(v2 / "cpuset.cpus", format_list(machine.cpus))
    return Groups(v1=tuple(v1), v2=v2)


def enable_all(group: Path) -> None:
    """Hand every controller that a v2 group has to the groups below, as far as the kernel lets it."""
    for name in (group / "cgroup.controllers").read_text().split():
        _try_write(group / "cgroup.subtree_control", f"+{name}")


def leftovers(machine: Machine, hierarchies: Hierarchies) -> list[Path]:
    """Return the groups of a machine that exist, its unit's included."""
    return [path for path in _candidates(machine, hierarchies) if path.is_dir()]


def remove(machine: Machine, hierarchies: Hierarchies) -> bool:
    """Remove a machine's groups as far as they are empty; whether none is left."""
    for top in leftovers(machine, hierarchies):
        for folder, _, _ in os.walk(top, topdown=False):
            _try_rmdir(Path(folder))
    return not leftovers(machine, hierarchies)


def join_like(pid: int, hierarchies: Hierarchies) -> None:
    """Move this process into the groups of another one, as far as possible."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        hierarchy = _hierarchy(controllers, hierarchies)
        if hierarchy is not None:
            _try_write(hierarchy / path.lstrip("/") / "cgroup.procs", str(os.getpid()))


def pinned(pid: int, cpus: tuple[int, ...], hierarchies: Hierarchies) -> bool:
    """Whether the kernel confines a process's group to `cpus`; else only its inherited affinity does."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        hierarchy = _hierarchy(controllers, hierarchies)
        if hierarchy is None:
            continue
        group = hierarchy / path.lstrip("/")
        for name in ("cpuset.cpus.effective", "cpuset.effective_cpus"):
            if (group / name).exists():
                return parse_list((group / name).read_text()) == cpus
    return False


def freeze(machine: Machine, init: int, hierarchies: Hierarchies, *, frozen: bool) -> None:
    """Stop every process of a machine where it stands, or let them go on.  Raises LabError."""
    switch, words = _freezer(machine, init, hierarchies)
    try:
        switch.write_text(words[frozen])
    except OSError as error:
        what = "frozen" if frozen else "thawed"
        raise LabError(f"{machine.name} cannot be {what}: {switch}: {error.strerror}") from None


def is_frozen(machine: Machine, init: int, hierarchies: Hierarchies) -> bool:
    """Whether a machine is frozen."""
    try:
        switch, words = _freezer(machine, init, hierarchies)
    except LabError:
        return False
    return switch.read_text().strip() == words[True]


def _freezer(machine: Machine, init: int, hierarchies: Hierarchies) -> tuple[Path, tuple[str, str]]:
    if hierarchies.unified is not None:
        for line in Path(f"/proc/{init}/cgroup").read_text().splitlines():
            if line.startswith("0::/"):
                path = line.removeprefix("0::/").removesuffix("/init.scope")
                return hierarchies.unified / path / "cgroup.freeze", ("0", "1")
    for hierarchy in hierarchies.v1:
        if hierarchy.name == "freezer":
            return hierarchy / machine.name / "freezer.state", ("THAWED", "FROZEN")
    raise LabError("this host has no control group that can freeze a machine")


def _hierarchy(controllers: str, hierarchies: Hierarchies) -> Path | None:
    if not controllers:
        return hierarchies.unified
    names = [name.removeprefix("name=") for name in controllers.split(",")]
    return next((path for path in hierarchies.v1 if path.name in names), None)


def _candidates(machine: Machine, hierarchies: Hierarchies) -> list[Path]:
    tops = [*hierarchies.v1, *([hierarchies.unified] if hierarchies.unified else [])]
    names = (machine.name, f"machine.slice/{machine.name}.service")
    return [top / name for top in tops for name in names]


def _try_write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError:
        return  # a controller the host keeps to itself; `pinned` tells what came of it


def _try_rmdir(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        return  # still in use; the caller looks again

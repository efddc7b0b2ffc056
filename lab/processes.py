"""Finding the processes of a machine, and ending them."""

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import process
from lab.config import Machine

END_S = 5


@dataclass(frozen=True, kw_only=True)
class Processes:
    """What runs for a machine: found by its mounts, so that nothing can be mistaken or missed."""

    keeper: int | None
    nspawn: int | None
    init: int | None
    everything: tuple[int, ...]

    @property
    def running(self) -> bool:
        """Whether the machine is on and all that keeps it so is there."""
        return None not in (self.keeper, self.nspawn, self.init)

    def keeper_first(self) -> list[int]:
        """Return all in the order in which to kill them: whoever would start the machine again goes first."""
        return sorted(self.everything, key=lambda pid: pid != self.keeper)


def find(machine: Machine) -> Processes:
    """Look through all processes for the machine's."""
    keeper = nspawn = init = None
    everything = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            point = overlay_point((folder / "mountinfo").read_text(), machine.upper)
            if point is None:
                continue
            pid = int(folder.name)
            everything.append(pid)
            if point == "/":
                init = pid if _is_init((folder / "status").read_text()) else init
            elif (folder / "comm").read_text() == "systemd-nspawn\n":
                nspawn = pid if _is_outer(folder, nspawn) else nspawn
            elif b"lab.keeper" in (folder / "cmdline").read_bytes():
                keeper = pid
        except OSError:
            continue  # it has just ended
    return Processes(keeper=keeper, nspawn=nspawn, init=init, everything=tuple(sorted(everything)))


def overlay_point(table: str, upper: Path) -> str | None:
    """Return where a mountinfo table has the overlay that writes to `upper`; None when it has not."""
    point = None
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("overlay ") and f"upperdir={upper}" in after.split(" ")[2].split(","):
            point = before.split(" ")[4]
            if point == "/":
                break
    return point


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes that may have ended."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def end_all(find: Callable[[], Sequence[int]]) -> bool:
    """Kill what `find` finds until it finds nothing more; whether it came to that within END_S."""

    def none_left() -> bool:
        found = find()
        signal_all(found, signal.SIGKILL)
        return not found

    return process.wait_until(none_left, timeout_s=END_S)


def any_alive(pids: Iterable[int]) -> bool:
    """Whether one of these processes is there."""
    return any(Path(f"/proc/{pid}").exists() for pid in pids)


def _is_init(status: str) -> bool:
    """Whether a /proc/…/status text is of the first process of a process namespace below ours."""
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            pids = line.split()[1:]
            return len(pids) > 1 and pids[-1] == "1"
    return False


def _is_outer(folder: Path, found: int | None) -> bool:
    """Whether a systemd-nspawn process is the one that its keeper started, not one of its children."""
    parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return found is None or parent != found

"""Files: a crash leaves the old or the new one; folders go without what is mounted in them."""

import json
import os
import shutil
from pathlib import Path

from lab import process
from lab.errors import LabError

_OCTAL_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file in one step."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def write_json(path: Path, content: object) -> None:
    """Replace a JSON file in one step."""
    write(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def mount_points(table: str) -> list[str]:
    """Return the mount points of a /proc/…/mountinfo text, in order."""
    points = []
    for line in table.splitlines():
        point = line.split(" ")[4]
        for escape, character in _OCTAL_ESCAPES.items():
            point = point.replace(escape, character)
        points.append(point)
    return points


def mounts_below(path: Path, table: str | None = None) -> list[str]:
    """Return what is mounted on a folder or anywhere in it, in our own view, innermost first."""
    text = Path("/proc/self/mountinfo").read_text() if table is None else table
    return [point for point in reversed(mount_points(text)) if Path(point).is_relative_to(path)]


def remove(path: Path) -> None:
    """Remove a file, or a folder with `remove_tree`."""
    if path.is_dir():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it; of a folder that is a mount point, only what is in it.

    Raises LabError when something is mounted further in, which is not ours to unmount, or cannot be removed.
    """
    if not path.exists():
        return
    here = path.resolve()
    inner = [point for point in mounts_below(here) if Path(point) != here]
    if inner:
        raise LabError(f"{inner[0]} is mounted, so {path} was not removed: unmount it first")
    try:
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        if not path.is_mount():
            path.rmdir()
    except OSError as error:
        raise LabError(f"{path} cannot be removed: {error.strerror}: {error.filename}") from None


def unmount_below(path: Path) -> None:
    """Unmount everything on a folder or in it."""
    for point in mounts_below(path.resolve()):
        process.run(["umount", "--lazy", point])


def file_system_of(path: Path, table: str | None = None) -> str:
    """Return the type of the file system a path is on, or will be on once it exists."""
    text = Path("/proc/self/mountinfo").read_text() if table is None else table
    kinds = {}
    for line, point in zip(text.splitlines(), mount_points(text), strict=True):
        kinds[point] = line.partition(" - ")[2].split(" ")[0]
    here = path.resolve()
    while str(here) not in kinds:
        here = here.parent
    return kinds[str(here)]


def free_bytes(path: Path) -> int:
    """Return how much root can still write where a path is or will be."""
    here = path
    while not here.exists():
        here = here.parent
    found = os.statvfs(here)
    return found.f_bavail * found.f_frsize

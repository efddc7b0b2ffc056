"""Names of kernel settings, their files under /proc/sys and /sys, and how their values compare.

A key is a sysctl (net.core.somaxconn) or a sysfs file (sysfs:/sys/kernel/mm/transparent_hugepage/enabled; a
star matches several files). Interface names with dots are understood as net.ipv4.conf.eth0.100.rp_filter and
as net.ipv4.conf.eth0/100.rp_filter; the second one, sysctl's own spelling, is the key's name.
"""

from __future__ import annotations

import glob
import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SYSFS = "sysfs:"
TOPS = ("net", "vm", "fs", "kernel")
RESERVED_PORTS = "net.ipv4.ip_local_reserved_ports"
PORT_RANGE = "net.ipv4.ip_local_port_range"
READ_LIMIT_BYTES = 65536

_PART = re.compile(r"[^\s/\x00]+")
_SYSFS_PATH = re.compile(r"/sys/[^\s\x00]+")
_CHOSEN = re.compile(r"(?:^|\s)\[([^\]\s]+)\](?:\s|$)")


class BadSettingError(Exception):
    """A key or a value that makes no sense; the message is the reason."""


class UnavailableError(Exception):
    """A key that this machine does not let us read or write; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value wanted: the key's own name, the value as the kernel prints it, whether it may be missing."""

    key: str
    value: str
    optional: bool = False


def canonical(key: str) -> str:
    """The key's own name. Raises BadSettingError with the reason when it is no key."""
    if key.startswith(SYSFS):
        path = key[len(SYSFS):]
        if not _SYSFS_PATH.fullmatch(path) or posixpath.normpath(path) != path:
            raise BadSettingError("a sysfs key is sysfs:/sys/… without '..' or blanks")
        return key
    parts = _parts(key)
    if len(parts) < 2 or parts[0] not in TOPS:
        raise BadSettingError(f"a sysctl begins with one of {', '.join(TOPS)}")
    if any(not _PART.fullmatch(part) or part in (".", "..") for part in parts):
        raise BadSettingError("a sysctl is names joined by single dots")
    return name_of_parts(parts)


def name_of_parts(parts: list[str]) -> str:
    """The key of a path below /proc/sys: dots of interface names are written as slashes, as sysctl does."""
    return ".".join(part.replace(".", "/") for part in parts)


def relative_path(key: str) -> str:
    """Path of a canonical key below the root folder, such as proc/sys/net/core/somaxconn."""
    if key.startswith(SYSFS):
        return key[len(SYSFS) + 1:]
    return "/".join(["proc/sys", *(part.replace("/", ".") for part in key.split("."))])


def _parts(key: str) -> list[str]:
    """The path below /proc/sys that any of sysctl's spellings means."""
    dot, slash = key.find("."), key.find("/")
    if slash >= 0 and (dot < 0 or slash < dot):
        return key.split("/")
    parts = [part.replace("/", ".") for part in key.split(".")]
    if parts[:1] == ["net"] and parts[2:3] in (["conf"], ["neigh"]) and len(parts) > 5:
        return [*parts[:3], ".".join(parts[3:-1]), parts[-1]]
    return parts


def normalised(key: str, text: str) -> str:
    """A value as it is compared: single blanks, of a list with a [chosen] word that word, ports folded."""
    chosen = _CHOSEN.search(text) if key.startswith(SYSFS) else None
    if chosen:
        return chosen.group(1)
    value = " ".join(text.split())
    if key == RESERVED_PORTS:
        try:
            return folded(ports_of(value))
        except ValueError:
            return value
    return value


def ports_of(text: str) -> set[int]:
    """The ports that a list such as 8000,8004-8008 names. Raises ValueError when it is no such list."""
    ports: set[int] = set()
    for item in filter(None, re.split(r"[,\s]+", text)):
        first, _, last = item.partition("-")
        low, high = int(first), int(last or first)
        if not 0 <= low <= high <= 65535:
            raise ValueError(item)
        ports.update(range(low, high + 1))
    return ports


def folded(ports: set[int]) -> str:
    """Ports as the kernel prints them: neighbours joined, 8000,8004-8008."""
    spans: list[list[int]] = []
    for port in sorted(ports):
        if spans and port == spans[-1][1] + 1:
            spans[-1][1] = port
        else:
            spans.append([port, port])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


class KernelFiles:
    """Reads and writes settings below a root folder: / on a machine, a made-up tree in a test."""

    def __init__(self, root: str = "/") -> None:
        self.root = os.path.abspath(root)

    def below(self, relative: str) -> str:
        """The path of a file below the root folder."""
        return os.path.join(self.root, relative)

    def path(self, key: str) -> str:
        """The file of a canonical key."""
        return self.below(relative_path(key))

    def matches(self, key: str) -> list[str]:
        """The keys that a sysfs key with stars stands for; any other key stands for itself."""
        if not key.startswith(SYSFS) or not glob.has_magic(key):
            return [key]
        start = len(self.root.rstrip("/"))
        return [SYSFS + path[start:] for path in sorted(glob.glob(self.path(key)))]

    def read(self, key: str) -> str:
        """The value in force, normalised. Raises UnavailableError with the reason when it cannot be read."""
        try:
            with open(self.path(key), "rb") as file:
                return normalised(key, file.read(READ_LIMIT_BYTES).decode("utf-8", "replace"))
        except (FileNotFoundError, NotADirectoryError):
            raise UnavailableError("this kernel does not have it") from None
        except OSError as error:
            why = f"it cannot be read ({error.strerror}), so it could not be put back"
            raise UnavailableError(why) from None

    def now(self, key: str) -> str | None:
        """The value in force, or None when it cannot be read."""
        try:
            return self.read(key)
        except UnavailableError:
            return None

    def check_writable(self, key: str) -> None:
        """Raise UnavailableError with the reason when the file cannot be written; writes nothing."""
        path = self.path(key)
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            raise UnavailableError(f"it cannot be reached ({error.strerror})") from None
        if not mode & 0o222:
            raise UnavailableError("this kernel offers it read-only")
        if not os.access(path, os.W_OK):
            read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
            why = "is read-only on this machine (a container or a virtual lab)"
            raise UnavailableError(f"it {why if read_only else 'may not be written by this user'}")

    def write(self, key: str, value: str) -> None:
        """Write one value. Raises OSError as the kernel gives it."""
        # With a newline an empty value is a write too, which empties a list; a write of nothing does nothing.
        descriptor = os.open(self.path(key), os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, f"{value}\n".encode())
        finally:
            os.close(descriptor)

    def boot_id(self) -> str:
        """Identity of this boot."""
        return self.now("kernel.random.boot_id") or "unknown"

    def meminfo_bytes(self, name: str) -> int | None:
        """A size from /proc/meminfo such as MemTotal, or None when it cannot be read."""
        try:
            with open(self.below("proc/meminfo"), encoding="ascii") as file:
                found = re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.MULTILINE)
        except OSError:
            return None
        return int(found.group(1)) * 1024 if found else None


def settings_of(kernel: Mapping[str, Any]) -> tuple[list[Setting], list[dict[str, str]]]:
    """The settings that a profile's kernel table asks for, and the refused ones as key, value and why."""
    wanted: dict[str, Setting] = {}
    refused: list[dict[str, str]] = []
    for name, raw in kernel.items():
        try:
            setting = _setting(str(name), raw)
        except BadSettingError as error:
            refused.append({"key": str(name), "value": str(raw), "why": str(error)})
            continue
        if wanted.setdefault(setting.key, setting).value != setting.value:
            why = "it is given twice, with different values"
            refused.append({"key": setting.key, "value": setting.value, "why": why})
    return list(wanted.values()), refused


def _setting(name: str, raw: object) -> Setting:
    optional: object = False
    value: object = raw
    if isinstance(raw, Mapping):
        if "value" not in raw or set(raw) - {"value", "optional"}:
            raise BadSettingError("an entry holds 'value' and may hold 'optional', nothing else")
        value, optional = raw["value"], raw.get("optional", False)
    if not isinstance(optional, bool):
        raise BadSettingError("'optional' is true or false")
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise BadSettingError("a value is a whole number or a text; quote words such as on, off, yes and no")
    key = canonical(name)
    text = str(value)
    if not text.strip().isprintable() or len(text) > 4000:
        raise BadSettingError("a value is one line of at most 4000 characters")
    return Setting(key=key, value=normalised(key, text.strip()), optional=optional)

"""Every net, vm, fs and kernel sysctl that can be read without harm, and what differs between snapshots."""

from __future__ import annotations

import os
import re
from typing import Any

from .journal import utc_now
from .keys import TOPS, KernelFiles, name_of_parts

SCHEMA_VERSION = 1

SKIPPED = re.compile(r"""
    fs\.binfmt_misc(\..*)?              # looking into it mounts a file system
    | vm\.stat_refresh                  # reading it rewrites the counters of all CPUs
    | net\.ipv4\.tcp_fastopen_key       # a secret
    | net\.ipv6\.conf\..*\.stable_secret  # a secret
""", re.VERBOSE)
"""Keys never read: those with side effects, and secrets, because results folders are passed on."""

VOLATILE = re.compile(r"""
    fs\.(dentry-state|inode-state|inode-nr|file-nr|aio-nr)          # counters of objects in use
    | fs\.quota\..*                                                 # counters
    | kernel\.random\.(uuid|entropy_avail)                          # new at every reading
    | kernel\.random\.boot_id                                       # new at every boot
    | kernel\.(ns_last_pid|hung_task_detect_count)                  # counters
    | kernel\.pty\.nr                                               # terminals in use
    | kernel\.(msg|sem|shm)_next_id                                 # set as identifiers are used
    | kernel\.perf_(event_max_sample_rate|cpu_time_max_percent)     # lowered by the kernel under load
    | kernel\.sched_domain\..*                                      # rebuilt when CPUs come and go
    | net\.netfilter\.nf_conntrack_count                            # connections in use
    | net\.ipv4\.tcp_(available|allowed)_congestion_control         # grows when the kernel loads a module
    | net\.ipv4\.tcp_available_ulp                                  # grows when the kernel loads a module
""", re.VERBOSE)
"""Keys that change by themselves and are left out when two snapshots are compared."""

SYSFS_KEYS = (
    "sysfs:/sys/kernel/mm/transparent_hugepage/enabled",
    "sysfs:/sys/kernel/mm/transparent_hugepage/defrag",
    "sysfs:/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
)
"""The sysfs files that a snapshot holds beside the sysctls."""


def values(files: KernelFiles) -> dict[str, str]:
    """Every readable setting by its key, blanks normalised; write-only and unreadable ones are left out."""
    found: dict[str, str] = {}
    base = files.below("proc/sys")
    for top in TOPS:
        for folder, folders, names in os.walk(os.path.join(base, top)):
            parts = os.path.relpath(folder, base).split(os.sep)
            folders[:] = [name for name in folders if not SKIPPED.fullmatch(name_of_parts([*parts, name]))]
            _add(files, [name_of_parts([*parts, name]) for name in names], found)
    _add(files, [key for pattern in SYSFS_KEYS for key in files.matches(pattern)], found)
    return found


def _add(files: KernelFiles, keys: list[str], found: dict[str, str]) -> None:
    for key in keys:
        if SKIPPED.fullmatch(key) or not _has_mode(files, key, 0o444):
            continue
        value = files.now(key)
        if value is not None:
            found[key] = value


def _has_mode(files: KernelFiles, key: str, bits: int) -> bool:
    """Whether the file's mode has one of these bits: root may read files that are only meant for writing."""
    try:
        return bool(os.stat(files.path(key)).st_mode & bits)
    except OSError:
        return False


def difference(before: dict[str, str], after: dict[str, str]) -> list[dict[str, str | None]]:
    """What differs, volatile keys apart, as key, from and to; None where a key is missing."""
    return [
        {"key": key, "from": before.get(key), "to": after.get(key)}
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not VOLATILE.fullmatch(key)
    ]


def followed(files: KernelFiles, before: dict[str, str], after: dict[str, str]) -> list[dict[str, str]]:
    """The writable settings that changed between two snapshots and exist in both, as key, from and to."""
    return [
        {"key": str(row["key"]), "from": str(row["from"]), "to": str(row["to"])}
        for row in difference(before, after)
        if row["from"] is not None and row["to"] is not None and _has_mode(files, str(row["key"]), 0o222)
    ]


def document(files: KernelFiles, *, machine: str, when: str) -> dict[str, Any]:
    """The snapshot of this moment as settings-<machine>-<when>.json holds it."""
    return document_of(values(files), machine=machine, when=when, taken_utc=utc_now(),
                       boot_id=files.boot_id())


def document_of(found: dict[str, str], *, machine: str, when: str, taken_utc: str,
                boot_id: str) -> dict[str, Any]:
    """A snapshot's values with what tells it apart from others."""
    return {"schema_version": SCHEMA_VERSION, "machine": machine, "when": when, "taken_utc": taken_utc,
            "boot_id": boot_id, "values": found}

"""What a daemon holds, looked at once a second while it serves: memory, processes, threads, open connections.

A look may not cost the machine more than 1 % of a core: one that takes long is followed by a long pause.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

from ansible.module_utils.tandem_connections import connections
from ansible.module_utils.tandem_counters import unit_processes
from ansible.module_utils.tandem_files import read_text

INTERVAL_S = 1.0
PAUSE_PER_COST = 100    # seconds between two looks for each second of processor time that one takes
KERNEL_PARTS = ("kernel_stack", "pagetables", "percpu", "slab")     # what "kernel" is the sum of, before Linux 5.18
MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


def group_folder(root: str, unit: str) -> str | None:
    """The folder of a unit's control group (version 2), found by one of its processes; None where there is none."""
    for pid in unit_processes(unit, root):
        for line in (read_text(f"{root}/proc/{pid}/cgroup") or "").splitlines():
            before, found, _ = line.partition(f"/{unit}")
            if found and before.startswith("0::"):
                path = before[len("0::"):] + found
                return next((f"{root}{top}{path}" for top in MOUNTS if os.path.isdir(f"{root}{top}{path}")), None)
    return None


def group_processes(folder: str) -> list[int]:
    """The processes of a control group and of the groups in it."""
    texts = [read_text(os.path.join(path, "cgroup.procs")) for path, _, _ in os.walk(folder)]
    return sorted(int(word) for text in texts for word in (text or "").split() if word != "0")


def group_memory(folder: str) -> dict[str, int] | None:
    """What the kernel accounts to the group, in bytes; None where it accounts no memory to groups.

    Anonymous memory is the daemon's own; file is the page cache of whoever read a file first; kernel and sock are its
    stacks, page tables, descriptors and socket buffers.
    """
    current, stat = (read_text(os.path.join(folder, name)) for name in ("memory.current", "memory.stat"))
    if current is None or stat is None:
        return None
    pairs = {line.split()[0]: int(line.split()[1]) for line in stat.splitlines() if len(line.split()) == 2}
    kernel = pairs.get("kernel", sum(pairs.get(name, 0) for name in KERNEL_PARTS))
    return {"current_bytes": int(current), "anon_bytes": pairs.get("anon", 0), "file_bytes": pairs.get("file", 0),
            "kernel_bytes": kernel, "sock_bytes": pairs.get("sock", 0)}


def shared_out_anon_bytes(root: str, pids: list[int]) -> int | None:
    """The processes' anonymous memory, a page that n processes share counted 1/n in each; None where none can be read.

    Summed over all processes of a daemon that is what its group would be charged, each page once.
    """
    found = [re.search(r"^Pss_Anon: +(\d+) kB", read_text(f"{root}/proc/{pid}/smaps_rollup") or "", re.M)
             for pid in pids]
    known = [int(match[1]) * 1024 for match in found if match]
    return sum(known) if known else None


def threads_and_rss(root: str, pids: list[int]) -> tuple[int, int, int]:
    """How many of the processes live, their threads, and their resident bytes, shared pages counted in each."""
    words = [text.rpartition(")")[2].split() for pid in pids if (text := read_text(f"{root}/proc/{pid}/stat"))]
    living = [each for each in words if len(each) > 21 and each[0] not in "ZX"]
    pages = sum(int(each[21]) for each in living)
    return len(living), sum(int(each[17]) for each in living), pages * os.sysconf("SC_PAGE_SIZE")


def look(unit: str, port: int, folder: str | None, root: str = "") -> dict[str, Any]:
    """One sample. `source` says whether the memory is the group's or was summed over its processes."""
    begin_ns = time.thread_time_ns()
    pids = unit_processes(unit, root) if folder is None else group_processes(folder)
    group = None if folder is None else group_memory(folder)
    processes, threads, rss_bytes = threads_and_rss(root, pids)
    sample = {
        "schema_version": 1,
        "monotonic_ns": time.clock_gettime_ns(time.CLOCK_MONOTONIC),
        "realtime_ns": time.clock_gettime_ns(time.CLOCK_REALTIME),
        "processes": processes,
        "threads": threads,
        "rss_bytes": rss_bytes,
        "source": "processes" if group is None else "group",
        "anon_bytes": shared_out_anon_bytes(root, pids) if group is None else group["anon_bytes"],
        "group": group,
        "connections": connections(port, root),
    }
    return {**sample, "cost_ns": time.thread_time_ns() - begin_ns}


def watch(unit: str, port: int, path: str, seconds: float, root: str = "") -> int:
    """Append a sample a second to the file, for so long; return how many."""
    deadline, count, folder = time.monotonic() + seconds, 0, group_folder(root, unit)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        while True:
            sample = look(unit, port, folder, root)
            file.write(json.dumps(sample) + "\n")
            file.flush()
            count += 1
            pause_s = max(INTERVAL_S, sample["cost_ns"] / 1e9 * PAUSE_PER_COST)
            if time.monotonic() + pause_s > deadline:
                return count
            time.sleep(pause_s)


def main(params: dict[str, Any]) -> None:
    """Watch until the time is over, or until the unit that this runs in is stopped."""
    watch(params["unit"], params["port"], params["path"], params["seconds"])

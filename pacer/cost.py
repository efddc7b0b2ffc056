"""What the generator itself uses: CPU time, memory, involuntary switches, the busiest core."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from pacer.recording import Cost

_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)       # user nice system irq softirq steal, of a cpu line in /proc/stat
_FIELDS = 8


class Meter:
    """CPU time and switches of this process from now on."""

    def __init__(self) -> None:
        self._before = resource.getrusage(resource.RUSAGE_SELF)

    def read(self, cost: Cost) -> None:
        """Write what was used since this meter was made."""
        now, before = resource.getrusage(resource.RUSAGE_SELF), self._before
        used = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
        cost.cpu_ns = cost.busiest_process_cpu_ns = round(used * 1e9)
        cost.involuntary_switches = now.ru_nivcsw - before.ru_nivcsw
        cost.rss_max_bytes = now.ru_maxrss * 1024


def read_cpu_times(path: Path = Path("/proc/stat")) -> dict[int, tuple[int, int]]:
    """Return (busy, total) ticks of each CPU since boot; empty where the system does not say."""
    times: dict[int, tuple[int, int]] = {}
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return times
    for line in lines:
        name, *values = line.split()
        if name.startswith("cpu") and name != "cpu":
            ticks = [int(value) for value in values[:_FIELDS]]
            times[int(name[3:])] = (sum(ticks[i] for i in _BUSY_FIELDS if i < len(ticks)), sum(ticks))
    return times


def busiest_core(before: dict[int, tuple[int, int]],
                 after: dict[int, tuple[int, int]]) -> tuple[int, float] | None:
    """Return (CPU, busy share) of the busiest CPU that this process may use, None when unknown."""
    shares = []
    for cpu in os.sched_getaffinity(0) & before.keys() & after.keys():
        busy, total = (after[cpu][i] - before[cpu][i] for i in (0, 1))
        if total > 0:
            shares.append((min(1.0, max(0.0, busy / total)), cpu))
    if not shares:
        return None
    share, cpu = max(shares)
    return cpu, share

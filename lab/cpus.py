"""Which machine gets which processors."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

TOPOLOGY = Path("/sys/devices/system/cpu")


def parse_list(text: str) -> tuple[int, ...]:
    """Read a kernel cpu list such as `0-2,5`; an empty text is an empty list.  Raises ValueError."""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def format_list(cpus: Iterable[int]) -> str:
    """Write processors the way the kernel does: `0-2,5`."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def split(cores: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Share physical cores, each given as its hardware threads, between server and client.

    A core is never shared while there are two of them.  A single core's threads are shared out; a single
    thread goes to both machines.  With an odd number of cores the client has one more.
    """
    whole = sorted(tuple(sorted(core)) for core in cores)
    if len(whole) == 1:
        whole = [(thread,) for thread in whole[0]]
    if len(whole) == 1:
        return whole[0], whole[0]
    half = len(whole) // 2
    return _flatten(whole[:half]), _flatten(whole[half:])


def cores_of(available: Iterable[int], siblings: Mapping[int, tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Group the available processors by physical core."""
    left = set(available)
    cores = []
    for cpu in sorted(left):
        if cpu in left:
            core = {cpu, *siblings.get(cpu, ())} & left
            left -= core
            cores.append(tuple(sorted(core)))
    return cores


def host_split(*, pin: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the server's and the client's processors on this host; both have all of them without `pin`."""
    available = tuple(sorted(os.sched_getaffinity(0)))
    if not pin:
        return available, available
    return split(cores_of(available, _siblings(available)))


def describe(server: tuple[int, ...], client: tuple[int, ...]) -> str:
    """Return one sentence on what the pinning means for results."""
    if set(server) & set(client):
        one = len(set(server) | set(client)) == 1
        reason = "there is only one core" if one else "they are not pinned"
        return f"both machines share cpu {format_list(server)} because {reason}: each slows the other down"
    siblings = _siblings(server + client)
    if any(set(siblings.get(cpu, ())) & set(client) for cpu in server):
        return (
            f"server on cpu {format_list(server)}, client on cpu {format_list(client)}: "
            "two threads of one physical core, so each slows the other down"
        )
    return f"server on cpu {format_list(server)}, client on cpu {format_list(client)}"


def _flatten(cores: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted(thread for core in cores for thread in core))


def _siblings(cpus: Iterable[int]) -> dict[int, tuple[int, ...]]:
    found = {}
    for cpu in cpus:
        path = TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        try:
            found[cpu] = parse_list(path.read_text())
        except (OSError, ValueError):
            found[cpu] = (cpu,)
    return found

"""What is refused before anything is written, and the order in which settings are written.

A rule looks at one wanted value and at the machine, and answers with the reason for refusing it, or None.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .keys import PORT_RANGE, RESERVED_PORTS, KernelFiles, Setting, ports_of

IRREVERSIBLE = ("kernel.modules_disabled", "kernel.kexec_load_disabled", "kernel.unprivileged_bpf_disabled")
"""Switches that the kernel never turns back before a reboot."""

_WHOLE = re.compile(r"-?\d+")
_FOR_ALL = re.compile(r"\.(conf|neigh)\.(all|default)\.")
_HEX = re.compile(r"mask|bitmap|fastopen_key|rss_key")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the rules need to know; sizes in bytes, None when unknown."""

    memory_bytes: int | None
    page_bytes: int
    huge_page_bytes: int


Rule = Callable[[list[int], Machine], "str | None"]


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.3g} GiB"


def _at_most(wanted_bytes: int, memory_bytes: int | None, share: float = 1.0) -> str | None:
    """Why an amount of memory is nonsense, or None."""
    if memory_bytes is None or wanted_bytes <= memory_bytes * share:
        return None
    limit = "memory" if share == 1.0 else f"{share:.0%} of the memory"
    return f"it is {_gib(wanted_bytes)}, more than {limit} of this machine, which has {_gib(memory_bytes)}"


def _three_pages(values: list[int], machine: Machine) -> str | None:
    return _rising(values) or _at_most(values[2] * machine.page_bytes, machine.memory_bytes)


def _three_bytes(values: list[int], machine: Machine) -> str | None:
    return _rising(values) or _at_most(values[2], machine.memory_bytes)


def _rising(values: list[int]) -> str | None:
    if len(values) == 3 and 0 <= values[0] <= values[1] <= values[2]:
        return None
    return "it takes three numbers, none below 0 or below the one before"


def _amount(*, unit: str = "byte", share: float = 1.0) -> Rule:
    """A rule for one amount of memory, counted in bytes, KiB, pages or huge pages."""
    def rule(values: list[int], machine: Machine) -> str | None:
        sizes = {"byte": 1, "KiB": 1024, "page": machine.page_bytes, "huge page": machine.huge_page_bytes}
        if len(values) != 1 or values[0] < 0:
            return "it takes one number, not below 0"
        return _at_most(values[0] * sizes[unit], machine.memory_bytes, share)
    return rule


def _port_range(values: list[int], _machine: Machine) -> str | None:
    if len(values) == 2 and 1 <= values[0] < values[1] <= 65535:
        return None
    return "it takes two ports, the lower one first, between 1 and 65535"


RULES: dict[str, Rule] = {
    "net.ipv4.tcp_mem": _three_pages,
    "net.ipv4.udp_mem": _three_pages,
    "net.ipv4.tcp_rmem": _three_bytes,
    "net.ipv4.tcp_wmem": _three_bytes,
    PORT_RANGE: _port_range,
    "kernel.shmmax": _amount(),
    "kernel.shmall": _amount(unit="page"),
    "vm.min_free_kbytes": _amount(unit="KiB", share=0.25),
    "vm.nr_hugepages": _amount(unit="huge page", share=0.9),
    **{f"net.core.{side}mem_{kind}": _amount() for side in "rw" for kind in ("default", "max")},
    "net.core.optmem_max": _amount(),
}


def refusals(settings: Sequence[Setting], files: KernelFiles,
             service_ports: Iterable[int]) -> list[dict[str, str]]:
    """The settings that make no sense on this machine, as key, value and why; reads, never writes."""
    machine = Machine(memory_bytes=files.meminfo_bytes("MemTotal"), page_bytes=os.sysconf("SC_PAGE_SIZE"),
                      huge_page_bytes=files.meminfo_bytes("Hugepagesize") or 2**21)
    refused = []
    for setting in settings:
        why = _nonsense(setting, files, machine)
        if why is None and setting.key == PORT_RANGE:
            why = _takes_service_ports(settings, files, sorted(set(service_ports)))
        if why:
            refused.append({"key": setting.key, "value": setting.value, "why": why})
    return refused


def _nonsense(setting: Setting, files: KernelFiles, machine: Machine) -> str | None:
    key, tokens = setting.key, setting.value.split()
    in_force = files.now(key)
    if setting.value == in_force:
        return None     # kernels' own defaults may be as good as endless, such as kernel.shmmax
    if key in IRREVERSIBLE:
        return "the kernel does not turn it back before a reboot"
    if key == RESERVED_PORTS:
        return _not_ports(setting.value)
    if key in RULES and _whole(tokens):
        return RULES[key]([int(token) for token in tokens], machine)
    return _other_shape(key, tokens, (in_force or "").split())


def _whole(tokens: list[str]) -> bool:
    return bool(tokens) and all(_WHOLE.fullmatch(token) for token in tokens)


def _other_shape(key: str, wanted: list[str], now: list[str]) -> str | None:
    """Why a value cannot replace the present one, told from their shapes alone, or None."""
    if not wanted:
        return "its value is empty"
    if _whole(now) and not _HEX.search(key) and not (_whole(wanted) and len(wanted) == len(now)):
        return f"it takes {len(now)} whole number{'s' if len(now) > 1 else ''}, as in '{' '.join(now)}'"
    return "it takes whole numbers" if key in RULES else None


def _not_ports(value: str) -> str | None:
    try:
        ports_of(value)
    except ValueError:
        return "it takes ports and ranges of ports, as in 8000,8004-8008"
    return None


def _takes_service_ports(settings: Sequence[Setting], files: KernelFiles,
                         service_ports: list[int]) -> str | None:
    """Why the wanted range of client ports collides with the services, or None."""
    values = {setting.key: setting.value for setting in settings}
    low, high = (int(token) for token in values[PORT_RANGE].split())
    reserved = values.get(RESERVED_PORTS, files.now(RESERVED_PORTS)) or ""
    if _not_ports(reserved):
        return None     # refused by its own rule
    taken = [port for port in service_ports if low <= port <= high and port not in ports_of(reserved)]
    if not taken:
        return None
    ports = ",".join(map(str, taken))
    return f"client sockets could take the services' ports; reserve them with {RESERVED_PORTS}: \"{ports}\""


def in_order(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """The keys of wanted in the order to write them.

    Ports are reserved before the range of client ports grows over them and released after it has shrunk;
    limits come before the values they limit, and values for all interfaces before those of one.
    """
    narrows = _within(wanted.get(PORT_RANGE, ""), found.get(PORT_RANGE, ""))

    def rank(key: str) -> tuple[int, str]:
        if key == PORT_RANGE:
            return (0 if narrows else 4), key
        if key == RESERVED_PORTS:
            return 1, key
        return (2 if key.endswith("_max") or _FOR_ALL.search(key) else 3), key
    return sorted(wanted, key=rank)


def _within(inner: str, outer: str) -> bool:
    try:
        low, high = (int(token) for token in inner.split())
        lowest, highest = (int(token) for token in outer.split())
    except ValueError:
        return False
    return lowest <= low and high <= highest

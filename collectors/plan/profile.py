"""Profiles: settings of the machines, checked for what can be known before any machine is asked.

Whether a kernel has a key, and whether its memory holds a value, is for the machine itself to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.document import Item, listed, unknown
from collectors.plan.model import KernelValue, Profile
from collectors.plan.postgresql import check_setting

PORT_RANGE: Final = "net.ipv4.ip_local_port_range"
RESERVED_PORTS: Final = "net.ipv4.ip_local_reserved_ports"
TREES: Final = ("fs", "kernel", "net", "vm")
LIMITS: Final = ("nofile",)

_KEY = re.compile(r"[a-z0-9_]+(?:\.[A-Za-z0-9_-]+)+")
_FOR_EVER: Final = "cannot be put back without a reboot"
_ACTION: Final = "is a command, not a setting"
DANGEROUS: Final = {
    "kernel.kexec_load_disabled": _FOR_EVER,
    "kernel.modules_disabled": _FOR_EVER,
    "kernel.unprivileged_bpf_disabled": _FOR_EVER,
    "kernel.yama.ptrace_scope": _FOR_EVER,
    "kernel.panic": "may reboot the machine",
    "kernel.panic_on_oops": "may stop the machine",
    "kernel.hostname": "renames the machine",
    "kernel.core_pattern": "runs a program as root",
    "kernel.modprobe": "runs a program as root",
    "vm.panic_on_oom": "may stop the machine",
    "vm.compact_memory": _ACTION,
    "vm.drop_caches": _ACTION,
    "net.ipv4.route.flush": _ACTION,
    "net.ipv4.icmp_echo_ignore_all": "makes the link check fail",
}
"""Keys that no profile may carry, with the reason."""

TRIPLES: Final = ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_mem", "net.ipv4.udp_mem")


def read_profile(name: str, document: Item) -> Profile:
    """The profile that document describes; raises PlanError at the first value that is wrong by itself."""
    fields = document.fields(required=("description", "kernel", "limits", "postgresql", "refused"))
    limits = fields["limits"].fields(required=(), optional=LIMITS)
    return Profile(
        name=name,
        description=fields["description"].text(),
        kernel={key: _kernel_value(key, item) for key, item in fields["kernel"].entries().items()},
        limits={key: item.integer(256, c.FILE_LIMIT_MAX) for key, item in limits.items()},
        postgresql={key: check_setting(key, item) for key, item in fields["postgresql"].entries().items()},
        refused={key: item.text() for key, item in fields["refused"].entries().items()},
    )


def reserve_ports(profile: Profile, ports: Iterable[int]) -> Profile:
    """The profile with every port of ports reserved that its range of client ports covers.

    Without that, a client's socket may take a port that a daemon is about to listen on ("Connection in use").
    They come first among the kernel's keys, to be reserved before the range is widened.
    A profile that leaves the range alone is returned as it is: no daemon's port may lie in the kernel's own
    range.
    """
    if PORT_RANGE not in profile.kernel:
        return profile
    low, high = port_range(profile)
    given = profile.kernel.get(RESERVED_PORTS)
    reserved = _ports(given.value) if given else set()
    missing = {port for port in ports if low <= port <= high} - reserved
    if not missing:
        return profile
    value = KernelValue(value=_ranges(reserved | missing), optional=False)
    others = {key: kept for key, kept in profile.kernel.items() if key != RESERVED_PORTS}
    return replace(profile, kernel={RESERVED_PORTS: value, **others})


def port_range(profile: Profile) -> tuple[int, int]:
    """First and last client port under this profile, the kernel's default where it says nothing."""
    value = profile.kernel.get(PORT_RANGE)
    if value is None:
        return c.PORT_RANGE_DEFAULT
    low, high = map(int, value.value.split())
    return low, high


def client_ports(profile: Profile) -> int:
    """How many ports a client has for one target address and port."""
    low, high = port_range(profile)
    given = profile.kernel.get(RESERVED_PORTS)
    kept = _ports(given.value) if given else set()
    return high - low + 1 - sum(low <= port <= high for port in kept)


def kernel_integer(profile: Profile, key: str, default: int) -> int:
    """The profile's value of a key that holds one number, or the kernel's default."""
    value: Mapping[str, KernelValue] = profile.kernel
    return int(value[key].value) if key in value and re.fullmatch(r"-?\d+", value[key].value) else default


def _kernel_value(key: str, item: Item) -> KernelValue:
    if not _KEY.fullmatch(key):
        raise PlanError(
            f"{item.where}: {key!r} is no name of a kernel setting; allowed: dotted names as sysctl prints "
            "them"
        )
    tree = key.partition(".")[0]
    if tree not in TREES:
        raise unknown("kernel setting's tree", tree, TREES, item.where)
    if key in DANGEROUS:
        raise PlanError(f"{item.where}: {key} {DANGEROUS[key]}; allowed: leave it out")
    if not isinstance(item.value, Mapping):
        return KernelValue(value=_kernel_text(key, item))
    fields = item.fields(required=("value",), optional=("optional",))
    optional = fields["optional"].boolean() if "optional" in fields else False
    return KernelValue(value=_kernel_text(key, fields["value"]), optional=optional)


def _kernel_text(key: str, item: Item) -> str:
    value = " ".join(item.scalar().split())
    if key == PORT_RANGE:
        _check_port_range(value, item)
    elif key == RESERVED_PORTS:
        _check_reserved(value, item)
    elif key in TRIPLES and not _rising(value):
        raise item.refuse(f"is {value!r}", 'three rising whole numbers, as in "4096 131072 6291456"')
    return value


def _rising(value: str) -> bool:
    words = value.split()
    if len(words) != 3 or not all(re.fullmatch(r"\d{1,15}", word) for word in words):
        return False
    numbers = [int(word) for word in words]
    return numbers == sorted(numbers) and numbers[0] > 0


def _check_port_range(value: str, item: Item) -> None:
    found = re.fullmatch(r"(\d{1,5}) (\d{1,5})", value)
    if not found or not 1024 <= int(found[1]) < int(found[2]) <= 65_535:
        raise item.refuse(
            f"is {value!r}", 'two ports, the lower first, from 1024 to 65535, as in "10240 65535"'
        )


def _check_reserved(value: str, item: Item) -> None:
    try:
        fits = all(1 <= port <= 65_535 for port in _ports(value))
    except ValueError:
        fits = False
    if not fits:
        raise item.refuse(f"is {value!r}", "ports and ranges of ports from 1 to 65535, as in 5442,8000-8008")


def _ports(value: str) -> set[int]:
    ports: set[int] = set()
    for part in value.split(","):
        if not re.fullmatch(r"\d{1,5}(-\d{1,5})?", part):
            raise ValueError(part)
        low, _, high = part.partition("-")
        ports.update(range(int(low), int(high or low) + 1))
    return ports


def _ranges(ports: Iterable[int]) -> str:
    """The ports as the kernel prints them back: neighbours joined, so that what is read equals what was
    written.
    """
    runs: list[list[int]] = []
    for port in sorted(ports):
        if runs and port == runs[-1][1] + 1:
            runs[-1][1] = port
        else:
            runs.append([port, port])
    return listed(str(low) if low == high else f"{low}-{high}" for low, high in runs).replace(" ", "")

"""A machine's snapshot of its counters (counters/*.json, schema_version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collectors.jsonio import Fields

CPU_STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


@dataclass(frozen=True, kw_only=True)
class DaemonCounters:
    """The daemon's unit as its control group accounts for it; None where the kernel does not say."""

    cpu_ns: int | None
    memory_bytes: int | None
    memory_peak_bytes: int | None
    tasks: int | None


@dataclass(frozen=True, kw_only=True)
class Counters:
    """One snapshot. `cpu` holds clock ticks by core and state, `net` bytes and drops by interface."""

    machine: str
    when: str
    monotonic_ns: int
    realtime_ns: int
    ticks_per_s: int
    cores: tuple[int, ...]
    cpu: Mapping[int, Mapping[str, int]]
    net: Mapping[str, Mapping[str, int]]
    tcp: Mapping[str, int]
    vm: Mapping[str, int]
    daemon: DaemonCounters | None


def read_counters(path: Path) -> Counters:
    """Return the snapshot in a file; ReadError where it is absent, broken or of another version."""
    top = Fields.read(path)
    if top.integer("schema_version") != 1:
        raise top.fail("schema_version", "1, the only one this version reads")
    cores = top.integers("cpus")
    if len(set(cores)) < len(cores) or any(core < 0 for core in cores):
        raise top.fail("cpus", "a list of different cores")
    cpu = top.inner("cpu")
    return Counters(
        machine=top.text("machine"),
        when=top.text("when"),
        monotonic_ns=top.count("monotonic_ns"),
        realtime_ns=top.count("realtime_ns"),
        ticks_per_s=top.count("ticks_per_s"),
        cores=cores,
        cpu={core: _numbers(cpu.inner(str(core))) for core in cores if cpu.has(str(core))},
        net=_nested(top.optional_inner("net")),
        tcp=_flat(top.optional_inner("tcp")),
        vm=_flat(top.optional_inner("vm")),
        daemon=_daemon(top.optional_inner("daemon")),
    )


def _numbers(fields: Fields) -> dict[str, int]:
    return {key: fields.count(key) for key in fields.names()}


def _flat(fields: Fields | None) -> dict[str, int]:
    return {} if fields is None else _numbers(fields)


def _nested(fields: Fields | None) -> dict[str, dict[str, int]]:
    if fields is None:
        return {}
    return {key: _numbers(fields.inner(key)) for key in fields.names()}


def _daemon(fields: Fields | None) -> DaemonCounters | None:
    if fields is None:
        return None
    return DaemonCounters(
        cpu_ns=fields.optional_count("cpu_ns"),
        memory_bytes=fields.optional_count("memory_bytes"),
        memory_peak_bytes=fields.optional_count("memory_peak_bytes"),
        tasks=fields.optional_count("tasks"),
    )

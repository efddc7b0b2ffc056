"""The lab as a whole: up, down, destroy, purge, status."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import base, cgroups, checks, cpus, disks, faults, files, leftovers, machines, processes, ssh, wire
from lab.config import Config, Machine
from lab.errors import LabError, Say


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What `up` did: `repaired` names the remains of a crashed run that it removed first."""

    changed: bool
    duration_s: float
    repaired: tuple[str, ...]


def up(config: Config, say: Say) -> Outcome:
    """Bring both machines up until they answer SSH.  Raises LabError."""
    began = time.monotonic()
    checks.need_all(config)
    repaired = leftovers.find_crashed(config)
    if repaired:
        say(f"a lab that ended badly left {', '.join(repaired)}: removing this first")
        leftovers.remove_crashed(config)
    repaired += _end_faults(config, say)
    changed = base.prepare(config, say)
    changed |= _prepare_disks(config, say)
    config.remember()
    ssh.write_files(config)
    if not wire.is_complete(config):
        wire.make(config, say)
        changed = True
    started = [machine for machine in config.machines if machines.switch_on(config, machine)]
    if started:
        say(f"starting {' and '.join(machine.name for machine in started)}")
        say(cpus.describe(*config.split))
    for machine in config.machines:
        ssh.wait(config, machine, say)
    return Outcome(
        changed=changed or bool(started or repaired),
        duration_s=time.monotonic() - began,
        repaired=tuple(repaired),
    )


def down(config: Config, say: Say) -> tuple[bool, list[str]]:
    """Switch both machines off and remove the wire; the machines' files stay for the next `up`.

    Return whether anything was there, and what could not be removed.
    """
    was_up = bool(leftovers.find(config))
    if was_up:
        say("switching the machines off")
    with ThreadPoolExecutor() as pool:
        list(pool.map(machines.switch_off, config.machines))
    leftovers.remove_wire(config)
    machines.tidy()
    return was_up, leftovers.find(config)


def destroy(config: Config, say: Say) -> tuple[bool, list[str]]:
    """Take the lab down and remove the machines' files; the base image stays."""
    existed = any(machine.directory.exists() for machine in config.machines)
    was_up, left = down(config, say)
    if not left:
        disks.destroy(config)
    return was_up or existed, left


def purge(config: Config, say: Say, *, keep_cache: bool) -> tuple[bool, list[str]]:
    """Remove everything; with `keep_cache` the packed base images stay.

    A cache outside the lab's directory is shared with another lab, and stays as it is.
    """
    existed = config.memory_file.exists() or config.cache.exists()
    changed, left = destroy(config, say)
    if left:
        return changed, left
    if not config.cache.is_relative_to(config.directory):
        say(f"{config.cache} is not part of this lab and stays")
        files.remove_tree(config.directory)
    elif keep_cache:
        base.drop(config, keep_tarballs=True)
        config.memory_file.unlink(missing_ok=True)
    else:
        files.remove_tree(config.directory)
    return changed or existed, left


def status(config: Config) -> list[dict[str, object]]:
    """Return what each machine is and does, as plain data."""
    return [_status_of(config, machine) for machine in config.machines]


def describe(config: Config) -> list[dict[str, object]]:
    """Return what an inventory needs to know of each machine, whether it is on or not."""
    return [
        {
            "name": machine.name,
            "group": machine.role,
            "bench_address": machine.address,
            "cpus": cpus.format_list(machine.cpus),
            "ssh_config": str(config.ssh_config),
        }
        for machine in config.machines
    ]


def _status_of(config: Config, machine: Machine) -> dict[str, object]:
    found = processes.find(machine)
    hierarchies = cgroups.find()
    state, pinning = "off", None
    if found.running and found.init is not None:
        state = "frozen" if cgroups.is_frozen(machine, found.init, hierarchies) else "on"
        shared = set(config.server.cpus) & set(config.client.cpus)
        confined = cgroups.pinned(found.init, machine.cpus, hierarchies)
        pinning = "none" if shared else "cgroup" if confined else "affinity"
    elif found.everything:
        state = "broken"
    return {
        "name": machine.name,
        "group": machine.role,
        "state": state,
        "bench_address": machine.address,
        "cpus": cpus.format_list(machine.cpus),
        "pinned_by": pinning,
        "init_pid": found.init,
        "keeper_pid": found.keeper,
        "ssh_config": str(config.ssh_config),
    }


def _end_faults(config: Config, say: Say) -> list[str]:
    """Thaw the machines and mend the wire; return what was wrong."""
    running = [machine for machine in config.machines if processes.find(machine).running]
    found = [f"{machine.name} was frozen" for machine in running if faults.thaw(machine)]
    if wire.is_complete(config):
        ailments = [ailment for machine in config.machines for ailment in wire.ailments(machine)]
        if ailments:
            faults.mend(config)
        found += ailments
    if found:
        say(f"{'; '.join(found)}: mended")
    return found


def _prepare_disks(config: Config, say: Say) -> bool:
    key = base.key_of(config)
    changed = False
    for machine in config.machines:
        if not disks.is_current(config, machine, key):
            machines.switch_off(machine)
        try:
            changed |= disks.make(config, machine, key, say)
        except OSError as error:
            files.remove_tree(machine.directory)
            raise LabError(f"{machine.name} could not be made: {error.strerror}: {error.filename}") from None
    return changed

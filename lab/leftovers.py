"""What a lab has on this host while it is up, and must not have when it is down."""

from functools import partial

from lab import base, cgroups, files, machines, processes, wire
from lab.config import DEVICE, Config, Machine


def find(config: Config) -> list[str]:
    """Return a phrase for everything of this lab but the files in its directory; empty when it is down."""
    found = [phrase for machine in config.machines for phrase in _of_machine(machine)]
    if (config.directory / "host.json").exists():
        found.append("the host's list of allowed congestion controls, not put back")
    return found


def find_crashed(config: Config) -> list[str]:
    """Return what a crashed run left behind: pieces of a lab that do not make a running one."""
    found = [f"the half-built {path.name}" for path in base.abandoned(config)]
    for machine in config.machines:
        running = processes.find(machine)
        if running.everything and not running.running:
            found.append(f"{len(running.everything)} processes of {machine.name}")
        elif running.running and not wire.is_complete(config):
            found.append(f"{machine.name} without its wire")
        found += _mounts(machine)
    if not wire.is_absent(config) and not wire.is_complete(config):
        found.append("parts of the wire")
    return found


def remove_crashed(config: Config) -> None:
    """Remove what `find_crashed` finds; machines that run well are left alone unless their wire is gone."""
    base.remove_abandoned(config)
    whole = wire.is_complete(config)
    for machine in config.machines:
        if not (whole and processes.find(machine).running):
            machines.switch_off(machine)
    if not whole:
        remove_wire(config)
    for machine in config.machines:
        files.unmount_below(machine.directory)


def remove_wire(config: Config) -> None:
    """Remove the wire; a program that somebody left in its namespaces would keep them, so it is ended."""
    for machine in config.machines:
        processes.end_all(partial(wire.inhabitants, machine))
    wire.remove(config)


def _of_machine(machine: Machine) -> list[str]:
    found = [f"process {pid} of {machine.name}" for pid in processes.find(machine).everything]
    found += [f"process {pid} in the network namespace {machine.name}" for pid in wire.inhabitants(machine)]
    found += [f"control group {path}" for path in cgroups.leftovers(machine, cgroups.find())]
    if machine.namespace.exists():
        found.append(f"network namespace {machine.name} with its link {DEVICE}")
    found += _mounts(machine)
    found += [str(mark) for mark in machines.marks(machine)]
    return found


def _mounts(machine: Machine) -> list[str]:
    """A machine's root is mounted where only its keeper sees it, so the host must see none."""
    return [f"mount {point}" for point in files.mounts_below(machine.directory)]

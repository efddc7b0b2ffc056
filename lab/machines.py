"""Switching machines on and off."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from lab import base, cgroups, files, keeper, process, processes, ssh
from lab.config import Config, Machine
from lab.cpus import format_list
from lab.errors import LabError

OFF_S = 20
_REPOSITORY = Path(__file__).resolve().parent.parent
NSPAWN = Path("/run/systemd/nspawn")
HOST_DEVICES = ("/dev/cpu_dma_latency",)
"""Devices of the host's that a real machine has as well: who holds this one open keeps processors from sleeping."""


def host_has_systemd() -> bool:
    """Whether systemd is this host's process 1."""
    return Path("/run/systemd/system").is_dir()


def nspawn_command(machine: Machine) -> list[str]:
    """Return the systemd-nspawn command of a machine."""
    return [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        f"--directory={machine.root}",
        f"--machine={machine.name}",
        f"--hostname={machine.name}",
        "--register=no",
        "--keep-unit",
        "--capability=CAP_NET_ADMIN",
        f"--cpu-affinity={format_list(machine.cpus)}",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--console=read-only",
        f"--bind={machine.sockets}:/lab",
        *(f"--bind={device}" for device in HOST_DEVICES if Path(device).is_char_device()),
    ]


def mount_command(config: Config, machine: Machine) -> list[str]:
    """Return the command that mounts a machine's root file system: its layer over the base image."""
    layers = f"lowerdir={base.folder_of(config)},upperdir={machine.upper},workdir={machine.directory / 'work'}"
    return ["mount", "-t", "overlay", machine.name, "-o", layers, str(machine.root)]


def keeper_command(machine: Machine, plan: Path) -> list[str]:
    """Return the command that starts a machine's keeper.

    `--propagation slave`: a namespace that the host unmounts must vanish from the keeper's view as well.
    """
    return [
        "nsenter",
        f"--net={machine.namespace}",
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        sys.executable,
        "-m",
        "lab.keeper",
        str(plan),
    ]


def unit_command(machine: Machine, command: list[str]) -> list[str]:
    """Return the command that starts `command` as a transient unit on a host with systemd."""
    return [
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={machine.name}.service",
        "--slice=machine.slice",
        f"--description=Tandem lab machine {machine.name}",
        "--property=Delegate=yes",
        "--property=KillMode=mixed",
        "--property=TasksMax=16384",
        "--property=LimitNOFILE=1048576",
        f"--property=AllowedCPUs={format_list(machine.cpus)}",
        f"--property=StandardOutput=truncate:{machine.console}",
        f"--property=StandardError=append:{machine.console}",
        f"--setenv=PYTHONPATH={_REPOSITORY}",
        *command,
    ]


def switch_on(config: Config, machine: Machine) -> bool:
    """Start a machine unless it is on; whether it was started.  Wait for it with `ssh.wait`."""
    if processes.find(machine).running:
        ssh.give_to_owner(config, machine)
        return False
    sweep(machine)
    ssh.open_sockets(config, machine)
    in_unit = host_has_systemd()
    groups = cgroups.Groups() if in_unit else cgroups.make(machine, cgroups.find())
    plan = machine.directory / "keeper.json"
    files.write_json(
        plan,
        {
            "in_unit": in_unit,
            "v1_groups": [str(group) for group in groups.v1],
            "v2_group": str(groups.v2) if groups.v2 else None,
            "mount": mount_command(config, machine),
            "root": str(machine.root),
            "nspawn": nspawn_command(machine),
        },
    )
    command = keeper_command(machine, plan)
    if in_unit:
        process.run(unit_command(machine, command))
    else:
        with machine.console.open("w") as console:
            subprocess.run(
                ["setsid", "--fork", *command],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
                check=True,
            )
    return True


def switch_off(machine: Machine) -> bool:
    """Shut a machine down in good order, by force after OFF_S seconds; whether there was anything to do."""
    found = processes.find(machine)
    if found.running and found.nspawn is not None and found.init is not None:
        hierarchies = cgroups.find()
        if cgroups.is_frozen(machine, found.init, hierarchies):
            cgroups.freeze(machine, found.init, hierarchies, frozen=False)
        processes.signal_all([found.nspawn], signal.SIGTERM)
        process.wait_until(lambda: not processes.any_alive(found.everything), timeout_s=OFF_S)
    return sweep(machine) or bool(found.everything)


def kill(machine: Machine) -> bool:
    """Take a machine's power away; whether it was on."""
    found = processes.find(machine)
    if found.init is not None:
        processes.signal_all([found.init], signal.SIGKILL)
        process.wait_until(lambda: not processes.any_alive(found.everything), timeout_s=processes.END_S)
    return sweep(machine) or bool(found.everything)


def sweep(machine: Machine) -> bool:
    """End every process of a machine and remove its control groups and marks; whether there were any."""
    hierarchies = cgroups.find()
    found = processes.find(machine).everything
    swept = bool(found) or bool(cgroups.leftovers(machine, hierarchies))
    if found:
        processes.end_all(lambda: processes.find(machine).keeper_first())
    process.wait_until(lambda: cgroups.remove(machine, hierarchies), timeout_s=processes.END_S)
    if host_has_systemd():
        process.succeeds(["systemctl", "stop", f"{machine.name}.service"])
    for mark in marks(machine):
        files.unmount_below(mark)
        files.remove(mark)
    return swept


def marks(machine: Machine) -> list[Path]:
    """Return what systemd-nspawn has for a machine outside the lab's directory, and leaves when killed."""
    found = [NSPAWN / name / machine.name for name in ("propagate", "unix-export")]
    lock = machine.directory / keeper.LOCK_NAME
    if lock.exists():
        found.append(Path(lock.read_text().strip()))
    return [path for path in found if path.exists()]


def tidy() -> None:
    """Remove systemd-nspawn's own folders once nothing is in them."""
    for folder in (NSPAWN / "propagate", NSPAWN / "unix-export", NSPAWN / "locks", NSPAWN):
        try:
            folder.rmdir()
        except OSError:
            continue  # not there, or another machine's things are in it


def need_running(machine: Machine) -> int:
    """Return the process of a machine's init.  Raises LabError when the machine is off."""
    init = processes.find(machine).init
    if init is None:
        raise LabError(f"{machine.name} is off: switch it on with `on {machine.role}` or `up`")
    return init


def foreign(machine: Machine) -> str | None:
    """Return the folder of another lab that runs a machine of the same name; None when there is none."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if Path(words[0]).name == "systemd-nspawn" and f"--machine={machine.name}" in words:
            root = next((word for word in words if word.startswith("--directory=")), "").partition("=")[2]
            if root != str(machine.root):
                return str(Path(root).parent.parent)
    return None

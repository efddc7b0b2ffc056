"""Reaching the machines: SSH over a unix socket, so that management never uses the measured wire."""

import os
import sys
from pathlib import Path

from lab import files, process, processes
from lab.config import Config, Machine
from lab.errors import LabError, Say

# ssh takes over the connected socket (ProxyUseFdpass), so nothing stands between it and the machine.
CONNECT = '''\
"""Connect to the unix socket named on the command line and hand the connection to ssh, our parent."""

import array
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(sys.argv[1])
except OSError as error:
    sys.exit(f"lab: {sys.argv[1]}: {error.strerror}: is the machine on?")
parent = socket.socket(fileno=1)
parent.sendmsg([b"\\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection.fileno()]))])
parent.detach()
'''
BOOT_S = 60
SIGN_OF_LIFE_S = 5
KEEPALIVE_S = 5
KEEPALIVE_COUNT = 3


def config_text(config: Config, python: str) -> str:
    """Return the ssh_config of the lab."""
    return "".join(_host_block(config, machine, python) for machine in config.machines)


def write_files(config: Config) -> None:
    """Write what `ssh -F …/ssh_config` needs, for the user behind sudo as well."""
    keys = "".join(f"{machine.name} {_host_key(machine)}\n" for machine in config.machines)
    files.write(config.directory / "connect.py", CONNECT)
    files.write(config.directory / "known_hosts", keys)
    files.write(config.ssh_config, config_text(config, _python()))
    os.chown(config.directory / "id_ed25519", config.owner_uid, -1)


def open_sockets(config: Config, machine: Machine) -> None:
    """Make the folder that the machine puts its SSH socket in; only the lab's user may look into it."""
    files.remove_tree(machine.sockets)
    machine.sockets.mkdir(parents=True)
    machine.sockets.chmod(0o700)
    os.chown(machine.sockets, config.owner_uid, -1)


def give_to_owner(config: Config, machine: Machine) -> None:
    """Let another user take over a running machine's socket."""
    if machine.sockets.is_dir():
        os.chown(machine.sockets, config.owner_uid, -1)


def command(config: Config, machine: Machine, *argv: str) -> list[str]:
    """Return the command that runs `argv` in a machine, without a connection shared with Ansible."""
    options = ["-o", "ControlPath=none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=2"]
    return ["ssh", "-F", str(config.ssh_config), *options, machine.name, *argv]


def wait(config: Config, machine: Machine, say: Say) -> None:
    """Wait until a machine answers.  Raises LabError with its last console line when it does not."""
    waited_s = 0
    while not process.wait_until(lambda: answers(config, machine), timeout_s=SIGN_OF_LIFE_S):
        waited_s += SIGN_OF_LIFE_S
        if waited_s >= BOOT_S or processes.find(machine).keeper is None:
            raise LabError(
                f"{machine.name} does not answer after {waited_s} s; its console says: {_last_line(machine)}"
            )
        say(f"waiting for {machine.name} to answer: {waited_s} s so far")


def answers(config: Config, machine: Machine) -> bool:
    """Whether a machine answers SSH now."""
    socket = machine.sockets / "ssh.sock"
    return socket.exists() and process.succeeds(command(config, machine, "true"), timeout_s=10)


def _host_block(config: Config, machine: Machine, python: str) -> str:
    here = config.directory
    return (
        f"Host {machine.name}\n"
        f"  User root\n"
        f"  HostKeyAlias {machine.name}\n"
        f"  ProxyCommand {python} -IS {here}/connect.py {machine.sockets}/ssh.sock\n"
        f"  ProxyUseFdpass yes\n"
        f"  IdentityFile {here}/id_ed25519\n"
        f"  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {here}/known_hosts\n"
        f"  StrictHostKeyChecking yes\n"
        f"  LogLevel ERROR\n"
        f"  ConnectTimeout 10\n"
        f"  ServerAliveInterval {KEEPALIVE_S}\n"
        f"  ServerAliveCountMax {KEEPALIVE_COUNT}\n\n"
    )


def _host_key(machine: Machine) -> str:
    text = (machine.upper / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
    return " ".join(text.split()[:2])


def _python() -> str:
    """Return a Python that will still be there when the caller's virtual environment is gone."""
    system = Path("/usr/bin/python3")
    return str(system) if system.exists() else os.path.realpath(sys.executable)


def _last_line(machine: Machine) -> str:
    try:
        lines = machine.console.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "nothing"
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")

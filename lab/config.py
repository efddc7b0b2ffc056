"""Where a lab lives and what it is made of."""

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import cpus, files
from lab.errors import LabError

DEFAULT_DIRECTORY = "/var/lib/tandem-lab"
DEFAULT_PREFIX = "tandem"
DEFAULT_NETWORK = "10.99.10.0/24"
ROLES = ("server", "client")
DEVICE = "lab0"
CONGESTION_CONTROL = "cubic"
# 1000 Mb/s x 1514 / 1538: the shaper counts an Ethernet frame without preamble, check sum and gap.
RATE_MBIT = 984
SCHEMA_VERSION = 1

_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,23}")
_PATH = re.compile(r"/[A-Za-z0-9_./+-]+")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")
_SOCKET_PATH_BYTES = 107


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One of the two machines.  `name` is its host name, namespace, cgroup and systemd-nspawn name."""

    role: str
    name: str
    address: str
    prefix_length: int
    cpus: tuple[int, ...]
    directory: Path

    @property
    def upper(self) -> Path:
        """The machine's own layer over the base image: everything it has written."""
        return self.directory / "upper"

    @property
    def root(self) -> Path:
        """Where its root file system is mounted, visible to its keeper only."""
        return self.directory / "root"

    @property
    def console(self) -> Path:
        """What it printed while booting."""
        return self.directory / "console.log"

    @property
    def sockets(self) -> Path:
        """The folder shared with the machine; `ssh.sock` in it leads to its sshd."""
        return self.directory.parent / "run" / self.role

    @property
    def namespace(self) -> Path:
        """Its network namespace."""
        return Path("/run/netns") / self.name


@dataclass(frozen=True, kw_only=True)
class Config:
    """One lab.  `network` is an IPv4 network in which the server is host 1 and the client host 2."""

    directory: Path
    cache: Path
    prefix: str = DEFAULT_PREFIX
    network: str = DEFAULT_NETWORK
    packages: tuple[str, ...] = ()
    suite: str | None = None
    pin: bool = True
    rate_mbit: int = RATE_MBIT
    single_frames: bool = False
    owner_uid: int = 0
    split: tuple[tuple[int, ...], tuple[int, ...]] = field(default=((0,), (0,)))

    @property
    def server(self) -> Machine:
        """The machine that answers."""
        return self.machines[0]

    @property
    def client(self) -> Machine:
        """The machine that asks."""
        return self.machines[1]

    @property
    def machines(self) -> tuple[Machine, Machine]:
        """Server and client, in this order."""
        first, second = (self._machine(number) for number in (0, 1))
        return first, second

    def machine(self, name: str) -> Machine:
        """Find a machine by its role or full name.  Raises LabError."""
        for machine in self.machines:
            if name in (machine.role, machine.name):
                return machine
        raise LabError(f"no machine is called {name}: there are {' and '.join(ROLES)}")

    @property
    def ssh_config(self) -> Path:
        """What `ssh -F` and Ansible need to reach the machines."""
        return self.directory / "ssh_config"

    @property
    def memory_file(self) -> Path:
        """The choices of the last `up`, which later commands take over."""
        return self.directory / "lab.json"

    def remember(self) -> None:
        """Write the choices that later commands need."""
        files.write_json(
            self.memory_file,
            {
                "schema_version": SCHEMA_VERSION,
                "prefix": self.prefix,
                "network": self.network,
                "packages": list(self.packages),
                "suite": self.suite,
                "cache": str(self.cache),
                "pin": self.pin,
                "rate_mbit": self.rate_mbit,
                "single_frames": self.single_frames,
            },
        )

    def _machine(self, number: int) -> Machine:
        role = ROLES[number]
        network = ipaddress.IPv4Network(self.network)
        return Machine(
            role=role,
            name=f"{self.prefix}-{role}",
            address=str(network[number + 1]),
            prefix_length=network.prefixlen,
            cpus=self.split[number],
            directory=self.directory / role,
        )


def load(flags: Mapping[str, str | None], environment: Mapping[str, str] = os.environ) -> Config:
    """Make the configuration: flags first, then TANDEM_LAB_* variables, then the last `up`, then defaults.

    `flags` has the keys directory, cache, prefix, network, packages, suite, pin, rate_mbit and single_frames.
    Raises LabError for a value that cannot be used.
    """

    def given(key: str) -> str | None:
        return flags.get(key) or environment.get(f"TANDEM_LAB_{key.upper()}") or None

    directory = _directory(given("directory") or DEFAULT_DIRECTORY, "lab directory")
    memory = _recall(directory / "lab.json")

    def chosen(key: str, default: str) -> str:
        remembered = memory.get(key)
        return given(key) or (default if remembered is None else str(remembered))

    packages = given("packages")
    pin = _yes(chosen("pin", "yes"), "pin")
    config = Config(
        directory=directory,
        cache=_directory(chosen("cache", str(directory / "cache")), "cache directory"),
        prefix=_prefix(chosen("prefix", DEFAULT_PREFIX)),
        network=_network(chosen("network", DEFAULT_NETWORK)),
        packages=_packages(packages.split(",") if packages else memory.get("packages") or []),
        suite=given("suite") or _text_or_none(memory.get("suite")),
        pin=pin,
        rate_mbit=_rate(chosen("rate_mbit", str(RATE_MBIT))),
        single_frames=_yes(chosen("single_frames", "no"), "single_frames"),
        owner_uid=_owner(environment),
        split=cpus.host_split(pin=pin),
    )
    longest = len(str(config.client.sockets / "ssh.sock").encode())
    if longest > _SOCKET_PATH_BYTES:
        raise LabError(
            f"the lab directory {directory} is too long by {longest - _SOCKET_PATH_BYTES} characters "
            "for the path of a socket in it"
        )
    return config


def _recall(path: Path) -> dict[str, object]:
    try:
        memory = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise LabError(
            f"{path} cannot be read ({error}): remove it, then run `up` with the same flags as before"
        ) from None
    if not isinstance(memory, dict) or memory.get("schema_version") != SCHEMA_VERSION:
        raise LabError(f"{path} was written by another version of the lab: `purge` the lab and bring it up again")
    return memory


def _directory(text: str, what: str) -> Path:
    if not _PATH.fullmatch(text) or ".." in Path(text).parts or len(Path(text).parts) < 3:
        raise LabError(
            f"the {what} {text!r} cannot be used: it must be an absolute path at least two levels deep, "
            "of letters, digits and _ . / + -"
        )
    return Path(text)


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise LabError(f"the prefix {text!r} cannot be used: at most 24 of a-z, 0-9 and -, a letter first")
    return text


def _network(text: str) -> str:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise LabError(f"the network {text!r} cannot be used: {error}") from None
    if network.prefixlen > 30:
        raise LabError(f"the network {text!r} has no room for two machines: /30 is the smallest that has")
    return str(network)


def _packages(names: object) -> tuple[str, ...]:
    if not isinstance(names, list):
        raise LabError("the package list must be a list of names")
    found = {str(name).strip() for name in names} - {""}
    for name in sorted(found):
        if not _PACKAGE.fullmatch(name):
            raise LabError(f"{name!r} is not the name of a package")
    return tuple(sorted(found))


def _yes(text: str, what: str) -> bool:
    if text.lower() in ("yes", "true", "1"):
        return True
    if text.lower() in ("no", "false", "0"):
        return False
    raise LabError(f"{what} is {text!r}: it must be yes or no")


def _rate(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise LabError(f"the rate {text!r} cannot be used: whole Mb/s, 1 to 100000")
    return int(text)


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _owner(environment: Mapping[str, str]) -> int:
    """Who may use the machines' SSH key: the user behind sudo."""
    uid = environment.get("SUDO_UID", "")
    return int(uid) if uid.isdigit() and os.geteuid() == 0 else os.geteuid()

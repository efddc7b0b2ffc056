"""Whether this host can carry the lab: every obstacle with the way around it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import base, files, machines, process, wire
from lab.config import RATE_MBIT, Config
from lab.errors import LabError

# Which Debian or Ubuntu package brings which program.
PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "tc": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "zstd": "zstd",
    "tar": "tar",
    "nft": "nftables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setsid": "util-linux",
    "mount": "mount",
    "umount": "mount",
}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What stands in the way: sentences, and the packages that would mend the missing programs."""

    problems: tuple[str, ...]
    missing_packages: tuple[str, ...]


def need_linux_and_root() -> None:
    """Raise LabError unless the lab's commands can work at all."""
    if sys.platform != "linux":
        raise LabError(
            f"the lab needs Linux and this is {sys.platform}: use two real machines, or run it on a Linux machine"
        )
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts, which needs root: run it with sudo")


def missing_packages() -> tuple[str, ...]:
    """Return the packages whose programs are not installed."""
    return tuple(sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None}))


def examine(config: Config) -> Findings:
    """Look for everything that would stop `up`; needs root."""
    missing = missing_packages()
    problems = []
    if missing:
        problems.append(f"programs are missing: apt-get install {' '.join(missing)}")
    problems += _distribution(config)
    if not missing:
        problems += _directory(config)
        problems += _kernel()
        problems += _room(config)
    problems += [
        f"another lab in {found} has a machine called {machine.name}: choose another --prefix"
        for machine in config.machines
        if (found := machines.foreign(machine))
    ]
    return Findings(problems=tuple(problems), missing_packages=missing)


def need_all(config: Config) -> None:
    """Raise LabError with the first obstacle."""
    if problems := examine(config).problems:
        raise LabError(problems[0])


def _distribution(config: Config) -> Iterator[str]:
    try:
        base.host_of(config)
    except LabError as error:
        yield str(error)


def _directory(config: Config) -> Iterator[str]:
    kind = files.file_system_of(config.directory)
    if kind == "overlay":
        yield (
            f"{config.directory} is on an overlayfs, which cannot carry another: "
            "choose a directory on a disk with --directory or TANDEM_LAB_DIRECTORY"
        )
        return
    config.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".probe-", dir=config.directory) as probe:
        folders = {name: Path(probe) / name for name in ("lower", "upper", "work", "root")}
        for folder in folders.values():
            folder.mkdir()
        options = f"lowerdir={folders['lower']},upperdir={folders['upper']},workdir={folders['work']}"
        argv = ["unshare", "--mount", "mount", "-t", "overlay", "probe", "-o", options, str(folders["root"])]
        if not process.succeeds(argv):
            yield (
                f"no overlayfs can be mounted in {config.directory} ({kind}): the kernel lacks overlayfs "
                "(modprobe overlay) or the file system cannot carry it; ext4, xfs and btrfs can"
            )


def _kernel() -> Iterator[str]:
    if not process.succeeds(["unshare", "--net", "true"]):
        yield "the kernel gives no network namespaces here (CONFIG_NET_NS), or a container forbids them"
        return
    new_link = ["ip", "link", "add", "p0", "type", "veth", "peer", "name", "p1"]
    if not process.succeeds(["unshare", "--net", *new_link]):
        yield "the kernel has no veth links (CONFIG_VETH; try modprobe veth)"
    new_queue = ["tc", "qdisc", "add", "dev", "lo", "root", *wire.shaping(RATE_MBIT)]
    if not process.succeeds(["unshare", "--net", *new_queue]):
        yield "the kernel has no token bucket filter for the wire (CONFIG_NET_SCH_TBF; try modprobe sch_tbf)"


def _room(config: Config) -> Iterator[str]:
    try:
        if not base.folder_of(config).is_dir():
            wanted = base.UNPACK_BYTES if base.tarball_of(config).exists() else base.BUILD_BYTES
            base.need_space(config.cache, wanted)
        base.need_space(config.directory, base.MACHINES_BYTES)
    except LabError as error:
        yield str(error)

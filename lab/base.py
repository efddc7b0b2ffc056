"""The base image: the file system both machines start from, built once and kept as a tarball."""

import fcntl
import hashlib
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from lab import files, image, process, progress, sources
from lab.config import Config
from lab.errors import LabError, Say

# A base of this size is unpacked, built and packed; the machines' own layers need some room as well.
BUILD_BYTES = 2_000_000_000
UNPACK_BYTES = 1_000_000_000
MACHINES_BYTES = 300_000_000

_PART = ".part"
Attend = Callable[..., None]


def architecture() -> str:
    """Return Debian's name of this host's processor type."""
    return process.run(["dpkg", "--print-architecture"]).strip()


def host_of(config: Config) -> sources.Host:
    """Tell the host's distribution.  Raises LabError when it is neither Debian nor Ubuntu."""
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        raise LabError("this system has no /etc/os-release, so its distribution is unknown") from None
    return sources.read_os_release(text, suite=config.suite)


def key_of(config: Config) -> str:
    """Return the name of the base image that the suite and the packages ask for."""
    host = host_of(config)
    packages = sorted({*image.OWN_PACKAGES, *config.packages})
    words = " ".join([str(image.FORMAT), host.family, host.suite, architecture(), *packages])
    return f"{host.suite}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def folder_of(config: Config) -> Path:
    """Return where the unpacked base image is."""
    return config.cache / f"base-{key_of(config)}"


def tarball_of(config: Config) -> Path:
    """Return where the packed base image is."""
    return config.cache / f"base-{key_of(config)}.tar.zst"


def prepare(config: Config, say: Say) -> bool:
    """Have the unpacked base image ready, from the tarball if there is one; whether anything was done.

    A half-built one is removed, before and after.  Raises LabError.
    """
    folder, tarball = folder_of(config), tarball_of(config)
    if folder.is_dir():
        return False
    config.cache.mkdir(parents=True, exist_ok=True)
    config.cache.chmod(0o700)  # it holds programs with the set-uid bit, for nobody on the host
    with _builder_lock(config.cache) as lock:
        if not _try_lock(lock):
            say("another lab command is preparing a base image: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return False
        _clean(config.cache)
        need_space(config.cache, MACHINES_BYTES + (UNPACK_BYTES if tarball.exists() else BUILD_BYTES))
        part = folder.with_name(f"{folder.name}{_PART}")
        # The programs hold the lock with us: if only we are killed, nobody removes what they still write to.
        attend = partial(progress.attend, say=say, keep_open=(lock.fileno(),))
        try:
            if tarball.exists():
                _unpack(tarball, part, attend)
            else:
                _build(config, part, attend, say)
                _pack(part, tarball, attend)
            part.rename(folder)
        except BaseException:
            _clean(config.cache)
            raise
    return True


def abandoned(config: Config) -> list[Path]:
    """Return what an interrupted build left in the cache; nothing while somebody is building."""
    if not config.cache.is_dir():
        return []
    with _builder_lock(config.cache) as lock:
        return sorted(config.cache.glob(f"base-*{_PART}")) if _try_lock(lock) else []


def remove_abandoned(config: Config) -> None:
    """Remove what an interrupted build left in the cache, unless somebody is building."""
    if not config.cache.is_dir():
        return
    with _builder_lock(config.cache) as lock:
        if _try_lock(lock):
            _clean(config.cache)


def need_space(path: Path, wanted_bytes: int) -> None:
    """Raise LabError unless so much can be written where `path` is or will be."""
    free = files.free_bytes(path)
    if free < wanted_bytes:
        raise LabError(
            f"{path} has {free / 1e9:.1f} GB free and the lab needs {wanted_bytes / 1e9:.1f} GB: "
            "make room or choose another place with --directory"
        )


def drop(config: Config, *, keep_tarballs: bool) -> None:
    """Remove the base images of this lab's cache, with or without their tarballs."""
    if keep_tarballs:
        for path in sorted(config.cache.glob("base-*")):
            if path.is_dir():
                files.remove_tree(path)
    else:
        files.remove_tree(config.cache)


def _build(config: Config, root: Path, attend: Attend, say: Say) -> None:
    host = host_of(config)
    packages = sorted({*image.OWN_PACKAGES, *config.packages})
    say(f"building the base image: {host.family} {host.suite}, {len(packages)} packages and what they need")
    chosen = sources.own_sources(
        host, sources.read_host_lists(), keyring=sources.find_keyring(host)
    )
    options = image.host_apt_options(process.run(["apt-config", "dump"]))
    with tempfile.TemporaryDirectory(prefix="tandem-lab-") as scratch:
        source_list = Path(scratch) / "sources.list"
        source_list.write_text("".join(source.line() + "\n" for source in chosen))
        command = image.build_command(host, packages, root, source_list, options)
        log = config.directory / "build.log"
        attend(command, what="installing the packages", log=log)
    image.customise(root)


def _pack(root: Path, tarball: Path, attend: Attend) -> None:
    part = tarball.with_name(f"{tarball.name}{_PART}")
    command = [*_tar(root), "-I", "zstd -T0 -3", "-cf", str(part), "."]
    attend(command, what="packing the base image for the next time")
    part.rename(tarball)


def _unpack(tarball: Path, root: Path, attend: Attend) -> None:
    root.mkdir()
    try:
        attend([*_tar(root), "-I", "zstd", "-xf", str(tarball)], what="unpacking the base image")
    except LabError as error:
        broken = tarball.with_name(f"{tarball.name}.broken")
        tarball.rename(broken)
        raise LabError(
            f"the packed base image is damaged and was put aside as {broken}: "
            f"run the command again to build a new one ({error})"
        ) from None


def _tar(root: Path) -> list[str]:
    return ["tar", "-C", str(root), "--numeric-owner", "--xattrs", "--xattrs-include=*"]


def _clean(cache: Path) -> None:
    for path in sorted(cache.glob(f"base-*{_PART}")):
        files.unmount_below(path)  # an interrupted installation has its own /proc, /sys and /dev
        files.remove(path)


def _builder_lock(cache: Path) -> IO[str]:
    """Open the lock of a cache: labs may share one, and only one of them fills it."""
    return (cache / ".lock").open("w")


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

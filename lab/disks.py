"""The machines' own layers over the base image, and their names and keys."""

from pathlib import Path
from uuid import uuid4

from lab import files, process
from lab.config import DEFAULT_NETWORK, Config, Machine
from lab.errors import Say

_MARK = "base"


def is_current(config: Config, machine: Machine, base: str) -> bool:
    """Whether a machine has a complete layer for this base image and the lab's network."""
    return _made_for(machine) == _mark(config, base)


def make(config: Config, machine: Machine, base: str, say: Say) -> bool:
    """Make a machine's layer unless it has one for this base image; whether it was made.

    A layer for another base image is removed, as its files would not fit.
    """
    if is_current(config, machine, base):
        return False
    if (found := _made_for(machine)) is not None:
        say(f"{machine.name} is made anew, because it was made for other packages or addresses ({found})")
    _remove(machine)
    machine.directory.mkdir(parents=True, mode=0o700)
    for path in (machine.upper, machine.root, machine.directory / "work"):
        path.mkdir()
        path.chmod(0o755)
    _identity(config, machine)
    files.write(machine.directory / _MARK, _mark(config, base) + "\n")  # last: the layer is complete
    return True


def destroy(config: Config) -> None:
    """Remove the layers, keys and connection files of both machines; the cache stays."""
    for machine in config.machines:
        _remove(machine)
    files.remove_tree(config.directory / "run")
    for name in (
        "id_ed25519",
        "id_ed25519.pub",
        "known_hosts",
        "ssh_config",
        "connect.py",
        "host.json",
        "build.log",
    ):
        (config.directory / name).unlink(missing_ok=True)


def _remove(machine: Machine) -> None:
    """Remove a machine's layer, its mark first: what is left of a removal that was broken off is no layer."""
    (machine.directory / _MARK).unlink(missing_ok=True)
    files.remove_tree(machine.directory)


def _mark(config: Config, base: str) -> str:
    return base if config.network == DEFAULT_NETWORK else f"{base} {config.network}"


def _made_for(machine: Machine) -> str | None:
    try:
        return (machine.directory / _MARK).read_text().strip()
    except FileNotFoundError:
        return None


def _identity(config: Config, machine: Machine) -> None:
    etc = machine.upper / "etc"
    (etc / "ssh").mkdir(parents=True)
    names = "".join(f"{other.address} {other.name} {other.role}\n" for other in config.machines)
    (etc / "hostname").write_text(machine.name + "\n")
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n{names}")
    (etc / "machine-id").write_text(uuid4().hex + "\n")
    make_key(etc / "ssh" / "ssh_host_ed25519_key", machine.name)
    home = machine.upper / "root"
    (home / ".ssh").mkdir(parents=True)
    for folder in (home, home / ".ssh"):
        folder.chmod(0o700)
    own_key = config.directory / "id_ed25519"
    if not own_key.exists():
        make_key(own_key, f"{config.prefix}-lab")
    files.write(home / ".ssh" / "authorized_keys", own_key.with_suffix(".pub").read_text(), mode=0o600)


def make_key(path: Path, comment: str) -> None:
    """Make an Ed25519 key pair without a passphrase."""
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])

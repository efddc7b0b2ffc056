"""What a base image holds: the packages, and what makes an installation the image of many machines."""

import re
import shlex
from pathlib import Path

from lab import files, process, sources

# Raise it when something below changes what a base image holds.
FORMAT = 2
OWN_PACKAGES = (
    "acl",
    "ca-certificates",
    "dbus",
    "ethtool",
    "iproute2",
    "iputils-ping",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd-sysv",
)
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "man-db.timer",
    "motd-news.timer",
    "systemd-networkd-wait-online.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
)
SOCKET_UNIT = """\
[Unit]
Description=SSH over a unix socket shared with the host, apart from the measured wire

[Socket]
ListenStream=/lab/ssh.sock
SocketMode=0666
Accept=yes
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
"""
SERVICE_UNIT = """\
[Unit]
Description=SSH of one session

[Service]
ExecStart=-/usr/sbin/sshd -i
StandardInput=socket
StandardError=journal
RuntimeDirectory=sshd
RuntimeDirectoryPreserve=yes
RuntimeDirectoryMode=0755
KillMode=process
"""

# Files that are there while packages are installed, and go again in `customise`.
_WHILE_BUILDING = {
    # PostgreSQL's package makes a cluster `main` unless told otherwise before it is installed.
    Path("etc/postgresql-common/createcluster.d/lab.conf"): ("create_main_cluster = false",),
    # As options of mmdebstrap these would pass every package through a slow filter.
    Path("etc/dpkg/dpkg.cfg.d/lab"): tuple(
        f"path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")
    ),
}
_HOST_APT_OPTIONS = re.compile(
    r"(Acquire::(?:https?::(?:Proxy|Proxy::[^ ]+|Timeout|CAInfo)|Check-Valid-Until|Check-Date|Retries))"
    r' "([^"]+)";'
)


def customise(root: Path) -> None:
    """Make an image of a plain installation: no identity, SSH by socket, no timers, every daemon disabled."""
    identity = [Path("etc") / name for name in ("machine-id", "hostname", "resolv.conf")]
    for path in (*identity, *_WHILE_BUILDING):
        (root / path).unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    system = root / "etc/systemd/system"
    # Enabling a daemon is for the roles, and no sshd listens on the measured wire.
    if daemons := sorted(path.name for path in system.glob("multi-user.target.wants/*.service")):
        process.run(["systemctl", f"--root={root}", "disable", *daemons])
    _forget_postgresql_clusters(root)
    for unit in MASKED_UNITS:
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")
    (root / "lab").mkdir(exist_ok=True)
    (system / "sockets.target.wants").mkdir(parents=True, exist_ok=True)
    (system / "labssh.socket").write_text(SOCKET_UNIT)
    (system / "labssh@.service").write_text(SERVICE_UNIT)
    link = system / "sockets.target.wants/labssh.socket"
    link.unlink(missing_ok=True)
    link.symlink_to("../labssh.socket")


def build_command(
    host: sources.Host, packages: list[str], root: Path, source_list: Path, apt_options: list[str]
) -> list[str]:
    """Return the mmdebstrap command that installs the packages into an empty folder."""
    options = ['APT::Install-Recommends "false"', 'Acquire::Retries "3"', *apt_options]
    return [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        *(f"--aptopt={option}" for option in options),
        "--dpkgopt=force-confold",
        "--dpkgopt=force-unsafe-io",
        *(f"--essential-hook={_write_in_root(path, lines)}" for path, lines in _WHILE_BUILDING.items()),
        host.suite,
        str(root),
        str(source_list),
    ]


def _write_in_root(path: Path, lines: tuple[str, ...]) -> str:
    """Return the shell command of a hook that writes a file; mmdebstrap names the root in $1."""
    words = " ".join(shlex.quote(line) for line in lines)
    return f'mkdir -p "$1/{path.parent}" && printf "%s\\n" {words} > "$1/{path}"'


def host_apt_options(dump: str) -> list[str]:
    """Choose from `apt-config dump` what this host needs to reach its mirrors: proxies and the like."""
    found = filter(None, map(_HOST_APT_OPTIONS.fullmatch, dump.splitlines()))
    return [f'{match[1]} "{match[2]}"' for match in found]


def _forget_postgresql_clusters(root: Path) -> None:
    """Leave PostgreSQL without a cluster, also where its packaging is too old to be asked."""
    for pattern in ("etc/postgresql/*/*", "var/lib/postgresql/*/*"):
        for cluster in root.glob(pattern):
            files.remove_tree(cluster)

"""The wire: a network namespace per machine and one veth pair, shaped to gigabit Ethernet at both ends.

The namespaces outlive the machines, as a cable outlives a reboot.  Nothing joins the host's own network.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from lab import config as settings
from lab import files, process
from lab.config import Config, Machine
from lab.errors import LabError, Say

CREDIT_S = 0.008
PEAK = 1.067
PEAK_BUCKET_BYTES = 131_072
QUEUE_BYTES = 1_514_000
_TCP = Path("/proc/sys/net/ipv4")
_ALLOWED = _TCP / "tcp_allowed_congestion_control"
_LOSS_TABLE = "tandem_loss"


def inside(machine: Machine, *argv: str, stdin: str | None = None) -> str:
    """Run a program of the host in a machine's network namespace.  Raises LabError."""
    return process.run([*_enter(machine), *argv], stdin=stdin)


def is_complete(config: Config) -> bool:
    """Whether both namespaces exist with their end of the wire and its address."""
    return all(_has_address(machine) for machine in config.machines)


def is_absent(config: Config) -> bool:
    """Whether neither namespace exists."""
    return not any(machine.namespace.exists() for machine in config.machines)


def ailments(machine: Machine) -> list[str]:
    """Return what is wrong with one end of a complete wire: the faults that `faults` provokes."""
    found = []
    link = json.loads(inside(machine, "ip", "-json", "link", "show", "dev", settings.DEVICE))[0]
    if "UP" not in link["flags"]:
        found.append(f"the wire is cut at {machine.name}")
    queues = json.loads(inside(machine, "tc", "-json", "qdisc", "show", "dev", settings.DEVICE, "root"))
    if [queue["kind"] for queue in queues] != ["tbf"]:
        found.append(f"what {machine.name} sends is not shaped")
    if process.succeeds([*_enter(machine), "nft", "list", "table", "netdev", _LOSS_TABLE]):
        found.append(f"{machine.name} loses packets")
    return found


def make(config: Config, say: Say) -> None:
    """Make the namespaces and the wire; what is left of an earlier wire must have been removed."""
    for machine in config.machines:
        process.run(["ip", "netns", "add", machine.name])
    _choose_congestion_control(config, say)
    end, other_end = config.machines
    process.run(
        [
            "ip",
            "link",
            "add",
            settings.DEVICE,
            "netns",
            end.name,
            "type",
            "veth",
            "peer",
            "name",
            settings.DEVICE,
            "netns",
            other_end.name,
        ]
    )
    for machine in config.machines:
        inside(machine, "ip", "link", "set", "lo", "up")
        inside(
            machine,
            "ip",
            "address",
            "add",
            f"{machine.address}/{machine.prefix_length}",
            "dev",
            settings.DEVICE,
        )
        if config.single_frames:
            inside(machine, "ip", "link", "set", settings.DEVICE, "gso_max_segs", "1")
        shape(config, machine)
        set_link(machine, up=True)


def remove(config: Config) -> None:
    """Remove the namespaces, and the wire with them; give the host's setting back."""
    for machine in config.machines:
        if machine.namespace.exists() and not process.succeeds(["ip", "netns", "delete", machine.name]):
            machine.namespace.unlink(missing_ok=True)  # a name without a namespace, left by a crash
    _give_back_congestion_control(config)


def shaping(rate_mbit: int) -> list[str]:
    """Return the queueing discipline that makes one end of an Ethernet link, 984 Mb/s being gigabit.

    The processor may be late, above all on a virtual host: up to CREDIT_S of the rate is made up for afterwards, but
    never faster than PEAK times the rate.  At that pace a bucket of PEAK_BUCKET_BYTES holds two segments of 64 KB,
    so that segmentation offload can stay on; with less, or single frames, the wire costs several times the processor
    time.  The queue holds QUEUE_BYTES, 12 ms of gigabit.
    """
    credit_bytes = max(PEAK_BUCKET_BYTES, round(rate_mbit * 1e6 / 8 * CREDIT_S))
    return [
        "tbf",
        *("rate", f"{rate_mbit}mbit", "burst", str(credit_bytes)),
        *("peakrate", f"{round(rate_mbit * 1e6 * PEAK)}bit", "mtu", str(PEAK_BUCKET_BYTES)),
        *("limit", str(QUEUE_BYTES)),
    ]


def shape(config: Config, machine: Machine) -> None:
    """Shape what a machine sends."""
    _queue(machine, shaping(config.rate_mbit))


def set_link(machine: Machine, *, up: bool) -> None:
    """Plug or unplug one end."""
    inside(machine, "ip", "link", "set", settings.DEVICE, "up" if up else "down")


def swallow(machine: Machine) -> None:
    """Let a machine's packets vanish: the link stays up, nothing arrives, nobody is told."""
    _queue(machine, ["pfifo", "limit", "0"])


def lose(machine: Machine, per_mille: int) -> None:
    """Drop so many of a thousand arriving packets, at random."""
    mend_loss(machine)
    rules = (
        f"table netdev {_LOSS_TABLE} {{\n chain arriving {{\n"
        f'  type filter hook ingress device "{settings.DEVICE}" priority 0; policy accept;\n'
        f"  numgen random mod 1000 < {per_mille} drop\n }}\n}}\n"
    )
    inside(machine, "nft", "-f", "-", stdin=rules)


def mend_loss(machine: Machine) -> None:
    """Drop no more packets."""
    process.succeeds([*_enter(machine), "nft", "delete", "table", "netdev", _LOSS_TABLE])


def inhabitants(machine: Machine) -> list[int]:
    """Return the processes in a machine's network namespace, whoever started them."""
    try:
        ours = machine.namespace.stat().st_ino
    except FileNotFoundError:
        return []
    found = []
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if path.stat().st_ino == ours:
                found.append(int(path.parts[2]))
        except OSError:
            continue  # it has just ended
    return found


def _enter(machine: Machine) -> list[str]:
    return ["nsenter", f"--net={machine.namespace}"]


def _queue(machine: Machine, discipline: Sequence[str]) -> None:
    inside(machine, "tc", "qdisc", "replace", "dev", settings.DEVICE, "root", *discipline)


def _has_address(machine: Machine) -> bool:
    if not machine.namespace.exists():
        return False
    try:
        shown = json.loads(inside(machine, "ip", "-json", "address", "show", "dev", settings.DEVICE))
    except (LabError, ValueError):
        return False
    return any(info.get("local") == machine.address for link in shown for info in link.get("addr_info", ()))


def _choose_congestion_control(config: Config, say: Say) -> None:
    """Set cubic in the namespaces, and there only.

    A namespace may choose among the host's allowed algorithms, so cubic joins these until the lab is down;
    the host's own choice is never touched.
    """
    wanted = settings.CONGESTION_CONTROL
    allowed = _ALLOWED.read_text().split()
    if wanted not in allowed:
        process.succeeds(["modprobe", f"tcp_{wanted}"])
        files.write_json(_journal(config), {"schema_version": 1, _ALLOWED.name: " ".join(allowed)})
        try:
            _ALLOWED.write_text(" ".join([*allowed, wanted]))
        except OSError:
            _journal(config).unlink()
            say(f"this kernel has no {wanted}: the machines use the host's own congestion control")
            return
    for machine in config.machines:
        inside(machine, "tee", str(_TCP / "tcp_congestion_control"), stdin=wanted)


def _give_back_congestion_control(config: Config) -> None:
    journal = _journal(config)
    if journal.exists():
        _ALLOWED.write_text(json.loads(journal.read_text())[_ALLOWED.name])
        journal.unlink()


def _journal(config: Config) -> Path:
    return config.directory / "host.json"

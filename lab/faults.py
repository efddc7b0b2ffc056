"""Bad luck on demand: what a benchmark must survive, provoked on purpose."""

from lab import cgroups, machines, ssh, wire
from lab.config import Config, Machine
from lab.errors import LabError, Say


def on(config: Config, machine: Machine, say: Say) -> bool:
    """Switch one machine on and wait until it answers; whether it was off.

    Raises LabError when the lab is down or the machine does not answer.
    """
    _need_wire(config)
    changed = machines.switch_on(config, machine)
    if changed:
        wire.shape(config, machine)  # after a `crash`
    ssh.wait(config, machine, say)
    return changed


def off(machine: Machine) -> bool:
    """Shut one machine down in good order; the wire stays.  Whether it was on."""
    return machines.switch_off(machine)


def kill(machine: Machine) -> bool:
    """Take the power away.  Its kernel is ours, so its peers are still told, which `crash` prevents."""
    return machines.kill(machine)


def crash(config: Config, machine: Machine) -> bool:
    """Take the power away and let nothing more come from the machine until it is switched `on` again.

    Its kernel is the host's and would tell the peers of its connections; a machine without power cannot.
    """
    _need_wire(config)
    wire.swallow(machine)
    return machines.kill(machine)


def freeze(machine: Machine) -> bool:
    """Stop every process of a machine where it stands; its kernel goes on acknowledging packets."""
    return _freeze(machine, frozen=True)


def thaw(machine: Machine) -> bool:
    """Let a frozen machine go on."""
    return _freeze(machine, frozen=False)


def cut(config: Config, machine: Machine) -> bool:
    """Unplug the wire at one end; both ends lose the carrier."""
    _need_wire(config)
    wire.set_link(machine, up=False)
    return True


def mend(config: Config) -> bool:
    """End every fault of the wire."""
    _need_wire(config)
    for machine in config.machines:
        wire.set_link(machine, up=True)
        wire.mend_loss(machine)
        wire.shape(config, machine)
    return True


def silent(config: Config) -> bool:
    """Let every packet vanish in both directions, with the link up."""
    _need_wire(config)
    for machine in config.machines:
        wire.swallow(machine)
    return True


def loss(config: Config, per_mille: int) -> bool:
    """Drop so many of a thousand packets in each direction, at random.  Raises LabError outside 0 to 1000."""
    _need_wire(config)
    if not 0 <= per_mille <= 1000:
        raise LabError(f"loss is {per_mille}: it counts lost packets of a thousand, so 0 to 1000")
    for machine in config.machines:
        wire.lose(machine, per_mille)
    return True


def _freeze(machine: Machine, *, frozen: bool) -> bool:
    hierarchies = cgroups.find()
    init = machines.need_running(machine)
    if cgroups.is_frozen(machine, init, hierarchies) == frozen:
        return False
    cgroups.freeze(machine, init, hierarchies, frozen=frozen)
    return True


def _need_wire(config: Config) -> None:
    if not wire.is_complete(config):
        raise LabError("the lab is down: bring it up first")

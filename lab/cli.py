"""`python -m lab`: the command line."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from lab import cgroups, checks, config, faults, leftovers, lock, machines, operations
from lab.config import Config
from lab.errors import LabError

Command = Callable[[Config, argparse.Namespace], int]
Adder = Callable[[str, Command, str], argparse.ArgumentParser]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DESCRIPTION = """Two machines, server and client, on this Linux box, joined by one 1 Gb/s wire.

Flags may be given as variables TANDEM_LAB_DIRECTORY, _CACHE, _PREFIX, _NETWORK, _PACKAGES, _SUITE, _PIN,
_RATE_MBIT, _SINGLE_FRAMES.  What `up` was told last holds until it is told something else."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.  Exit status: 0 done, 1 a negative finding, 2 an error the user can mend."""
    options = _parser().parse_args(argv)
    try:
        if options.run is not _json:
            checks.need_linux_and_root()
        return int(options.run(config.load(vars(options)), options))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"lab: {error.strerror}: {error.filename}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lab: interrupted; `up` goes on from here, `down` removes what is there", file=sys.stderr)
        return 130


def _say(line: str) -> None:
    print(f"lab: {line}", file=sys.stderr, flush=True)


def _up(lab: Config, options: argparse.Namespace) -> int:
    with lock.held(lab, _say):
        outcome = operations.up(lab, _say)
    _report(
        options,
        {
            "changed": outcome.changed,
            "seconds": round(outcome.duration_s, 1),
            "repaired": list(outcome.repaired),
            "machines": operations.status(lab),
        },
        f"{lab.server.name} and {lab.client.name} are up ({outcome.duration_s:.1f} s): "
        f"ssh -F {lab.ssh_config} {lab.server.name}",
    )
    return 0


def _down(lab: Config, options: argparse.Namespace) -> int:
    return _take_down(lab, options, "down", operations.down)


def _destroy(lab: Config, options: argparse.Namespace) -> int:
    return _take_down(lab, options, "destroyed", operations.destroy)


def _purge(lab: Config, options: argparse.Namespace) -> int:
    return _take_down(
        lab, options, "purged", lambda lab, say: operations.purge(lab, say, keep_cache=options.keep_cache)
    )


def _take_down(
    lab: Config,
    options: argparse.Namespace,
    word: str,
    action: Callable[[Config, Callable[[str], None]], tuple[bool, list[str]]],
) -> int:
    if not lab.directory.exists() and not leftovers.find(lab):
        changed, left = False, list[str]()
    else:
        with lock.held(lab, _say):
            changed, left = action(lab, _say)
    _report(options, {"changed": changed, "leftovers": left}, f"the lab is {word}" if not left else "")
    if left:
        _say(f"could not remove: {'; '.join(left)}")
    return 1 if left else 0


def _status(lab: Config, options: argparse.Namespace) -> int:
    found = operations.status(lab)
    lines = [
        f"{machine['name']}: {machine['state']}, {machine['bench_address']}, cpu {machine['cpus']}"
        + (f" (pinned by {machine['pinned_by']})" if machine["pinned_by"] not in (None, "none") else "")
        for machine in found
    ]
    _report(options, {"machines": found}, "\n".join(lines))
    return 0 if all(machine["state"] == "on" for machine in found) else 1


def _check(lab: Config, options: argparse.Namespace) -> int:
    found = checks.examine(lab)
    _report(
        options,
        {"problems": list(found.problems), "missing_packages": list(found.missing_packages)},
        "\n".join(found.problems) or "this host can carry the lab",
    )
    return 1 if found.problems else 0


def _json(lab: Config, options: argparse.Namespace) -> int:
    options.json = True
    _report(options, {"machines": operations.describe(lab)}, "")
    return 0


def _leftovers(lab: Config, options: argparse.Namespace) -> int:
    found = leftovers.find(lab)
    _report(options, {"leftovers": found}, "\n".join(found) or "nothing of the lab is left on this host")
    return 1 if found else 0


def _fault(lab: Config, options: argparse.Namespace) -> int:
    with lock.held(lab, _say):
        changed = options.fault(lab, options)
    _report(options, {"changed": changed}, "done" if changed else "nothing to do")
    return 0


def _sh(lab: Config, options: argparse.Namespace) -> int:
    init = machines.need_running(lab.machine(options.machine))
    cgroups.join_like(init, cgroups.find())
    command = options.command or ["/bin/bash", "-l"]
    environment = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    os.execvpe(  # noqa: S606 - a shell in the machine is what was asked for
        "nsenter", ["nsenter", "--all", f"--target={init}", "--wd=/root", "--", *command], environment
    )


def _report(options: argparse.Namespace, data: dict[str, object], text: str) -> None:
    if options.json:
        print(json.dumps(data))
    elif text:
        print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = _common_flags()

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common], help=text, description=text)
        command.set_defaults(run=run)
        return command

    _add_up_flags(add("up", _up, "make both machines and the wire as far as they are missing, and wait for SSH"))
    add("down", _down, "switch off; the machines' files stay")
    add("destroy", _destroy, "switch off and remove the machines; the base image stays")
    purge = add("purge", _purge, "remove everything")
    purge.add_argument("--keep-cache", action="store_true", help="keep the packed base image")
    add("status", _status, "what the machines do; exit 1 unless both are on")
    check = add("check", _check, "whether this host can carry the lab; exit 1 if not")
    check.add_argument("--packages", help=argparse.SUPPRESS)
    add("json", _json, "names and addresses as JSON")
    add("leftovers", _leftovers, "what of the lab is on this host; exit 1 if anything")
    shell = add("sh", _sh, "run a command in a machine without SSH")
    shell.add_argument("machine")
    shell.add_argument("command", nargs=argparse.REMAINDER)
    _add_faults(add)
    return parser


def _common_flags() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--directory", help=f"where the lab lives (default {config.DEFAULT_DIRECTORY})")
    common.add_argument("--cache", help="where base images are kept (default: in the directory)")
    common.add_argument("--prefix", help=f"first part of the machines' names (default {config.DEFAULT_PREFIX})")
    common.add_argument("--network", help=f"the wire's addresses (default {config.DEFAULT_NETWORK})")
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    return common


def _add_up_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--packages", metavar="A,B", help="what the base image holds beyond the system itself")
    parser.add_argument("--suite", help="code name of the release (default: the host's)")
    parser.add_argument("--pin", choices=("yes", "no"), help="each machine on its own cores (default yes)")
    parser.add_argument("--rate-mbit", help=f"rate of the wire in Mb/s (default {config.RATE_MBIT}: gigabit Ethernet)")
    parser.add_argument(
        "--single-frames",
        choices=("yes", "no"),
        help="no segmentation offload: true frames on the wire, at a high price (default no)",
    )


def _add_faults(add: Adder) -> None:
    one: dict[str, tuple[Callable[[Config, argparse.Namespace], bool], str]] = {
        "on": (lambda lab, o: faults.on(lab, lab.machine(o.machine), _say), "switch a machine on"),
        "off": (lambda lab, o: faults.off(lab.machine(o.machine)), "shut a machine down"),
        "kill": (lambda lab, o: faults.kill(lab.machine(o.machine)), "take a machine's power away"),
        "crash": (lambda lab, o: faults.crash(lab, lab.machine(o.machine)), "the same, unheard by its peers"),
        "freeze": (
            lambda lab, o: faults.freeze(lab.machine(o.machine)),
            "stop all its processes where they are",
        ),
        "thaw": (lambda lab, o: faults.thaw(lab.machine(o.machine)), "let them go on"),
    }
    for name, (fault, text) in one.items():
        command = add(name, _fault, text)
        command.set_defaults(fault=fault)
        command.add_argument("machine", help="server or client")
    cut = add("cut", _fault, "unplug the wire at a machine")
    cut.add_argument("machine", nargs="?", default="server", help="server (default) or client")
    cut.set_defaults(fault=lambda lab, o: faults.cut(lab, lab.machine(o.machine)))
    add("mend", _fault, "end every fault of the wire").set_defaults(fault=lambda lab, _: faults.mend(lab))
    add("silent", _fault, "let every packet vanish, link up").set_defaults(fault=lambda lab, _: faults.silent(lab))
    loss = add("loss", _fault, "drop so many of a thousand packets each way")
    loss.add_argument("per_mille", type=int)
    loss.set_defaults(fault=lambda lab, o: faults.loss(lab, o.per_mille))

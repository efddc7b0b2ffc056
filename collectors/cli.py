"""The command `tandem`: one subcommand per question an operator has about a campaign or its results.

Exit status: 0 fine, 1 a negative finding (a gate failed, a run is missing), 2 bad input.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from collectors import VERSION
from collectors.errors import TandemError

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "cli_plan": ("plan", "pending", "not-installable"),
    "cli_apps": ("new-app", "verification"),
    "cli_record": ("record", "check"),
    "cli_link": ("link",),
    "cli_look": ("look",),
    "cli_summary": ("summarise", "report"),
    "cli_explain": ("explain",),
    "cli_compare": ("compare", "noise"),
    "cli_baseline": ("baseline",),
    "cli_history": ("history",),
    "cli_read": ("read",),
    "cli_merge": ("merge",),
}
"""Each command module with its commands, so that one command does not wait for the imports of all others."""

BROKEN_PIPE: Final = 141
"""Exit status of a command whose reader went away before it had its answer: 128 and the number of SIGPIPE."""


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser with every subcommand, or with those alone that are defined beside `command`."""
    parser = argparse.ArgumentParser(
        prog="tandem",
        description="Plan HTTP benchmark campaigns, and read, judge and report what they measured.",
        epilog="Exit status: 0 fine, 1 a negative finding, 2 bad input.",
    )
    parser.add_argument("--version", action="version", version=f"tandem {VERSION}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in [name for name, commands in COMMANDS.items() if command in commands] or COMMANDS:
        importlib.import_module(f"collectors.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status; a TandemError, and a file that cannot be used, is shown as one
    sentence. A reader that goes away changes no status that is known."""
    words = sys.argv[1:] if argv is None else list(argv)
    args = build_parser(words[0] if words else None).parse_args(words)
    status = BROKEN_PIPE
    try:
        status = int(args.func(args))
        sys.stdout.flush()
    except TandemError as error:
        print(f"tandem: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        _no_reader()
    except OSError as error:
        if error.filename is None:
            raise
        print(f"tandem: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return status


def _no_reader() -> None:
    """Let what is still to be written go nowhere, so that the interpreter does not complain when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

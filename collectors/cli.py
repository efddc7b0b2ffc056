"""The command `tandem`: one subcommand per question an operator has about a campaign or its results.

Exit status: 0 fine, 1 a negative finding (a gate failed, a run is missing), 2 bad input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from collectors import (
    VERSION,
    cli_apps,
    cli_compare,
    cli_explain,
    cli_link,
    cli_merge,
    cli_plan,
    cli_read,
    cli_record,
    cli_summary,
)
from collectors.errors import TandemError

COMMANDS = (cli_plan, cli_apps, cli_record, cli_link, cli_summary, cli_explain, cli_compare, cli_read, cli_merge)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every subcommand of every command module."""
    parser = argparse.ArgumentParser(
        prog="tandem",
        description="Plan HTTP benchmark campaigns, and read, judge and report what they measured.",
        epilog="Exit status: 0 fine, 1 a negative finding, 2 bad input.",
    )
    parser.add_argument("--version", action="version", version=f"tandem {VERSION}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status; a TandemError is shown as one sentence."""
    args = build_parser().parse_args(argv)
    try:
        status = args.func(args)
    except TandemError as error:
        print(f"tandem: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return int(status)

"""`tandem explain`: which single factor made the difference between two daemons."""

from __future__ import annotations

import argparse
from pathlib import Path

from collectors.codec import to_json
from collectors.explain import explain
from collectors.explain.tables import markdown, text
from collectors.jsonio import dump
from collectors.load_runs import load_runs
from collectors.results import ResultsFolder


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `explain`."""
    parser = subparsers.add_parser(
        "explain",
        help="say what each factor of a ladder explains",
        description="Read the results of a campaign of kind ladder, in which each daemon changes one factor of the "
        "one before it, and print for each factor its effect on requests/s (open loop: goodput), p99 and CPU per "
        "request: before, after, ratio with a 95 % interval from paired blocks, share of the whole.",
        epilog="Exit status: 0 explained (whatever the runs were worth), 2 bad input, or the campaign is no ladder.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    parser.add_argument("--round", metavar="R", help="one round only (default: all)")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="leave out runs that a ranking would leave out: client-bound, environment-changed",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead of tables")
    form.add_argument("--markdown", action="store_true", help="print Markdown instead of tables")
    parser.set_defaults(func=_explain)


def _explain(args: argparse.Namespace) -> int:
    folder = ResultsFolder(args.directory)
    runs, _ = load_runs(folder)
    explanation = explain(folder, runs, strict=args.strict, only=args.round)
    if args.json:
        print(dump(to_json(explanation)), end="")
    else:
        print(markdown(explanation) if args.markdown else text(explanation), end="")
    return 0

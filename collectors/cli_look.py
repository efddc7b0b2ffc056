"""`tandem look`: has a campaign that stops early measured enough?"""

from __future__ import annotations

import argparse
from pathlib import Path

from collectors.compare.sides import USABLE
from collectors.jsonio import dump
from collectors.results import ResultsFolder
from collectors.stopping import look


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `look`."""
    parser = subparsers.add_parser(
        "look",
        help="take the look that is due of a campaign with `until`: stop, or go on",
        description="Hold the intervals of a campaign against what it waits for, once all runs up to the planned look "
        "are done, and keep the answer in DIR/looks.json. `tandem pending` then lists the runs up to the next look, "
        "or none. Taken already, or not due: nothing changes.",
        epilog="Exit status: 0 whatever was seen, 2 bad input.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    parser.add_argument(
        "--use", action="append", default=[], choices=USABLE, metavar="VERDICT",
        help=f"count runs with this verdict as well ({', '.join(USABLE)}); repeatable",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print {go_on, text} instead of the sentence")
    parser.set_defaults(func=_look)


def _look(args: argparse.Namespace) -> int:
    go_on, text = look(ResultsFolder(args.directory), use=args.use)
    print(dump({"go_on": go_on, "text": text}) if args.json else f"{text[:1].upper()}{text[1:]}.\n", end="")
    return 0

"""`tandem baseline`: which campaigns this pair of machines is held to."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from collectors.codec import to_json
from collectors.compare.baseline import (
    Baseline,
    accept,
    baseline_folder,
    baselines,
    check_against,
    find_baseline,
    read_baseline,
)
from collectors.compare.sides import USABLE
from collectors.errors import ReadError, TandemError
from collectors.grid import grid
from collectors.jsonio import dump
from collectors.plan import find_project
from collectors.results import ResultsFolder

HEAD = ("baseline", "campaign", "measured", "accepted", "blocks", "usable runs", "folder")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `baseline`."""
    parser = subparsers.add_parser(
        "baseline",
        help="accept a campaign as this pair's baseline, list or remove baselines",
        description="Keep finished campaigns by name in results/baselines/, for `tandem compare "
        "results/baselines/NAME.json DIR` and for bench.yml with -e baseline=NAME.",
        epilog="Exit status: 0 done, 2 refused or bad input.",
    )
    own = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    given = own.add_parser("accept", help="keep the campaign in DIR as the baseline NAME, in baselines/ beside it")
    given.add_argument("directory", type=Path, metavar="DIR", help="a finished campaign's results folder")
    given.add_argument("name", metavar="NAME")
    given.add_argument(
        "--use", action="append", default=[], choices=USABLE, metavar="VERDICT",
        help=f"count runs with this verdict as well ({', '.join(USABLE)}); repeatable",
    )  # fmt: skip
    given.set_defaults(func=_accept)
    given = own.add_parser("list", help="list the baselines")
    given.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given.set_defaults(func=_list)
    given = own.add_parser("show", help="print the folder of a baseline, after looking whether it is unchanged")
    given.add_argument("name", metavar="NAME")
    given.set_defaults(func=_show)
    given = own.add_parser("remove", help="forget a baseline; its campaign stays")
    given.add_argument("name", metavar="NAME")
    given.set_defaults(func=_remove)
    given = own.add_parser("check", help="refuse a campaign that could not be compared with the baseline")
    given.add_argument("name", metavar="NAME")
    given.add_argument("directory", type=Path, metavar="DIR", help="a planned campaign's results folder")
    given.add_argument(
        "--allow", action="append", default=[], metavar="KEY", help="declare a difference, as for compare; repeatable"
    )
    given.set_defaults(func=_check)
    for each in own.choices.values():
        if each is not own.choices["accept"]:
            each.add_argument(
                "--results", type=Path, metavar="DIR", help="the folder with baselines/ in it (default: results)"
            )


def _accept(args: argparse.Namespace) -> int:
    found, path = accept(ResultsFolder(args.directory), args.name, use=args.use)
    print(f"{found.name}: {found.folder}, {found.usable} of {found.runs} runs usable; kept in {path}")
    return 0


def _list(args: argparse.Namespace) -> int:
    found, faults = [], []
    for path in baselines(_results(args)).values():
        try:
            found.append(read_baseline(path))
        except ReadError as error:
            faults.append(str(error))
    if args.json:
        print(dump([to_json(each) for each in found]), end="")
    elif found:
        print("\n".join(grid(HEAD, [_row(each) for each in found], left={0, 1, 2, 3, 6})))
    elif not faults:
        print(f"{_results(args)}: no baseline is kept here; tandem baseline accept DIR NAME keeps one")
    for fault in faults:
        print(f"tandem: {fault}", file=sys.stderr)
    return 2 if faults else 0


def _row(each: Baseline) -> tuple[str, ...]:
    usable = f"{each.usable} of {each.runs}"
    return each.name, each.campaign, each.created_utc, each.accepted_utc, str(each.blocks), usable, each.folder


def _show(args: argparse.Namespace) -> int:
    print(baseline_folder(find_baseline(_results(args), args.name)).directory)
    return 0


def _remove(args: argparse.Namespace) -> int:
    path = find_baseline(_results(args), args.name)
    try:
        path.unlink()
    except OSError as error:
        raise TandemError(f"{path}: the baseline cannot be removed: {error.strerror}") from None
    print(f"{args.name}: removed; its campaign stays")
    return 0


def _check(args: argparse.Namespace) -> int:
    check_against(find_baseline(_results(args), args.name), ResultsFolder(args.directory), allow=args.allow)
    return 0


def _results(args: argparse.Namespace) -> Path:
    given: Path | None = args.results
    return given if given is not None else find_project().root / "results"

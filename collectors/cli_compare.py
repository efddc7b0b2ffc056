"""`tandem compare`: did anything change between A and B? `tandem noise`: what does nothing look like here?"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from collectors.codec import to_json
from collectors.compare import MARGIN, Comparison, NoiseFloor, Options, compare_folders, compare_within, measure
from collectors.compare.baseline import baseline_folder
from collectors.compare.floor_tables import floor_text
from collectors.compare.metrics import METRICS
from collectors.compare.sides import USABLE
from collectors.compare.store import keep, read_floor
from collectors.compare.tables import junit, markdown, text
from collectors.errors import TandemError
from collectors.jsonio import dump, write_text
from collectors.load_runs import load_runs
from collectors.results import ResultsFolder


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands `compare` and `noise`."""
    parser = subparsers.add_parser(
        "compare",
        help="say whether B is faster or slower than A, or whether nobody can tell",
        description="Hold two campaigns against each other, or two services or profiles of one campaign. Environments "
        "first: what differs and is not declared with --allow stops the comparison. Then for each cell and metric: the "
        "ratio B / A with a 95 % interval, the noise floor, a verdict.",
        epilog="Exit status: 0 the same or better, 1 worse, 2 invalid runs or bad input, 3 not comparable, "
        "4 cannot tell.",
    )
    parser.add_argument("a", type=Path, metavar="A", help="a results folder, or a baseline's file")
    parser.add_argument(
        "b", type=Path, metavar="B", nargs="?", help="another one; leave it out with --services or --profiles"
    )
    within = parser.add_mutually_exclusive_group()
    within.add_argument("--services", nargs=2, metavar=("X", "Y"), help="two services of campaign A, within its blocks")
    within.add_argument("--profiles", nargs=2, metavar=("X", "Y"), help="two profiles of campaign A, within its blocks")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="KEY",
        help="declare a difference as the thing under test, as in server.kernel, or all below a key, as in "
        "server.settings; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--use", action="append", default=[], choices=USABLE, metavar="VERDICT",
        help=f"count runs with this verdict as well ({', '.join(USABLE)}); repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--round", action="append", default=[], dest="rounds", metavar="R", help="only this round; repeatable"
    )
    parser.add_argument(
        "--metric", action="append", default=[], dest="metrics", choices=list(METRICS), metavar="M",
        help=f"only this metric ({', '.join(METRICS)}); repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=_share, default=MARGIN, metavar="X%",
        help="what counts as equivalent: the whole interval within this (default: 5%%)",
    )  # fmt: skip
    parser.add_argument(
        "--floor", metavar="FILE|X%",
        help="the noise floor: a file of `tandem noise`, or a share (default: the newest of these machines below "
        "noise/ beside A and B)",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead of tables")
    form.add_argument("--markdown", action="store_true", help="print Markdown instead of tables")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML as well")
    parser.set_defaults(func=_compare)

    parser = subparsers.add_parser(
        "noise",
        help="measure the noise floor of these machines from a campaign's own blocks",
        description="Hold each cell of a campaign against itself, neighbouring blocks and stretches of blocks, and "
        "keep the largest difference and the smallest effect that can be found as noise/<campaign>/noise-floor.json "
        "beside DIR.",
        epilog="Exit status: 0 measured, 2 bad input, or too few blocks or usable runs.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    parser.add_argument(
        "--use", action="append", default=[], choices=USABLE, metavar="VERDICT",
        help=f"count runs with this verdict as well ({', '.join(USABLE)}); repeatable",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.set_defaults(func=_noise)


def _compare(args: argparse.Namespace) -> int:
    found = _comparison(args)
    if args.junit is not None:
        try:
            write_text(args.junit, junit(found))
        except OSError as error:
            raise TandemError(f"{args.junit}: this file cannot be written: {error.strerror}") from None
    if args.json:
        print(dump(to_json(found)), end="")
    else:
        print(markdown(found) if args.markdown else text(found), end="")
    return found.exit_status


def _comparison(args: argparse.Namespace) -> Comparison:
    floor = _floor(args.floor)
    options = Options(
        allow=args.allow, use=args.use, rounds=args.rounds, metrics=args.metrics, margin=args.margin, floor=floor,
        floor_source=args.floor,
    )  # fmt: skip
    chosen = args.services or args.profiles
    if (args.b is None) == (chosen is None):
        raise TandemError("compare takes two results folders, or one with --services X Y or --profiles X Y")
    a = _folder(args.a)
    if args.b is not None:
        return compare_folders(a, _folder(args.b), options)
    return compare_within(a, "service" if args.services else "profile", chosen, options)


def _folder(path: Path) -> ResultsFolder:
    return baseline_folder(path) if path.is_file() else ResultsFolder(path)


def _noise(args: argparse.Namespace) -> int:
    folder = ResultsFolder(args.directory)
    floor = measure(folder, load_runs(folder)[0], use=args.use)
    path = keep(folder, floor)
    if args.json:
        print(dump({"file": str(path), **to_json(floor)}), end="")
    else:
        print(floor_text(floor), end="")
        print(f"\nKept in {path}")
    return 0


def _floor(given: str | None) -> NoiseFloor | float | None:
    if given is None:
        return None
    return _percent(given) if given.endswith("%") else read_floor(Path(given))


def _percent(given: str) -> float:
    if not re.fullmatch(r"\d{1,2}(\.\d{1,4})?%", given):
        raise TandemError(f"--floor {given}: this is no share; allowed: 0% to 99%, or a file of `tandem noise`")
    return float(given[:-1]) / 100


def _share(given: str) -> float:
    if not re.fullmatch(r"\d{1,2}(\.\d{1,4})?%", given) or float(given[:-1]) == 0:
        raise argparse.ArgumentTypeError(f"{given!r} is no share; allowed: above 0% to 99%, with the % sign")
    return float(given[:-1]) / 100

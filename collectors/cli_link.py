"""`tandem link`: the gate that a campaign passes before anything is measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from collectors.codec import to_json
from collectors.errors import TandemError
from collectors.jsonio import write_json
from collectors.link import LinkFigures, drift, measure_link, read_link
from collectors.results import ResultsFolder


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `link`."""
    parser = subparsers.add_parser(
        "link",
        help="judge the link between the machines",
        description="Read iperf3's and ping's raw output in DIR/link/WHEN, write link.json beside it, and "
        "say whether the "
        "link is what it should be. Afterwards (--when after) the drift is reported as well.",
        epilog="Exit status: 0 the link is good, 1 it is not (one sentence with the numbers), 2 bad input.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    parser.add_argument(
        "--nominal-mbit",
        type=_speed,
        default=1000.0,
        metavar="MBIT",
        help="the link's declared speed in Mb/s; limits follow it (default: 1000)",
    )
    parser.add_argument("--when", choices=("before", "after"), default="before",
                        help="which of the two checks of a campaign (default: before)")  # fmt: skip
    parser.add_argument(
        "--stop-below",
        type=_share,
        metavar="SHARE",
        help="exit with 1 only when a direction alone carries less than this share of the nominal speed, or was not "
        "measured; every fault is still recorded and shown (default: any fault stops)",
    )
    parser.set_defaults(func=_link)


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed from 1 to 1000000 Mb/s")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share above 0 and up to 1")
    return value


def _stops(figures: LinkFigures, stop_below: float | None) -> bool:
    if figures.ok or stop_below is None:
        return not figures.ok
    least = stop_below * figures.nominal_mbit
    return any(rate is None or rate < least for rate in (figures.forward_mbit, figures.reverse_mbit))


def _link(args: argparse.Namespace) -> int:
    folder = ResultsFolder(args.directory)
    path = folder.link_file(args.when)
    if not path.parent.is_dir():
        raise TandemError(
            f"{path.parent}: there is no such folder; it holds forward.json, reverse.json, bidir.json, ping.txt"
        )
    figures = measure_link(path.parent, nominal_mbit=args.nominal_mbit)
    write_json(path, to_json(figures))
    if not figures.ok:
        print(
            f"tandem: the link is not good enough: {'; '.join(figures.faults)} ({figures.sentence})",
            file=sys.stderr,
        )
    else:
        print(f"link {args.when}: {figures.sentence}")
    changes = _drift(folder, figures) if args.when == "after" else ()
    for change in changes:
        print(f"tandem: {change}", file=sys.stderr)
    return 1 if changes or _stops(figures, args.stop_below) else 0


def _drift(folder: ResultsFolder, after: LinkFigures) -> tuple[str, ...]:
    before = read_link(folder.link_file("before"))
    return () if before is None else tuple(finding.advice for finding in drift(before, after))

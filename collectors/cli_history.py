"""`tandem history`: which campaigns there are, and how one metric went from one to the next."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path

from collectors.codec import to_json
from collectors.compare.metrics import METRICS
from collectors.compare.sides import USABLE
from collectors.errors import TandemError
from collectors.history import CellFilter, campaigns, over_time
from collectors.history.model import SCHEMA_VERSION
from collectors.history.tables import campaigns_text, history_text
from collectors.jsonio import dump
from collectors.plan import find_project

OF_A_METRIC = ("service", "endpoint", "round", "profile", "use")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `history`."""
    parser = subparsers.add_parser(
        "history",
        help="list the campaigns, or show one metric over time",
        description="List the campaigns below DIR, oldest first. With --metric: that metric of each cell over the "
        "campaigns, and from 10 of them on the points at which it changed, each with what else differs there. Answers "
        "come from DIR/index.sqlite, which follows the folders by itself and may be deleted at any time.",
        epilog="Exit status: 0 shown, 2 bad input.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", nargs="?",
                        help="the folder that holds the campaigns' folders (default: results)")  # fmt: skip
    parser.add_argument("--metric", metavar="M", help=f"show this one over time: {', '.join(METRICS)}")
    parser.add_argument("--service", metavar="S", help="with --metric: only this service, as in flask-threads50")
    parser.add_argument("--endpoint", metavar="E", help="with --metric: only this endpoint")
    parser.add_argument("--round", metavar="R", help="with --metric: only this round")
    parser.add_argument("--profile", metavar="P", help="with --metric: only this profile of machine settings")
    parser.add_argument(
        "--use", action="append", default=[], choices=USABLE, metavar="VERDICT",
        help=f"with --metric: count runs with this verdict as well ({', '.join(USABLE)}); repeatable",
    )  # fmt: skip
    parser.add_argument("--campaign", metavar="NAME", help="only executions of this campaign, as in quick")
    parser.add_argument("--last", type=_count, metavar="N", help="only the newest N campaigns")
    parser.add_argument("--rebuild", action="store_true", help="read all folders again")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.set_defaults(func=_history)


def _history(args: argparse.Namespace) -> int:
    gc.disable()                # a hundred thousand campaigns are many objects and no garbage
    try:
        return _shown(args)
    finally:
        gc.enable()


def _shown(args: argparse.Namespace) -> int:
    results = args.directory or find_project().root / "results"
    if args.metric is None:
        given = [name for name in OF_A_METRIC if getattr(args, name)]
        if given:
            raise TandemError(f"--{given[0]} needs --metric; allowed: {', '.join(METRICS)}")
        found = campaigns(results, campaign=args.campaign, newest=args.last, rebuild=args.rebuild)
        if args.json:
            rows = [{**entry._asdict(), "verdicts": entry.verdict_counts()} for entry in found.entries]
            listed = {"schema_version": SCHEMA_VERSION, "results": str(results), "campaigns": rows}
            print(dump({**listed, "faults": found.faults}), end="")
        else:
            print(campaigns_text(found), end="")
        return 0
    cells = CellFilter(
        service=args.service, endpoint=args.endpoint and args.endpoint.lstrip("/"), round=args.round,
        profile=args.profile, campaign=args.campaign, use=tuple(args.use), newest=args.last,
    )  # fmt: skip
    history = over_time(results, args.metric, cells, rebuild=args.rebuild)
    print(dump(to_json(history)) if args.json else history_text(history), end="")
    return 0


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 10 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of campaigns; allowed: 1 and more")
    return int(text)

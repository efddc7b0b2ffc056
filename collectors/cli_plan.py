"""`tandem plan`, `pending` and `not-installable`: what a campaign will do and cost, what is left of it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collectors.errors import PlanError
from collectors.plan import (
    Request,
    as_document,
    build_plan,
    find_project,
    find_versions,
    freeze,
    pending_runs,
)
from collectors.plan import constants as c
from collectors.plan.cost import NOT_KNOWN, describe, duration, table
from collectors.plan.digests import digests
from collectors.plan.installable import not_installable_apps
from collectors.plan.model import Plan
from collectors.plan.project import Project


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands `plan`, `pending` and `not-installable`."""
    _add_plan(subparsers)
    pending = subparsers.add_parser(
        "pending", help="list the runs of a frozen campaign that are still to be done"
    )
    pending.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    pending.add_argument(
        "--json", action="store_true", help="print the run objects, each with seconds_left, position, total"
    )
    pending.set_defaults(func=run_pending)
    installable = subparsers.add_parser(
        "not-installable", help="list as JSON the apps of a frozen campaign that an interpreter is too old or new for"
    )
    installable.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    installable.add_argument("--python", required=True, metavar="V", help="the server's interpreter, as in 3.11.2")
    installable.add_argument("--system-python", metavar="V", help="Debian's own there, where it has one")
    installable.set_defaults(func=run_not_installable)


def _add_plan(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    plan = subparsers.add_parser(
        "plan",
        help="check a campaign, print its cost and feasibility, freeze it",
        description="Check a campaign and everything it names, print what it costs and whether it can be "
        "measured. Without a campaign, list them.",
        epilog="Exit status: 0 fine, 1 the campaign cannot be measured as it is, 2 bad input.",
    )
    plan.add_argument("campaign", nargs="?", metavar="CAMPAIGN", help="name of a file in campaigns/")
    plan.add_argument(
        "--list", action="store_true", help="list the campaigns with their descriptions and costs"
    )
    plan.add_argument(
        "--apps", metavar="A,B:VARIANT", help="measure these apps instead of the campaign's own"
    )
    plan.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="put another value in the campaign, as in blocks=6 or rounds.sustained.rate_per_s=400; "
        "repeatable",
    )
    plan.add_argument(
        "--until",
        metavar="CONDITION",
        help="stop as soon as intervals are narrow enough, as in 'p99 interval < 5%%'; blocks is then the least",
    )
    plan.add_argument(
        "--at-most-blocks", metavar="N",
        help=f"stop after so many blocks in any case (default: {c.AT_MOST_BLOCKS}, or twice the least)",
    )
    plan.add_argument(
        "--leave-out",
        action="store_true",
        help="leave out apps whose own file is wrong and name them, instead of refusing the campaign (but for ladders)",
    )
    plan.add_argument("--link-address", metavar="IP", help="the server's address on the bench link")
    plan.add_argument(
        "--link-mbit",
        type=_mbit,
        default=c.LINK_MBIT,
        metavar="N",
        help="the link's nominal speed in Mb/s (default: %(default)s)",
    )
    plan.add_argument(
        "--freeze",
        type=Path,
        metavar="DIR",
        help="make DIR/CAMPAIGN-UTC/campaign.json and repoint DIR/latest",
    )
    plan.add_argument(
        "--json", action="store_true", help="print JSON: the plan, or with --freeze the folder that was made"
    )
    plan.set_defaults(func=run_plan)


def run_plan(args: argparse.Namespace) -> int:
    """Plan one campaign or list all; 1 when arithmetic says that it cannot be measured."""
    project = find_project()
    if args.list or args.campaign is None:
        return _list(project, args)
    plan = build_plan(project, _request(args))
    created = datetime.now(UTC)
    document = as_document(plan, versions=find_versions(project.root), created=created)
    document["code"] = digests(project.root, project.apps_dir, plan.services)
    fatal = [finding for finding in plan.findings if finding.fatal]
    folder = None if args.freeze is None or fatal else freeze(_complete(document), args.freeze, created)
    if args.json:
        print(
            json.dumps(
                _answer(plan, folder) if args.freeze is not None else document, indent=1, ensure_ascii=False
            )
        )
    else:
        print(describe(plan))
        if folder is not None:
            print(f"\nFrozen in {folder}")
    for finding in fatal:
        print(
            f"tandem: {args.campaign} cannot be measured: {finding.where}: {finding.advice}", file=sys.stderr
        )
    return 1 if fatal else 0


def _request(args: argparse.Namespace) -> Request:
    return Request(
        campaign=args.campaign,
        apps=args.apps,
        settings=args.settings,
        link_address=args.link_address,
        link_mbit=args.link_mbit,
        leave_out=args.leave_out,
        until=args.until,
        at_most_blocks=args.at_most_blocks,
    )


def run_not_installable(args: argparse.Namespace) -> int:
    """Print the apps that cannot be installed, each with a sentence."""
    found = not_installable_apps(args.directory, installed=args.python, system=args.system_python or None)
    print(json.dumps(found, indent=1, ensure_ascii=False))
    return 0


def run_pending(args: argparse.Namespace) -> int:
    """Print what is left of a frozen campaign."""
    runs = pending_runs(args.directory)
    if args.json:
        print(json.dumps(runs, indent=1, ensure_ascii=False))
        return 0
    for run in runs:
        print(
            f"{run['position']:>5} of {run['total']}  {run['label']}  ({duration(run['seconds_left'])} left)"
        )
    if not runs:
        print("Nothing is left to do.")
    return 0


def _answer(plan: Plan, folder: Path | None) -> dict[str, Any]:
    """What `--freeze --json` prints; directory is null when the campaign cannot be measured."""
    return {
        "directory": None if folder is None else str(folder.absolute()),
        "campaign": plan.campaign.name,
        "runs": len(plan.runs),
        "seconds": plan.seconds,
        "text": describe(plan),
    }


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    """A plan may be frozen only when every run has an address to send its load to."""
    through_link = [run["round"] for run in document["runs"] if run["bind"] == c.LINK_ADDRESS_UNKNOWN]
    if through_link:
        raise PlanError(
            "--freeze needs --link-address IP, the server's address on the link, for the round "
            f"{through_link[0]}"
        )
    return document


def _list(project: Project, args: argparse.Namespace) -> int:
    """One line per campaign; a campaign that cannot be planned shows why instead of hiding the others."""
    if args.campaign is not None:
        raise PlanError(
            f"--list prints all campaigns; allowed: --list alone, or {args.campaign!r} without it"
        )
    given = {"--freeze": args.freeze, "--apps": args.apps, "--set": args.settings or None}
    given |= {"--until": args.until, "--at-most-blocks": args.at_most_blocks}
    for option, value in given.items():
        if value is not None:
            raise PlanError(f"{option} needs a CAMPAIGN; allowed: {', '.join(project.campaigns())}")
    rows: list[dict[str, Any]] = [_row(project, name) for name in project.campaigns()]
    if args.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 2 if any(row["error"] for row in rows) else 0
    lines = [
        (
            row["campaign"],
            NOT_KNOWN if row["runs"] is None else str(row["runs"]),
            NOT_KNOWN if row["seconds"] is None else duration(row["seconds"]),
            row["error"] or row["description"],
        )
        for row in rows
    ]
    print("\n".join(table(("campaign", "runs", "time", "what it measures"), lines, right={1, 2})))
    return 2 if any(row["error"] for row in rows) else 0


def _row(project: Project, name: str) -> dict[str, Any]:
    try:
        plan = build_plan(project, Request(campaign=name))
    except PlanError as error:
        return {"campaign": name, "description": None, "runs": None, "seconds": None, "error": str(error)}
    return {
        "campaign": name,
        "description": plan.campaign.description,
        "runs": len(plan.runs),
        "seconds": plan.seconds,
        "error": None,
    }


def _mbit(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; allowed: 1 to 1000000 Mb/s")
    return value

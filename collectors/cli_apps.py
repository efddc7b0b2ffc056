"""`tandem new-app` and `verification`: make a daemon's folder, and list what there is to check of daemons."""

from __future__ import annotations

import argparse
import json
from typing import Final

from collectors.errors import PlanError
from collectors.new_app import make_app
from collectors.plan import find_project
from collectors.plan.verification import verification

EVERY: Final = "all"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands `new-app` and `verification`."""
    new = subparsers.add_parser(
        "new-app",
        help="make the folder of a new daemon",
        description="Make apps/NAME with three small files: a daemon that works and has one endpoint.",
        epilog="Exit status: 0 made, 2 the name is none or taken: nothing is written.",
    )
    new.add_argument("name", metavar="NAME", help="small letters, digits, and single . _ - between them")
    new.set_defaults(func=run_new_app)
    check = subparsers.add_parser(
        "verification",
        help="list as JSON what playbooks/verify.yml checks",
        epilog="Exit status: 0 listed, those that are refused with the sentence why; 2 there is no such app.",
    )
    check.add_argument(
        "--apps", default=EVERY, metavar="A,B:VARIANT",
        help="an app stands for all its variants; all, the default: every app",
    )
    check.add_argument("--python", metavar="V", help="the server's interpreter, as in 3.11.2")
    check.add_argument("--system-python", metavar="V", help="Debian's own there, where it has one")
    check.set_defaults(func=run_verification)


def run_new_app(args: argparse.Namespace) -> int:
    """Make the folder, and say what comes next."""
    files = make_app(find_project(), args.name)
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    print(f"Made apps/{args.name}: {', '.join(path.name for path in files)}, {lines} lines. It works as it is. Next:")
    print(f"  ansible-playbook playbooks/verify.yml -e apps={args.name}")
    print(f"  ansible-playbook bench.yml -e campaign=smoke -e apps={args.name}")
    return 0


def run_verification(args: argparse.Namespace) -> int:
    """Print the services, their contracts, and what is refused."""
    names = [] if args.apps.strip() in {"", EVERY} else [name.strip() for name in args.apps.split(",")]
    if not all(names):
        raise PlanError(f"--apps {args.apps}: a name is empty; allowed: names of apps with a comma between them")
    found = verification(
        find_project(), names, python=args.python or None, system_python=args.system_python or None
    )
    print(json.dumps(found, indent=1, ensure_ascii=False))
    return 0

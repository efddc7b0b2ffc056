"""`tandem record`: a run's raw files become run.json. `tandem check`: did every run of a campaign end as
measured?"""

from __future__ import annotations

import argparse
from pathlib import Path

from collectors.check import check
from collectors.record import one_line, record
from collectors.results import ResultsFolder


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands `record` and `check`."""
    parser = subparsers.add_parser(
        "record",
        help="judge one finished run and record it",
        description="Read the raw files in DIR/runs/RUN_ID, write run.json beside them and a line to "
        "DIR/journal.jsonl. A run that went wrong is recorded too.",
        epilog="Exit status: 0 recorded (whatever the run was worth), 2 bad input.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    parser.add_argument("run_id", metavar="RUN_ID", help="the run's id in campaign.json, as 0001-flask-agents-light-b1")
    parser.set_defaults(func=_record)

    parser = subparsers.add_parser(
        "check",
        help="say whether every run of a campaign was measured",
        description="Exit with 1 and a sentence when a run is missing or did not end as measured. A "
        "verdict such as "
        "overloaded is a result, not a failure.",
        epilog="Exit status: 0 all runs measured, 1 some were not, 2 bad input.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    parser.set_defaults(func=_check)


def _record(args: argparse.Namespace) -> int:
    print(one_line(record(ResultsFolder(args.directory), args.run_id)))
    return 0


def _check(args: argparse.Namespace) -> int:
    ok, sentence = check(ResultsFolder(args.directory))
    print(sentence)
    return 0 if ok else 1

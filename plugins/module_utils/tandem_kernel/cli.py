"""The stand-alone program: restore or show the settings of this machine, without Ansible.

    python3 /opt/tandem/lib/tandem_settings.pyz status
    python3 /opt/tandem/lib/tandem_settings.pyz restore --stop 'tandem-*.service'

Exit status 0 when the machine is as it was, 1 when a difference remains (status: when a transaction is open),
2 when the program could not do its work.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from . import timer
from .journal import JournalError
from .keys import KernelFiles
from .report import Report, SettingsError
from .transaction import Transaction


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status; prints one JSON document, and errors as one sentence."""
    parser = argparse.ArgumentParser(prog="tandem_settings", description="Kernel settings back as they were.")
    parser.add_argument("--root", default="/", help="root folder of the machine (default: /)")
    commands = parser.add_subparsers(dest="command", required=True)
    undo = commands.add_parser("restore", help="put every original back and prove it")
    undo.add_argument("--stop", action="append", default=[], metavar="UNITS",
                      help="systemd units to stop first, such as 'tandem-*.service'; may be repeated")
    commands.add_parser("status", help="show what is changed now")
    arguments = parser.parse_args(argv)
    transaction = Transaction(KernelFiles(arguments.root))
    try:
        if arguments.command == "restore":
            report, stopped = restore(transaction, arguments.stop)
            _show({**report.as_dict(), "stopped_units": stopped})
            return 0
        return _status(transaction)
    except SettingsError as error:
        sys.stderr.write(f"tandem_settings: {error}\n")
        return 1
    except (JournalError, timer.TimerError) as error:
        sys.stderr.write(f"tandem_settings: {error}\n")
        return 2


def restore(transaction: Transaction, patterns: Sequence[str]) -> tuple[Report, list[str]]:
    """Stop the units that match, put every setting back, remove the timer; the report and the stopped units.

    The settings are put back even when stopping fails or what was added to the units cannot be taken away; TimerError
    is raised after that. What was added goes first, so that it goes also where a setting cannot be put back.
    """
    systemd = timer.has_systemd(transaction.files.root)
    problem: timer.TimerError | None = None
    stopped: list[str] = []
    try:
        stopped = timer.stop_units(patterns) if systemd else []
    except timer.TimerError as error:
        problem = error
    try:
        if systemd:
            timer.drop_limits()
    except timer.TimerError as error:
        problem = problem or error
    report = transaction.restore()
    if systemd:
        timer.disarm()
    if problem:
        raise problem
    return report, stopped


def _status(transaction: Transaction) -> int:
    journal = transaction.before()
    entries = journal.entries if journal else {}
    systemd = timer.has_systemd(transaction.files.root)
    _show({
        "open": journal is not None,
        "since_utc": journal.created_utc if journal else None,
        "rebooted": journal is not None and journal.boot_id != transaction.files.boot_id(),
        "restores_itself_in_s": timer.seconds_left() if systemd else None,
        "settings": [{"key": key, "original": entry.original, "now": transaction.files.now(key)}
                     for key, entry in sorted(entries.items())],
    })
    return 1 if journal else 0


def _show(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")

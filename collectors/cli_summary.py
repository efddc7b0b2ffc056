"""`tandem summarise` and `tandem report`: a results folder becomes tables and one page."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from collectors.codec import to_json
from collectors.errors import TandemError
from collectors.jsonio import dump, write_text
from collectors.report.manifest import write_manifest
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.summarise import summarise
from collectors.summary import Summary
from collectors.tables import comma_separated, markdown, text


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommands `summarise` and `report`."""
    parser = subparsers.add_parser(
        "summarise",
        help="make the summary of a campaign and print its tables",
        description="Rebuild DIR/summary.json, summary.md and summary.csv from the raw files, byte for "
        "byte the same "
        "each time, and print the tables.",
        epilog="Exit status: 0 summarised (whatever the runs were worth), 2 bad input.",
    )
    _add_arguments(parser, "print summary.json instead of the tables")
    parser.set_defaults(func=_summarise)

    parser = subparsers.add_parser(
        "report",
        help="make the one-page report of a campaign",
        description="Write DIR/report.html (one page that needs no network), summary.json, summary.md, "
        "summary.csv and "
        "MANIFEST.sha256, and print the tables and the page's path.",
        epilog="Exit status: 0 written (whatever the runs were worth), 2 bad input.",
    )
    _add_arguments(parser, "print the paths of what was written as JSON instead of the tables")
    parser.set_defaults(func=_report)


def _add_arguments(parser: argparse.ArgumentParser, json_help: str) -> None:
    parser.add_argument("directory", type=Path, metavar="DIR", help="the campaign's results folder")
    parser.add_argument("--json", action="store_true", help=json_help)


def _written(folder: ResultsFolder) -> tuple[Summary, tuple[Run, ...]]:
    summary, runs = summarise(folder)
    try:
        write_text(folder.directory / "summary.json", dump(to_json(summary)))
        write_text(folder.directory / "summary.md", markdown(summary))
        write_text(folder.directory / "summary.csv", comma_separated(summary))
    except OSError as error:
        raise _unwritable(folder, error) from None
    return summary, runs


def _summarise(args: argparse.Namespace) -> int:
    summary, _ = _written(ResultsFolder(args.directory))
    print(dump(to_json(summary)) if args.json else text(summary), end="")
    return 0


def _report(args: argparse.Namespace) -> int:
    from collectors.report.page import page  # noqa: PLC0415 - drawing is slow to import, and `summarise` draws nothing

    folder = ResultsFolder(args.directory)
    summary, runs = _written(folder)
    try:
        write_text(folder.directory / "report.html", page(folder, summary, runs))
        write_manifest(folder.directory)
    except OSError as error:
        raise _unwritable(folder, error) from None
    paths = {
        name: str(folder.directory / name) for name in ("report.html", "summary.json", "summary.md", "summary.csv")
    }
    if args.json:
        print(dump(paths), end="")
    else:
        print(text(summary), end="")
        print(f"\nReport: {_shown(paths['report.html'])}")
    return 0


def _unwritable(folder: ResultsFolder, error: OSError) -> TandemError:
    return TandemError(f"{error.filename or folder.directory}: the results cannot be written: {error.strerror}")


def _shown(path: str) -> str:
    """Return the path as a person would type it from here: short inside this folder, whole elsewhere."""
    short = os.path.relpath(path)
    return os.path.realpath(path) if short.startswith("..") else short

"""`tandem merge`: the results and histogram logs of several load generators of one load as one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from collectors.cli_read import describe
from collectors.errors import TandemError
from collectors.jsonio import dump, write_text
from collectors.readers.pacer import read_pacer
from pacer.errors import PacerError
from pacer.merge_files import DESCRIPTION, add_arguments, merge_files


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `merge`."""
    parser = subparsers.add_parser(
        "merge",
        help="put the results of several load generators together",
        description=DESCRIPTION,
        epilog="Exit status: 0 merged and valid, 1 merged but not valid by pacer's own checks, 2 bad input: "
        "nothing is written.",
    )
    add_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="write the merged result there; - prints it instead of the summary")  # fmt: skip
    parser.set_defaults(func=_merge)


def _merge(args: argparse.Namespace) -> int:
    printed = args.json is not None and str(args.json) == "-"
    json_file: Path | None = None if printed else args.json
    command = ["tandem", "merge", *map(str, args.files)]
    for name, value in (("--hlog", args.hlog), ("--json", args.json)):
        command += [] if value is None else [name, str(value)]
    try:
        merged = merge_files(args.files, (json_file, args.hlog), command=command)
        log = None if args.hlog is None else merged.log()
    except PacerError as error:
        raise TandemError(str(error)) from None
    document = dump(merged.result)
    for path, text in ((json_file, document), (args.hlog, log)):
        if path is not None and text is not None:
            _write(path, text)
    print(document if printed else summary(merged.result, document), end="")
    return 0 if merged.result["validity"]["valid"] else 1


def summary(result: dict[str, Any], document: str) -> str:
    """Return the merged result for a person: whose it is, what it says, and what pacer's checks make of it."""
    lines = [f"from       {result['host']['name']}", *describe("pacer", read_pacer(document, "the merged result"))]
    lines.append(f"verdict    {result['validity']['verdict']}")
    for check in result["validity"]["checks"]:
        if not check["ok"]:
            name, unit = check["name"].replace("_", " "), check["unit"]
            lines.append(f"           {name} {_figure(check['value'])}, limit {_figure(check['limit'])} ({unit})")
    return "\n".join(lines) + "\n"


def _figure(value: float | str | None) -> str:
    return value if isinstance(value, str) else "none" if value is None else f"{value:.6g}"


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise TandemError(f"cannot write {path}: {error.strerror}") from None

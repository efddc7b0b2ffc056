"""Results and histogram logs as files: read, merged, written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pacer.errors import UsageError
from pacer.merge import Merged, Part, merge_parts

DESCRIPTION = ("Put the results of several generators of one load together (shards of a schedule, machines, "
               "processes) by adding their counts; nothing is averaged.")


def add_arguments(grammar: argparse.ArgumentParser) -> None:
    """Add what `pacer merge` and `tandem merge` take."""
    grammar.add_argument("files", nargs="+", type=Path, metavar="FILE",
                         help="results (what --json wrote) and, in the same order, the histogram log of each "
                              "(what --hlog wrote)")
    grammar.add_argument("--hlog", type=Path, metavar="FILE", help="write the merged histogram log there")


def merge_files(files: Sequence[Path], outputs: Sequence[Path | None], *, command: Sequence[str]) -> Merged:
    """Merge the results among some files with the logs among them.

    outputs are where the merged files will go. Raises UsageError with one sentence that names the file.
    """
    for number, path in enumerate(files):
        if any(path.resolve() == other.resolve() for other in files[:number]):
            raise UsageError(f"{path} is given twice")
    for output in outputs:
        if output is not None and any(output.resolve() == path.resolve() for path in files):
            raise UsageError(f"{output} is one of the files to merge: name another to write to")
    results: list[tuple[Path, dict[str, Any]]] = []
    logs: list[tuple[Path, str]] = []
    for path in files:
        text = _read_text(path)
        if text.startswith(("#[", '"', "Tag=")):
            logs.append((path, text))
        else:
            results.append((path, _parse(text, path)))
    if logs and len(logs) != len(results):
        raise UsageError(f"{len(results)} results and {len(logs)} histogram logs: give one log for each result, "
                         "or none")
    parts = [Part(name=str(path), result=result, log=logs[number][1] if logs else None,
                  log_name=str(logs[number][0]) if logs else "")
             for number, (path, result) in enumerate(results)]
    return merge_parts(parts, command=command)


def _parse(text: str, path: Path) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        raise UsageError(f"{path} is empty" if not text.strip() else
                         f"{path} is neither a result of pacer (JSON) nor a histogram log")
    try:
        result: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {error.lineno}: broken JSON ({error.msg}); was it cut short?") from error
    except (RecursionError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    return result


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8") from error

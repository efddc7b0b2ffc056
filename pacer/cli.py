"""The command: read the options, run the load, print the result, tell by the exit status what it is worth."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TextIO

from pacer.arguments import parse_options, parser
from pacer.errors import EXIT_ERRORS, EXIT_INVALID, EXIT_OK, EXIT_USAGE, PacerError
from pacer.files import AtomicFile
from pacer.options import Options
from pacer.progress import Progress
from pacer.result import Outcome, to_json
from pacer.run import run
from pacer.text import show_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run pacer; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    end_on_signals()
    try:
        if given and given[0] in ("selftest", "null-server", "merge"):
            from pacer.cli_more import commands  # noqa: PLC0415 - keeps the start of a plain run fast

            return commands()[given[0]](given[1:])
        return _run(given)
    except PacerError as error:
        complain(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        complain("interrupted before the load began: nothing was measured")
        return EXIT_USAGE
    except (OSError, MemoryError) as error:         # no more processes, descriptors or memory to be had
        complain(f"this machine cannot do it: {getattr(error, 'strerror', None) or error or 'out of memory'}")
        return EXIT_USAGE


def _run(arguments: list[str]) -> int:
    namespace = parser().parse_args(arguments)
    options = parse_options(namespace, ["pacer", *arguments])
    with Files(options) as files:
        if namespace.search is not None:
            from pacer.cli_search import search  # noqa: PLC0415 - keeps the start of a plain run fast

            return search(options, namespace.search, files)
        with contextlib.ExitStack() as stack:
            progress = stack.enter_context(Progress(sys.stderr, options.duration_ns)) if options.progress else None
            outcome = run(options, progress)
        return report(outcome, files)


class Files:
    """The files asked for, opened before the load so that a bad place is known in time."""

    def __init__(self, options: Options) -> None:
        self.log = None if options.hlog_file is None else AtomicFile(options.hlog_file)
        try:
            self.json = None if options.json_file is None else AtomicFile(options.json_file)
        except PacerError:
            self.__exit__()
            raise

    def __enter__(self) -> Files:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove what was not written."""
        for file in (self.log, getattr(self, "json", None)):
            if file is not None:
                file.discard()


def report(outcome: Outcome, files: Files) -> int:
    """Print and write the result; return the exit status."""
    document = as_document(to_json(outcome))
    written = write_or_tell(files.json, lambda: document)
    logged = write_or_tell(files.log, lambda: _log(outcome))
    as_json = outcome.options.format == "json"
    shown = document if as_json else _text(outcome) + ("" if written else document)
    printed = print_or_tell(shown)
    return exit_status(outcome) or (EXIT_OK if written and logged and printed else EXIT_USAGE)


def print_or_tell(text: str) -> bool:
    """Print, or say on standard error why not (nothing when nobody reads); return whether all is well."""
    out: TextIO | None = sys.stdout
    if out is None:
        complain("cannot print the result: standard output is closed")
        return False
    try:
        try:
            out.write(text)
        except UnicodeEncodeError:          # an old locale
            out.write(text.encode("ascii", "replace").decode())
        out.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)        # let Python's last flush succeed
        if not isinstance(error, BrokenPipeError):
            complain(f"cannot print the result: {error.strerror}")
        return False
    return True


def complain(sentence: str) -> None:
    """Say something on standard error, if there is somebody to hear it."""
    out: TextIO | None = sys.stderr
    if out is not None:
        with contextlib.suppress(OSError):
            print(f"pacer: {sentence}", file=out, flush=True)


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end what runs as Ctrl-C does, so that nothing is left lying about."""
    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, handle)


def as_document(result: object) -> str:
    """Return a result as the text of a JSON file."""
    return json.dumps(result, indent=1, allow_nan=False) + "\n"


def write_or_tell(file: AtomicFile | None, text: Callable[[], str]) -> bool:
    """Write a file, or say on standard error why not; return whether all is well."""
    if file is None:
        return True
    try:
        file.write(text())
    except OSError as error:
        complain(f"cannot write {file.path}: {error.strerror}")
        return False
    return True


def exit_status(outcome: Outcome) -> int:
    """Return what the command ends with: 4 for errors, 3 for anything else against the run."""
    if outcome.validity.valid:
        return EXIT_OK
    return EXIT_ERRORS if outcome.validity.verdict == "errors" else EXIT_INVALID


def _log(outcome: Outcome) -> str:
    from pacer.hlog import write_log  # noqa: PLC0415 - keeps the start of a plain run fast

    return write_log(outcome.recording.seconds, started_wall_ns=outcome.started_wall_ns)


def _text(outcome: Outcome) -> str:
    if outcome.options.format == "wrk2":
        from pacer.wrk2 import show_wrk2  # noqa: PLC0415 - keeps the start of a plain run fast

        return show_wrk2(outcome)
    return show_text(outcome)

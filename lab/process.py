"""Running other programs, and waiting for things with a deadline."""

import subprocess
import time
from collections.abc import Callable, Sequence

from lab.errors import LabError


def run(argv: Sequence[str], *, stdin: str | None = None, timeout_s: float = 60) -> str:
    """Run a program and return what it printed.

    Raises LabError with the program's own last words when it fails, is missing or exceeds `timeout_s`.
    """
    command = " ".join(argv)
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError:
        raise LabError(f"the program {argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"{command}: no end after {timeout_s:.0f} s") from None
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        raise LabError(f"{command}: {words[-1]}")
    return done.stdout


def succeeds(argv: Sequence[str], *, timeout_s: float = 60) -> bool:
    """Whether a program can be run and exits 0; its output is dropped."""
    try:
        run(argv, timeout_s=timeout_s)
    except LabError:
        return False
    return True


def wait_until(true: Callable[[], bool], *, timeout_s: float, step_s: float = 0.05) -> bool:
    """Ask `true` every `step_s` until it holds; whether it did within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True

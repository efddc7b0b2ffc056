"""Long programs: a sign of life every few seconds, and the reason when they fail."""

import subprocess
import threading
import time
from pathlib import Path

from lab.errors import LabError, Say

EVERY_S = 5
_COMPLAINTS = ("E: ", "dpkg: error", "tar: ", "zstd: ")
# What follows from the first failure and does not say why.
_CONSEQUENCES = ("E: setup failed", "E: mmdebstrap failed", "E: Sub-process", "E: apt-get", "E: run_chroot")


def attend(argv: list[str], *, what: str, say: Say, log: Path | None = None, keep_open: tuple[int, ...] = ()) -> None:
    """Run a long program that inherits the files `keep_open`; keep its output in `log`.

    Raises LabError with the program's own reason when it fails.
    """
    began = time.monotonic()
    over = threading.Event()

    def talk() -> None:
        while not over.wait(EVERY_S):
            say(f"{what}: {time.monotonic() - began:.0f} s so far")

    speaker = threading.Thread(target=talk, daemon=True)
    speaker.start()
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            pass_fds=keep_open,
        )
    except FileNotFoundError:
        raise LabError(f"the program {argv[0]} is not installed") from None
    finally:
        over.set()
        speaker.join()
    if log is not None:
        log.write_text(done.stdout)
    if done.returncode:
        where = f" (all of its output: {log})" if log else ""
        raise LabError(f"{what} failed: {reason(done.stdout)}{where}")


def reason(output: str) -> str:
    """Return the line of a failed program's output that says what went wrong, as well as can be told."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(_COMPLAINTS) and not line.startswith(_CONSEQUENCES)]
    return (complaints or lines[-1:] or ["it gave no reason"])[0][:300]

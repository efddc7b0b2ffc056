"""The machine restores itself: a systemd timer runs the stand-alone program when no controller comes back."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence

UNIT = "tandem-restore"
STOP_UNITS = ("tandem-*.service",)
"""The daemons and load generators that are stopped before settings are put back."""
DEADLINE_S = 120
LIMITS = "/run/systemd/system/tandem-*.service.d/profile.conf"
"""What the runs' profiles add to the daemons' units, see tandem_profile."""

Runner = Callable[[Sequence[str]], "tuple[int, str]"]


class TimerError(Exception):
    """The timer cannot be set or units cannot be stopped; the message says why."""


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Exit status and output of a command. Raises TimerError when it cannot run or does not end."""
    try:
        done = subprocess.run(list(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=DEADLINE_S)
    except OSError as error:
        why = f"{argv[0]} cannot be run ({error.strerror}); is this machine without systemd?"
        raise TimerError(why) from error
    except subprocess.TimeoutExpired:
        raise TimerError(f"'{' '.join(argv)}' did not end within {DEADLINE_S} s") from None
    return done.returncode, done.stdout.strip()


def has_systemd(root: str = "/") -> bool:
    """Whether systemd runs the machine below this root folder; a made-up root has none."""
    return root == "/" and os.path.isdir("/run/systemd/system")


def command(program: str, stop: Iterable[str]) -> list[str]:
    """The command that the timer runs: stop these units, then restore."""
    return [sys.executable, program, "restore", *(item for pattern in stop for item in ("--stop", pattern))]


def arm(after_s: int, argv: Sequence[str], runner: Runner = run) -> None:
    """Let the machine run argv after so many seconds, counted anew when a timer was set before."""
    disarm(runner)
    status, output = runner(["systemd-run", "--quiet", f"--unit={UNIT}", f"--on-active={after_s}s",
                             "--timer-property=AccuracySec=1s",
                             "--description=Tandem puts this machine's settings back", *argv])
    if status:
        raise TimerError(f"the timer that restores this machine cannot be set: {output}")


def disarm(runner: Runner = run) -> None:
    """Remove the timer if there is one; a restore that runs already is left to finish."""
    runner(["systemctl", "stop", f"{UNIT}.timer"])              # fails when there is none, which is as good
    runner(["systemctl", "reset-failed", f"{UNIT}.timer", f"{UNIT}.service"])


def seconds_left(runner: Runner = run) -> int | None:
    """Seconds until the timer fires, or None when it is not set."""
    status, output = runner(["systemctl", "show", f"{UNIT}.timer", "--value",
                             "--property=NextElapseUSecMonotonic"])
    microseconds = _microseconds(output) if status == 0 else None
    if microseconds is None:
        return None
    with open("/proc/uptime", encoding="ascii") as file:
        return max(0, round(microseconds / 1e6 - float(file.read().split()[0])))


def stop_units(patterns: Sequence[str], runner: Runner = run) -> list[str]:
    """Stop the running units that match, this module's own unit apart; the answer is their names."""
    if not patterns:
        return []
    status, output = runner(["systemctl", "list-units", "--plain", "--no-legend", "--no-pager",
                             "--state=active,activating,reloading,deactivating", *patterns])
    if status:
        raise TimerError(f"the running units cannot be listed: {output}")
    units = [line.split()[0] for line in output.splitlines() if line.strip()]
    units = [unit for unit in units if not unit.startswith(f"{UNIT}.")]
    if units:
        status, output = runner(["systemctl", "stop", *units])
        if status:
            raise TimerError(f"{', '.join(units)} cannot be stopped: {output}")
    return units


def drop_limits(runner: Runner = run, path: str = LIMITS) -> None:
    """Take away what the runs' profiles added to the daemons' units. Raises TimerError where that cannot be."""
    found = glob.glob(path)
    for each in found:
        try:
            os.remove(each)
        except OSError as error:
            raise TimerError(f"{each} cannot be removed: {error.strerror}") from error
    if found:
        runner(["systemctl", "daemon-reload"])


_UNITS_US = {"us": 1, "ms": 10**3, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6,
             "w": 7 * 86400 * 10**6, "month": 2629800 * 10**6, "y": 31557600 * 10**6}


def _microseconds(text: str) -> int | None:
    """A time span as systemd prints it (1h 2min 3.5s) in microseconds, or None."""
    total = 0.0
    for word in text.split():
        number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        try:
            total += float(number) * _UNITS_US[word[len(number):]]
        except (KeyError, ValueError):
            return None
    return round(total) if text.split() else None

"""Start one daemon alone, ask whether it lives, stop it and keep what it said."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

RUNTIME_DIR = "/run/tandem"
LOG_LINES = 2000
STATE_PROPERTIES = ("ActiveState", "Result", "ExecMainStatus", "NRestarts", "InvocationID")


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl; the caller reads the exit status."""
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False, timeout=120)


def properties(unit: str) -> dict[str, str]:
    """The unit's state as systemd tells it."""
    shown = systemctl("show", unit, *(f"--property={name}" for name in STATE_PROPERTIES)).stdout
    return dict(line.partition("=")[::2] for line in shown.splitlines() if "=" in line)


def is_alive(unit: str) -> bool:
    """Whether the unit is running or about to."""
    return systemctl("show", unit, "--property=ActiveState", "--value").stdout.strip() in {"active", "activating"}


def port_holder(bind: str, port: int) -> str | None:
    """A sentence when something already listens on the address, else None."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            return f"port {port} on {bind} cannot be used: {error.strerror}"
    return None


def listening(bind: str, port: int, timeout_s: float) -> str | None:
    """Wait until something accepts connections at the address; a sentence when nothing did in time, else None."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            socket.create_connection((bind, port), timeout=timeout_s).close()
        except OSError:
            time.sleep(0.05)
        else:
            return None
    return f"nothing listened on {bind}:{port} within {timeout_s:g} s"


def start(
    *, unit: str, units: list[str], bind: str, port: int, workers: int, database: str | None = None,
    alone: Callable[[], None] = lambda: None,
) -> str | None:
    """Stop every other daemon of the bench, then start this one; a sentence when that failed, else None.

    `database` is another one than the unit names; `alone` is called when no daemon of the bench runs.
    """
    systemctl("stop", *units)
    systemctl("reset-failed", *units)
    alone()
    taken = port_holder(bind, port)
    if taken:
        return taken
    os.makedirs(RUNTIME_DIR, mode=0o755, exist_ok=True)
    with open(f"{RUNTIME_DIR}/{unit.removesuffix('.service')}.env", "w", encoding="utf-8") as file:
        file.write(f"TANDEM_BIND={bind}\nTANDEM_PORT={port}\nTANDEM_WORKERS={workers}\n")
        file.write(f"PGDATABASE={database}\n" if database else "")
    started = systemctl("start", unit)
    if started.returncode:
        said = started.stderr.strip().splitlines()
        return f"{unit} did not start: {said[0] if said else 'no reason given'}"
    return None


def found_state(state: dict[str, str]) -> dict[str, Any]:
    """How the daemon ended, or that it still runs, of its properties as they were before anyone stopped it."""
    return {
        "schema_version": 1,
        "active_state": state.get("ActiveState"),
        "result": state.get("Result"),
        "exit_status": int(state["ExecMainStatus"]) if state.get("ExecMainStatus", "").isdigit() else None,
        "restarts": int(state["NRestarts"]) if state.get("NRestarts", "").isdigit() else None,
    }


def log_of(invocation: str) -> str:
    """The last lines of one start of a unit; empty when there was none. A stopped unit has forgotten its invocation."""
    if not invocation:
        return ""
    select = f"_SYSTEMD_INVOCATION_ID={invocation}"
    command = ["journalctl", select, "--output=short-iso-precise", "--no-pager", f"--lines={LOG_LINES}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout


def end_gently(unit: str) -> str | None:
    """Ask a daemon to end, as systemd does; a sentence when it ended otherwise than well, else None."""
    systemctl("stop", unit)
    result = properties(unit).get("Result", "success")
    systemctl("reset-failed", unit)
    said = {"timeout": "it had to be killed after its grace", "exit-code": "an exit status that is not 0"}
    return None if result == "success" else f"expected it to end well when asked to, found {said.get(result, result)}"


def end_now(unit: str) -> None:
    """Kill every process of a daemon whose run is over, at once: how long it takes to close is nobody's figure.

    Returns when all are gone.
    """
    systemctl("kill", "--signal=SIGKILL", unit)
    systemctl("stop", unit)
    systemctl("reset-failed", unit)

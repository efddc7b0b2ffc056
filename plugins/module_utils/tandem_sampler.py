"""Start and end the look at a daemon, in a transient unit of its own: it has a deadline and outlives no run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

UNIT = "tandem-telemetry"
PARTS = ("files", "connections", "counters", "telemetry")      # what it is made of; the last one's main() is called
MARGIN_S = 60           # beyond the load's deadline: until the load begins, and until it has been ended
FIRST_LOOK_S = 10.0


def program(modules: list[list[str]], watched: dict[str, Any]) -> str:
    """What the loader of the steps reads, for this one."""
    needed = [each for each in modules if each[0].rpartition("tandem_")[2] in PARTS]
    return json.dumps({"modules": needed, "params": watched})


def command(given: str, folder: str, seconds: float) -> list[str]:
    """The loader that this very step came with, as a unit that can write nothing but the run's folder."""
    return [
        "systemd-run", "--collect", "--quiet", f"--unit={UNIT}", f"--property=RuntimeMaxSec={seconds:g}",
        f"--property=StandardInput=file:{given}", "--property=StandardOutput=null", "--property=Nice=19",
        "--property=TimeoutStopSec=2", "--property=NoNewPrivileges=yes", "--property=ProtectSystem=strict",
        f"--property=ReadWritePaths={folder}", "--", *sys.orig_argv,
    ]


def start_watch(params: dict[str, Any], folder: str, unit: str) -> bool:
    """Begin to look at a unit once a second; return whether the first sample is there, which is one without load."""
    seconds = params["run"]["deadline_s"] + MARGIN_S
    path = os.path.join(folder, "telemetry", f"{params['machine']}.jsonl")
    watched = {"unit": unit, "port": params["service"]["port"], "path": path, "seconds": seconds}
    given = os.path.join(str(params["base"]), "telemetry.json")
    with open(given, "w", encoding="utf-8") as file:
        file.write(program(params["modules"], watched))
    subprocess.run(command(given, folder, seconds), capture_output=True, check=False, timeout=30)
    return _filled(path)


def _filled(path: str) -> bool:
    deadline = time.monotonic() + FIRST_LOOK_S
    while time.monotonic() < deadline:
        if os.path.exists(path) and os.path.getsize(path):
            return True
        time.sleep(0.02)
    return False


def end_watch() -> None:
    """End it, if it runs."""
    subprocess.run(["systemctl", "stop", UNIT], capture_output=True, check=False, timeout=60)

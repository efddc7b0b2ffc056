"""Run one load generator under its own deadline, as an unprivileged transient unit."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.tandem_files import write_json

UNIT = "tandem-load"
STOP_GRACE_S = 10


def wrapped(argv: list[str], folder: str, *, user: str, deadline_s: float, nofile: int | None, out: str) -> list[str]:
    """The command inside systemd-run: own user, deadline, output files, and gone when it ends.

    The generator's files are opened by systemd, so the generator can write nothing but its folder.
    """
    limits = [f"--property=LimitNOFILE={nofile}"] if nofile else []
    return [
        "systemd-run", "--wait", "--collect", "--quiet", f"--unit={UNIT}", f"--uid={user}",
        f"--working-directory={folder}", f"--property=RuntimeMaxSec={deadline_s:g}",
        f"--property=TimeoutStopSec={STOP_GRACE_S}", "--property=NoNewPrivileges=yes",
        "--property=KillSignal=SIGINT", f"--property=StandardOutput=truncate:{folder}/{out}stdout.txt",
        f"--property=StandardError=truncate:{folder}/{out}stderr.txt", *limits, "--", *argv,
    ]


def run(
    argv: list[str], folder: str, *, user: str, deadline_s: float, nofile: int | None, out: str = ""
) -> dict[str, Any]:
    """Run argv and wait; the dictionary is what load-exit.json holds.

    deadline_s is held by systemd on this machine, so that a controller that dies leaves no load behind.
    """
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    begin_ns = time.monotonic_ns()
    command = wrapped(argv, folder, user=user, deadline_s=deadline_s, nofile=nofile, out=out)
    try:
        limit_s = deadline_s + 3 * STOP_GRACE_S
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_s)
        status: int | None = ended.returncode
        said = ended.stderr.strip()
    except subprocess.TimeoutExpired:
        subprocess.run(["systemctl", "kill", "--signal=SIGKILL", UNIT], check=False, timeout=30)
        status, said = None, "systemd did not end the generator after its deadline"
    wall_s = (time.monotonic_ns() - begin_ns) / 1e9
    return {
        "schema_version": 1, "argv": argv, "exit_status": status, "timed_out": wall_s >= deadline_s,
        "started_utc": started, "wall_s": round(wall_s, 3), "runner": said or None,
    }


def record(argv: list[str], folder: str, result: dict[str, Any]) -> None:
    """Leave the exact command and how it ended beside its output."""
    with open(os.path.join(folder, "command.txt"), "w", encoding="utf-8") as file:
        file.write(shlex.join(argv) + "\n")
    write_json(os.path.join(folder, "load-exit.json"), result)

"""Run one load generator under its own deadline, as an unprivileged transient unit."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import time
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.tandem_files import write_json

UNIT = "tandem-load"
WORK = "work"         # the generator's own folder inside the run's
STOP_GRACE_S = 10


def wrapped(argv: list[str], folder: str, *, user: str, deadline_s: float, nofile: int | None, out: str) -> list[str]:
    """The command inside systemd-run: own user, deadline, output files, and gone when it ends.

    Its two streams are opened by systemd; it can write nothing but its working folder, and not read the secrets of
    daemons, whose account it shares.
    """
    limits = [f"--property=LimitNOFILE={nofile}"] if nofile else []
    return [
        "systemd-run", "--wait", "--collect", "--quiet", f"--unit={UNIT}", f"--uid={user}",
        f"--working-directory={folder}/{WORK}", f"--property=RuntimeMaxSec={deadline_s:g}",
        "--property=ProtectSystem=strict", f"--property=ReadWritePaths={folder}/{WORK}",
        "--property=ProtectHome=yes", "--property=PrivateTmp=yes", "--property=InaccessiblePaths=-/etc/tandem",
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
    started = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
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


def stop_leftover() -> None:
    """End a load that a lost controller left behind."""
    subprocess.run(["systemctl", "stop", UNIT], capture_output=True, check=False, timeout=60)


def make_work(folder: str, user: str) -> None:
    """The folder that the generator may write."""
    path, account = os.path.join(folder, WORK), pwd.getpwnam(user)
    os.mkdir(path, mode=0o755)
    os.chown(path, account.pw_uid, account.pw_gid)


def take_work(folder: str) -> None:
    """Move the generator's plain files to the run's folder; links and the like are not followed but dropped."""
    work = os.path.join(folder, WORK)
    for entry in os.scandir(work):
        if entry.is_file(follow_symlinks=False):
            shutil.copyfile(entry.path, os.path.join(folder, entry.name), follow_symlinks=False)
    shutil.rmtree(work)


def record(argv: list[str], folder: str, result: dict[str, Any]) -> None:
    """Leave the exact command and how it ended beside its output."""
    with open(os.path.join(folder, "command.txt"), "w", encoding="utf-8") as file:
        file.write(shlex.join(argv) + "\n")
    write_json(os.path.join(folder, "load-exit.json"), result)

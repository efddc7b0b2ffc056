"""Running Tandem's playbooks as an operator would, for the tests of the whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

# The machine that runs the tests is shared: the link's gate is held lower here, and has tests of its own.
CALM = ["-e", "link_nominal_mbit=300", "-e", "link_seconds=3"]

# Runs of which only the course matters, not the figures, are as short as they can be.
SHORT = [f"{name}.{key}={value}" for name in ("rounds.calibration", "rounds.sustained", "rounds.light")
         for key, value in (("warmup_s", 0), ("duration_s", 1))]
SHORT_SET = [f"--set={each}" for each in SHORT]
SHORT_WORDS = ["-e", json.dumps({"overrides": dict(each.split("=") for each in SHORT)})]


def environment() -> dict[str, str]:
    """The environment of an operator who stands in the project's folder with its .venv on the path."""
    return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_FORCE_COLOR": "0"}


def play(playbook: str, *words: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    """Run a playbook to its end; both streams in stdout."""
    return subprocess.run(["ansible-playbook", playbook, *words], cwd=ROOT, env=environment(), text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=timeout_s)


def play_until(line_part: str, then: Callable[[int], None], playbook: str, *words: str) -> tuple[int, str]:
    """Run a playbook, call then(its process group) when a line holds line_part; its exit status and output.

    It hears SIGINT even where these tests run behind a shell that ignores it for what it starts in the background.
    """
    with subprocess.Popen(["ansible-playbook", playbook, *words], cwd=ROOT, env=environment(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          start_new_session=True,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as child:  # noqa: PLW1509 - no threads
        assert child.stdout is not None
        said, done = "", False
        for line in child.stdout:
            said += line
            if line_part in line and not done:
                done = True
                then(child.pid)
        return child.wait(timeout=60), said


def tandem(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one of Tandem's own commands."""
    return subprocess.run([sys.executable, "-m", "collectors", *words], cwd=ROOT, text=True, check=False,
                          capture_output=True, timeout=120)


def lab_command(*words: str) -> None:
    """Run one of the lab's own commands."""
    subprocess.run([sys.executable, "-m", "lab", *words], cwd=ROOT, check=True, capture_output=True, timeout=180)


def freeze(results: Path, campaign: str, *words: str) -> Path:
    """Freeze a plan for the lab's addresses; the campaign's folder."""
    made = tandem("plan", campaign, "--link-address", "10.99.10.1", "--freeze", str(results), "--json", *words)
    assert made.returncode == 0, made.stderr
    return Path(json.loads(made.stdout)["directory"])


@dataclass(frozen=True, kw_only=True)
class Machines:
    """The lab's machines by SSH, as anyone could reach them."""

    ssh_config: Path

    def run(self, machine: str, *argv: str) -> str:
        """The output of a command on tandem-<machine>; fails when the command does."""
        return subprocess.run(["ssh", "-F", str(self.ssh_config), f"tandem-{machine}", *argv], check=True, text=True,
                              capture_output=True, timeout=60).stdout

    def sysctls(self, machine: str) -> dict[str, str]:
        """Every sysctl that the bench could have changed, read by sysctl itself."""
        text = self.run(machine, "sysctl", "-a", "--pattern", "'^(net|vm|fs|kernel)'", "2>/dev/null")
        pairs = (line.partition(" = ")[::2] for line in text.splitlines() if " = " in line)
        return {key: value for key, value in pairs if not key.startswith(VOLATILE)}

    def active_units(self, machine: str) -> list[str]:
        """The bench's units that run now."""
        listed = self.run(machine, "systemctl", "list-units", "--plain", "--no-legend", "--state=active",
                          "'tandem-*'", "'postgresql@*-tandem*'")
        return [line.split()[0] for line in listed.splitlines()]


# What a kernel counts or draws anew at each reading is no setting.
VOLATILE = ("fs.dentry-state", "fs.inode", "fs.file-nr", "fs.aio-nr", "fs.quota", "kernel.random", "kernel.ns_last_pid",
            "kernel.pty.nr", "net.netfilter.nf_conntrack_count", "kernel.spl", "vm.stat", "fs.epoll", "kernel.tainted",
            "kernel.perf_event_max_sample_rate")


def runs_of(directory: Path) -> list[dict[str, Any]]:
    """The campaign's recorded runs, in order."""
    return [json.loads(path.read_text()) for path in sorted(directory.glob("runs/*/run.json"))]

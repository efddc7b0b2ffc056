"""Calling `python -m lab`, as an operator would, for the tests of the whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.base import tarball_of
from lab.config import load

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One lab.  `settings` are TANDEM_LAB_ variables, without that beginning."""

    directory: Path
    settings: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        own = {f"TANDEM_LAB_{key}": value for key, value in self.settings.items()}
        return {**os.environ, "TANDEM_LAB_DIRECTORY": str(self.directory), **own}

    @property
    def packed_base(self) -> Path:
        """Its packed base image; the cache may hold those of other labs too."""
        return tarball_of(load({}, self.environment))

    def command(self, *words: str, within: tuple[str, ...] = ()) -> list[str]:
        """The command line; `within` comes before it."""
        return [*within, self.python, "-m", "lab", *words]

    def call(self, *words: str, within: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*words, within=within),
            cwd=ROOT,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=300,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            self.command(*words),
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def do(self, *words: str, within: tuple[str, ...] = ()) -> dict[str, Any]:
        """Run a command that must succeed; its JSON."""
        name, *rest = words
        ended = self.call(name, "--json", *rest, within=within)
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    def states(self) -> dict[str, str]:
        """What each machine does, by its role."""
        found = json.loads(self.call("status", "--json").stdout)
        return {machine["group"]: machine["state"] for machine in found["machines"]}

    def name(self, role: str) -> str:
        """A machine's full name."""
        return f"{self.settings.get('PREFIX', 'tandem')}-{role}"

    def ssh(self, role: str, *argv: str, timeout_s: float = 30) -> str:
        """The output of a command in a machine; raises when SSH or the command fails."""
        argv = (
            "ssh",
            "-F",
            str(self.directory / "ssh_config"),
            "-o",
            "ControlPath=none",
            self.name(role),
            *argv,
        )
        return subprocess.run(argv, text=True, capture_output=True, timeout=timeout_s, check=True).stdout.strip()

    def in_namespace(self, role: str, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the host in a machine's network namespace."""
        return subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.name(role)}", *argv],
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )


def eventually(true: Callable[[], bool]) -> bool:
    """Wait until something holds; whether it came to that."""
    deadline = time.monotonic() + 30
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True

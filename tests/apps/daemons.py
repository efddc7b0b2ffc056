"""Start an app as its unit would: own virtual environment, planned command, agreed environment variables."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from collectors.plan import resolve_argv
from collectors.plan.model import Service

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "apps"
VENVS = ROOT / ".cache" / "test-venvs"
WORKERS = 2
STOP_S = 15


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A running daemon and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def alive(self) -> bool:
        """Whether its main process runs."""
        return self.process.poll() is None

    def output(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """Ask it to end, as systemd does; its exit status, or the negative signal that ended it."""
        self.process.terminate()
        return self.process.wait(timeout=STOP_S)


def identity_of(requirements: Path) -> str:
    """What an environment is named by: apps with the same requirements share one."""
    return hashlib.sha256(f"{sys.version}{requirements.read_text()}".encode()).hexdigest()[:16]


def environment_of(app: str) -> Path:
    """The app's virtual environment, made when its requirements have changed.

    uv makes one in a third of pip's time; pip is asked where uv cannot do it, as with an index that only pip knows.
    """
    requirements = APPS / app / "requirements.txt"
    folder = VENVS / identity_of(requirements)
    complete = folder / "complete"
    VENVS.mkdir(parents=True, exist_ok=True)
    with (VENVS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            remove_unused()
            venv.create(folder, clear=True)
            python, wanted = str(folder / "bin" / "python"), ["-r", str(requirements)]
            uv = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *wanted]
            pip = ["pip", "--python", python, "--quiet", "--disable-pip-version-check", "install", *wanted]
            if install(*uv) and (said := install(*pip)):
                raise AssertionError(f"the packages of {app} cannot be installed: {said}")
            complete.touch()
    return folder


def install(*words: str) -> str:
    """Run an installer of the tests' own environment; what it says when it fails, nothing otherwise."""
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    return (done.stderr[-800:] or "no reason given") if done.returncode else ""


def remove_unused() -> None:
    """Remove the environments that no app asks for any more."""
    used = {identity_of(path) for path in APPS.glob("*/requirements.txt")}
    for folder in VENVS.iterdir():
        if folder.is_dir() and folder.name not in used:
            shutil.rmtree(folder)


@contextmanager
def running(
    service: Service, port: int, database: dict[str, str], *, code: Path | None = None
) -> Iterator[Daemon]:
    """The service with two workers on 127.0.0.1; killed at the end when it still runs.

    `code` is a folder to run instead of the app's own.
    """
    environment_dir = str(environment_of(service.app))
    argv = resolve_argv(service, bind="127.0.0.1", port=port, workers=WORKERS, venv=environment_dir)
    environment = {
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TANDEM_BIND": "127.0.0.1",
        "TANDEM_PORT": str(port),
        "TANDEM_WORKERS": str(WORKERS),
        **database,
        **service.env,
    }
    with tempfile.TemporaryDirectory(prefix="tandem-daemon-") as folder:
        log = Path(folder) / "output"
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                env=environment,
                cwd=code or APPS / service.app,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield Daemon(process=process, log=log, port=port)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

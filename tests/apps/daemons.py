"""Start an app as its unit would: own virtual environment, planned command, agreed environment variables."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tandem_files import read_text

from collectors.plan import resolve_argv
from collectors.plan.model import Service
from tests.apps import nginx
from tests.apps.environments import APPS, ROOT, environment_of

__all__ = ["APPS", "ROOT", "STOP_S", "WORKERS", "Daemon", "running"]
WORKERS = 2
STOP_S = 30


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A running daemon and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def alive(self) -> bool:
        """Whether its main process runs."""
        return self.process.poll() is None

    def processes(self) -> set[int]:
        """Its processes: those of its session."""
        stats = (read_text(f"{folder}/stat") for folder in Path("/proc").iterdir() if folder.name.isdigit())
        words = [(stat.partition(" ")[0], stat.rpartition(")")[2].split()) for stat in stats if stat]
        return {int(pid) for pid, rest in words if rest[3] == str(self.process.pid) and rest[0] != "Z"}

    def output(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """Ask it to end, as systemd does; its exit status, or the negative signal that ended it."""
        self.process.terminate()
        return self.process.wait(timeout=STOP_S)


@contextmanager
def running(
    service: Service,
    port: int,
    database: dict[str, str],
    *,
    upstream: str | None = None,
    code: Path | None = None,
    apps: Path = APPS,
    workers: int = WORKERS,
) -> Iterator[Daemon]:
    """The service with its workers on 127.0.0.1, behind nginx where it says so; killed at the end when it still runs.

    `code` is a folder to run instead of the app's own, `apps` another folder of apps, `upstream` the slow page's
    address.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-daemon-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        venv, socket = str(environment_of(service, apps)), folder / "daemon.sock"
        argv = resolve_argv(service, bind="127.0.0.1", port=port, workers=workers, venv=venv, socket=str(socket))
        environment = {
            "PATH": os.defpath,
            "PYTHONDONTWRITEBYTECODE": "1",
            "TANDEM_BIND": "127.0.0.1",
            "TANDEM_PORT": str(port),
            "TANDEM_WORKERS": str(workers),
            **({"TANDEM_UPSTREAM": upstream} if upstream else {}),
            **database,
            **service.env,
        }
        if service.front:
            stack.enter_context(nginx.front(service, port, socket))
        log = folder / "output"
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                env=environment,
                cwd=code or apps / service.code,
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

"""Run pacer in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from pacer.cli import main
from pacer.clock import wake_exactly
from pacer.histogram import Histogram
from tests.pacer.servers import serving

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "docs" / "pacer-result.schema.json"


@dataclass
class Ran:
    """What a call of pacer left behind; `result` is its JSON when it printed some."""

    status: int
    out: str
    err: str
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.result["counts"]
        return counts

    @property
    def failures(self) -> dict[str, int]:
        """The classes that happened."""
        return {name: count for name, count in self.result["failures"].items() if count}

    @property
    def verdict(self) -> str:
        return str(self.result["validity"]["verdict"])

    def broken(self) -> list[str]:
        """The checks that are not ok."""
        return [check["name"] for check in self.result["validity"]["checks"] if not check["ok"]]

    def percentile_ns(self, tag: str, percent: str) -> int:
        """Any percentile of a distribution, known values only."""
        value = Histogram.decode(self.result["histograms"][tag]).percentile(percent)
        assert value is not None
        return value

    def balanced(self) -> bool:
        counts = self.counts
        ended = counts["ok"] + counts["http_errors"] + counts["failed"] + counts["unfinished"]
        return counts["scheduled"] == ended and counts["failed"] == sum(self.result["failures"].values())


def start(*arguments: str | float | Path) -> Running:
    """Start pacer in a process made from this one, which saves the time of starting Python.

    It hears SIGHUP even where these tests run behind nohup.
    """
    return Running([str(argument) for argument in arguments])


class Running:
    """A call of pacer under way."""

    def __init__(self, arguments: list[str]) -> None:
        self._files = contextlib.ExitStack()
        self.out: TextIO = self._files.enter_context(tempfile.TemporaryFile("w+"))     # noqa: SIM115 - it is
        self.err: TextIO = self._files.enter_context(tempfile.TemporaryFile("w+"))     # noqa: SIM115 - it is
        self.pid = os.fork()
        if self.pid == 0:
            status = 99
            try:
                status = self._child(arguments)
            finally:
                os._exit(status)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, self.pid, -10)      # more of a busy machine's time

    def _child(self, arguments: list[str]) -> int:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for number, file in ((1, self.out), (2, self.err)):
            os.dup2(file.fileno(), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w") for number in (1, 2))
        try:
            return main(arguments)
        except BaseException:
            traceback.print_exc()
            return 98
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def first_error_line(self) -> str:
        """Wait for a line on standard error."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            line, end, _rest = self._read(self.err).partition("\n")
            if end:
                return line
            time.sleep(0.02)
        return ""

    def finish(self) -> Ran:
        """Wait for the end."""
        deadline = time.monotonic() + 60
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        while pid == 0:
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        ran = Ran(status=os.waitstatus_to_exitcode(status), out=self._read(self.out), err=self._read(self.err))
        self._files.close()
        if ran.out.startswith("{"):
            ran.result = json.loads(ran.out)
        return ran

    @staticmethod
    def _read(file: TextIO) -> str:
        return os.pread(file.fileno(), 1 << 24, 0).decode()


def pacer(*arguments: str | float | Path) -> Ran:
    """Run pacer to its end."""
    return start(*arguments).finish()


def load(*arguments: str | float | Path) -> Ran:
    """Run a load that has to come to a result, whose books have to balance."""
    ran = pacer("--format", "json", *arguments)
    assert ran.result, f"no result, status {ran.status}: {ran.err}"
    assert ran.balanced(), ran.result["counts"]
    return ran


@contextlib.contextmanager
def urgently() -> Iterator[None]:
    """Run what is started inside before everything else on this machine, where that is allowed: light loads only."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


class Metronome:
    """The simplest even generator there can be, in a process of its own: sleep until it is time, send, read nothing."""

    def __init__(self, url: str, rate: int, seconds: int, connections: int) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                with contextlib.suppress(PermissionError):
                    os.setpriority(os.PRIO_PROCESS, 0, -10)
                wake_exactly()
                self._beat(int(url.rpartition(":")[2]), rate, seconds, connections)
            finally:
                os._exit(0)

    @staticmethod
    def _beat(port: int, rate: int, seconds: int, connections: int) -> None:
        sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        begin = time.monotonic() + 0.1
        for number in range(rate * seconds):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            sockets[number % connections].send(b"GET / HTTP/1.1\r\n\r\n")

    def finish(self) -> None:
        """Wait for the end."""
        os.waitpid(self.pid, 0)


@dataclass(frozen=True)
class Scenario:
    """A server's behaviour (with its number, where it takes one) and the load for it."""

    behaviour: str
    arguments: tuple[str | int, ...]
    value: float = 0


def run_together(scenarios: dict[str, Scenario], *, at_once: int = 4) -> dict[str, Ran]:
    """Run light loads several at a time, each with a server of its own; return what each came to."""
    done: dict[str, Ran] = {}
    names = list(scenarios)
    for first in range(0, len(names), at_once):
        with urgently(), contextlib.ExitStack() as servers:
            running = {}
            for name in names[first:first + at_once]:
                scenario = scenarios[name]
                url = servers.enter_context(serving(scenario.behaviour, scenario.value))
                running[name] = start("--format", "json", *scenario.arguments, f"{url}/")
            done |= {name: process.finish() for name, process in running.items()}
    for name, ran in done.items():
        assert ran.result, f"{name}: no result, status {ran.status}: {ran.err}"
        assert ran.balanced(), f"{name}: {ran.result['counts']}"
    return done

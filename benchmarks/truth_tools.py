"""Run one load generator against a server; return the latency it tells, its command line and its version."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.speed_tools import environment, python
from pacer.histogram import Histogram, rank_of

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / ".cache" / "benchmark-tools"       # npm install --prefix .cache/benchmark-tools autocannon
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class NotAvailable(Exception):  # noqa: N818 - it is no error
    """A tool cannot do this here; the text says why."""


@dataclass(kw_only=True)
class Told:
    """What a tool says. `result` is pacer's whole result."""

    command: str
    p99_s: float | None = None
    result: dict[str, Any] = field(default_factory=dict)

    def percentile_s(self, percent: str) -> float:
        """Return any percentile of pacer's corrected latency."""
        value = Histogram.decode(self.result["histograms"]["corrected"]).percentile(percent)
        if value is None:
            raise NotAvailable("no answer")
        return value / 1e9


@dataclass(frozen=True)
class Load:
    """What is asked of a tool: requests a second, over so many connections, for so many seconds."""

    rate: int
    connections: int
    seconds: int


Pin = Callable[[list[str]], list[str]]


def run_pacer(pin: Pin, url: str, *options: str | float) -> Told:
    """Run pacer from this tree."""
    command = [python(), "-m", "pacer", "--format", "json", *map(str, options), f"{url}/"]
    done = subprocess.run(pin(command), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise NotAvailable(done.stderr.strip() or f"exit status {done.returncode}")
    told = Told(command=" ".join(["pacer", *command[3:-1], "URL"]), result=json.loads(done.stdout))
    told.p99_s = told.percentile_s("99")
    return told


def run_wrk(pin: Pin, url: str, load: Load) -> Told:
    """wrk has no rate: a closed loop, as fast as the server answers."""
    command = [_found("wrk", "apt-get install wrk"), "-t", "1", "-c", str(load.connections), "-d", f"{load.seconds}s",
               "--latency"]
    out = _output(pin, [*command, f"{url}/"])
    return Told(command=_shown(command), p99_s=_duration(out, r"^\s+99%\s+([\d.]+)(us|ms|s|m)"))


def run_h2load(pin: Pin, url: str, load: Load) -> Told:
    """h2load's own log has each request's time."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [_found("h2load", "apt-get install nghttp2-client"), "--h1", "-t", "1", "-c", str(load.connections),
                   f"--rps={load.rate / load.connections:g}", "-D", str(load.seconds)]
        _output(pin, [*command, f"--log-file={log}", f"{url}/"])
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    if not times:
        raise NotAvailable("its log is empty")
    return Told(command=_shown([*command, "--log-file=LOG"]), p99_s=times[rank_of("99", len(times)) - 1] / 1e6)


def run_hey(pin: Pin, url: str, load: Load) -> Told:
    """-q is the rate of one connection."""
    each = f"{load.rate / load.connections:g}"
    command = [_found("hey", "apt-get install hey"), "-c", str(load.connections), "-q", each, "-z", f"{load.seconds}s"]
    return Told(command=_shown(command),
                p99_s=_duration(_output(pin, [*command, f"{url}/"]), r"^\s+99%+ in ([\d.]+) (s)ecs"))


def run_autocannon(pin: Pin, url: str, load: Load) -> Told:
    """-R is the rate of all connections; it corrects latencies for coordinated omission by its own account."""
    local = SCRATCH / "node_modules" / ".bin" / "autocannon"
    name = str(local) if local.exists() else _found(
        "autocannon", f"npm install --prefix {SCRATCH.relative_to(ROOT)} autocannon")
    command = [name, "-c", str(load.connections), "-R", str(load.rate), "-d", str(load.seconds), "--json"]
    out = _output(pin, [*command, f"{url}/"])
    return Told(command=_shown(command), p99_s=json.loads(out[out.index("{"):])["latency"]["p99"] / 1e3)


OTHERS: dict[str, Callable[[Pin, str, Load], Told]] = {
    "wrk": run_wrk, "h2load": run_h2load, "hey": run_hey, "autocannon": run_autocannon}


def versions() -> dict[str, str]:
    """Return the version of each tool that is there."""
    found = {}
    for name, argument in (("wrk", "-v"), ("h2load", "--version"), ("autocannon", "--version")):
        local = SCRATCH / "node_modules" / ".bin" / name
        path = str(local) if local.exists() else shutil.which(name)
        if path is not None:
            done = subprocess.run([path, argument], capture_output=True, text=True, check=False)
            lines = [line for line in (done.stdout + done.stderr).splitlines() if re.search(r"\d\.\d", line)]
            found[name] = lines[0].split("  ")[0].strip() if lines else "unknown"
    if shutil.which("hey"):
        done = subprocess.run(["dpkg-query", "-Wf", "${Version}", "hey"], capture_output=True, text=True, check=False)
        found["hey"] = f"hey {done.stdout}" if done.stdout else "unknown"
    return found


def _found(name: str, how: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise NotAvailable(f"not installed ({how})")
    return path


def _shown(command: list[str]) -> str:
    return " ".join([Path(command[0]).name, *command[1:], "URL"])


def _output(pin: Pin, command: list[str]) -> str:
    done = subprocess.run(pin(command), capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NotAvailable(f"exit status {done.returncode}" + (f": {lines[-1]}" if lines else ""))
    return done.stdout


def _duration(text: str, pattern: str) -> float:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise NotAvailable("its output shows no 99th percentile")
    return float(match[1]) * _UNITS_S[match[2]]

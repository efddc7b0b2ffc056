"""What benchmarks/slowdown.py measures: one small daemon under several names, on the lab, from a copy of the project.

All variants run the same code and differ in how often an empty loop turns for each request. The copy lies in a
temporary folder, so that neither the project nor its apps are touched.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Final

from benchmarks.common import ROOT
from benchmarks.speed_tools import CannotMeasure
from collectors.errors import PlanError
from collectors.load_runs import load_runs
from collectors.plan.ports import free_port
from collectors.results import ResultsFolder
from collectors.run import Run

APP: Final = "known"
SAME: Final = tuple(f"same-{number}" for number in range(1, 8))
SLOWER: Final[Mapping[str, float]] = {"slow-5": 0.05, "slow-10": 0.10}
"""Each slow variant's busy loop, as a share of the CPU time that one request takes without it."""
TURNING: Final = "calibration"
TURNS: Final = 20_000
"""So many turns are long enough for their time to be told apart from the request's own, and fit into one."""
CALIBRATION_BLOCKS: Final = 4
CALIBRATION: Final = "slowdown-calibration"
CAMPAIGN: Final = "slowdown"
DESCRIPTIONS: Final[Mapping[str, str]] = {
    CALIBRATION: "The CPU time of a request and of a busy loop",
    CAMPAIGN: "Identical daemons, and two slowed by a known busy loop",
}
CODE: Final = '''\
"""One endpoint on aiohttp.web, which turns an empty loop before each answer (BUSY: how often)."""

import os

from aiohttp import web

BUSY = int(os.environ["BUSY"])


async def index(_request: web.Request) -> web.Response:
    """Answer without touching the database."""
    for _ in range(BUSY):
        pass
    return web.json_response({"hello": "world"})


app = web.Application()
app.router.add_get("/index", index)
'''
SETTINGS: Final = """\
---
description: aiohttp on gunicorn, with a busy loop of a known length
launcher: gunicorn-aiohttp
module: app:app
port: $port
endpoints:
  index: {body_bytes: {empty-join: 18, populated: 18}, pool_size: 0}
pool_size: 0
variants:
  default: {env: {BUSY: 0}}
"""
VARIANT: Final = "  $name: {description: '$description', env: {BUSY: $turns}}\n"
ROUND: Final = """\
---
description: $description
profile: tuned
dataset: empty-join
workers: 1
blocks: $blocks
seed: 20261122
apps: [$apps]
rounds:
  closed:
    generator: wrk
    path: link
    connections: 16
    threads: 1
    warmup_s: 1
    duration_s: $seconds
    timeout_s: 10
    endpoints: [index]
"""
FORGET: Final = (
    f"rm -rf /etc/systemd/system/tandem-{APP}-*.service /opt/tandem/apps/{APP} /opt/tandem/venvs/{APP} "
    f"/opt/tandem/wheels/{APP}-*.tar; systemctl daemon-reload"
)


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long to measure, how many identical daemons, and what else bench.yml is told (its --extra-vars)."""

    blocks: int
    seconds: float
    same: int = len(SAME)
    extra: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """CPU time of one request without a loop, and of one turn of the loop, in microseconds."""

    plain_us: float
    turn_us: float

    def turns(self, share: float) -> int:
        """Return how many turns take this share of a request's CPU time."""
        return round(share * self.plain_us / self.turn_us)

    def words(self, share: float) -> str:
        """Return in words what a variant's loop is."""
        turns = self.turns(share)
        return (
            f"{turns} turns of {1000 * self.turn_us:.1f} ns for {share:.0%} of the {self.plain_us:.1f} us of CPU time "
            "that a request took"
        )


def calibration(runs: Sequence[Run]) -> Calibration:
    """Return what the calibration's runs say; CannotMeasure where they say too little."""
    costs: dict[str, list[float]] = {}
    for run in runs:
        if run.outcome == "measured" and run.cpu_per_request_us is not None:
            costs.setdefault(run.cell.service, []).append(run.cpu_per_request_us)
    plain, turning = (costs.get(f"{APP}-{name}", []) for name in (SAME[0], TURNING))
    if not plain or not turning:
        raise CannotMeasure("the calibration has no CPU time per request of both its daemons")
    plain_us = statistics.median(plain)
    turn_us = (statistics.median(turning) - plain_us) / TURNS
    if turn_us <= 0:
        raise CannotMeasure(f"the calibration's loop of {TURNS} turns took no CPU time: the machine is too busy")
    return Calibration(plain_us=plain_us, turn_us=turn_us)


def measure(effort: Effort) -> Path:
    """Calibrate, measure, put the lab back as it was, and return the campaign's folder; CannotMeasure without one."""
    if os.geteuid() != 0:
        raise CannotMeasure("the lab needs root")
    with _lab_as_found(), tempfile.TemporaryDirectory(prefix="tandem-slowdown-") as place:
        project, tried = copied(Path(place) / "project"), Path(place) / "results"
        _say(f"calibrating, {CALIBRATION_BLOCKS} blocks of 2 runs")
        variants = {SAME[0]: ("no loop", 0), TURNING: (f"{TURNS} turns", TURNS)}
        write_app(project, variants)
        write_campaign(project, CALIBRATION, list(variants), replace(effort, blocks=CALIBRATION_BLOCKS))
        found = calibration(load_runs(ResultsFolder(_bench(project, CALIBRATION, tried, effort.extra)))[0])
        variants = dict.fromkeys(SAME[: effort.same], ("no loop", 0))
        variants |= {name: (found.words(share), found.turns(share)) for name, share in SLOWER.items()}
        for name, (words, _turns) in variants.items():
            _say(f"{name}: {words}")
        write_app(project, variants)
        write_campaign(project, CAMPAIGN, list(variants), effort)
        return _bench(project, CAMPAIGN, ROOT / "results", effort.extra)


def copied(place: Path) -> Path:
    """Copy what git knows or would add, as it is now, and return the copy; wheels and tools are the project's own."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise CannotMeasure(f"{ROOT}: git does not list its files: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():                     # one that was removed is still listed
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    (ROOT / ".cache").mkdir(exist_ok=True)
    (place / ".cache").symlink_to(ROOT / ".cache")
    return place


def write_app(project: Path, variants: Mapping[str, tuple[str, int]]) -> None:
    """Write the daemon's folder; each variant has a description and the number of turns."""
    folder = project / "apps" / APP
    if folder.exists():
        shutil.rmtree(folder)
    try:
        port = free_port(project / "apps")
    except PlanError as full:
        raise CannotMeasure(str(full)) from None
    folder.mkdir()
    rows = [Template(VARIANT).substitute(name=name, description=words, turns=turns)
            for name, (words, turns) in variants.items()]
    (folder / "app.yml").write_text(Template(SETTINGS).substitute(port=port) + "".join(rows), encoding="utf-8")
    (folder / "app.py").write_text(CODE, encoding="utf-8")
    shutil.copy2(project / "apps" / "aiohttp" / "requirements.txt", folder / "requirements.txt")


def write_campaign(project: Path, name: str, variants: Sequence[str], effort: Effort) -> None:
    """Write a campaign of one closed round."""
    apps = ", ".join(f'"{APP}:{variant}"' for variant in variants)
    text = Template(ROUND).substitute(description=DESCRIPTIONS[name], blocks=effort.blocks, apps=apps,
                                      seconds=f"{effort.seconds:g}")
    (project / "campaigns" / f"{name}.yml").write_text(text, encoding="utf-8")


def _bench(project: Path, campaign: str, results: Path, extra: Sequence[str]) -> Path:
    """Run a campaign to its end and return its folder; CannotMeasure where it made none. How it ended is shown: runs
    that were not measured are for whoever reads the folder."""
    latest = results / "latest"
    before = latest.resolve() if latest.is_symlink() else None
    words = [f"campaign={campaign}", f"tandem_results_root={results}", "canaries=false", *extra]
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "bench.yml"]
    for word in words:
        command += ["--extra-vars", word]
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    with subprocess.Popen(command, cwd=project, env={**os.environ, "PATH": path}) as child:
        try:
            status = child.wait()
        except SystemExit:
            child.terminate()                           # it puts the machines back before it ends
            raise
    made = latest.resolve() if latest.is_symlink() else None
    if made is None or made == before or not made.name.startswith(f"{campaign}-"):
        raise CannotMeasure(f"the campaign {campaign} left no results (bench.yml ended with {status})")
    if status != 0:
        _say(f"bench.yml ended with {status}; {made} is read all the same")
    return made


@contextmanager
def _lab_as_found() -> Iterator[None]:
    """Take the daemon off the lab in the end, and switch the lab off if it was off."""
    was_up = _lab("status").returncode == 0
    try:
        yield
    finally:
        if _lab("status").returncode == 0:
            forgot = _lab("sh", "server", "sh", "-c", FORGET)
            if forgot.returncode != 0:
                _say(f"the daemon {APP} is still installed on the lab's server: {forgot.stderr.strip()}")
        if not was_up:
            _lab("down")


def _lab(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "lab", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def _say(line: str) -> None:
    print(f"benchmarks.slowdown: {line}", flush=True)

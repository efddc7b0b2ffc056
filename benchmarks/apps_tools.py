"""The bench's own daemons and plain ones of the same framework, started alike, for benchmarks/apps.py."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import urlopen

import yaml

from benchmarks.common import ROOT
from benchmarks.speed_tools import GENERATOR_CPU, SERVER_CPU, CannotMeasure
from collectors.plan import expand_services
from collectors.plan.installable import not_installable
from collectors.plan.model import Service
from collectors.plan.project import app_names

# What the tests' own environments and daemons import from.
sys.path.extend(str(ROOT / "plugins" / folder) for folder in ("modules", "module_utils"))
from tests.apps import postgres
from tests.apps.daemons import APPS, Daemon, running
from tests.apps.environments import SYSTEM_PYTHON, environment_of, version_of

HELLO = ROOT / "benchmarks" / "hello"
ENDPOINTS = ("index", "agents")
SIDES = ("plain", "fair")
WORKERS = 1
_DATABASE = "tandem_benchmark"
_READY_S = 60.0
_CPU_CLOCK = 2      # of a whole process, as clock_getcpuclockid(3) makes it of a process id


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A fair daemon and its plain counterpart, both standing: a URL for each side and endpoint, and its body's size."""

    daemons: dict[str, Daemon]
    urls: dict[tuple[str, str], str]
    body_bytes: dict[tuple[str, str], int]


def fair_services() -> list[Service]:
    """Every fair variant of apps/. Raises PlanError for what is wrong in one."""
    names = []
    for app in app_names(APPS):
        variants = yaml.safe_load((APPS / app / "app.yml").read_text(encoding="utf-8"))["variants"]
        names += [f"{app}:{variant}" for variant, said in variants.items() if said.get("kind") == "fair"]
    return list(expand_services(APPS, names))


def obstacle(service: Service) -> str | None:
    """Return why a service cannot be measured here, in one sentence; None when it can."""
    if not (HELLO / service.code / "app.py").exists():
        return f"it has no plain counterpart, benchmarks/hello/{service.code}/app.py"
    return not_installable(service.python, installed=platform.python_version(), system=version_of(SYSTEM_PYTHON))


def prepare(service: Service) -> None:
    """Make the virtual environment of a service, where it is not there yet."""
    environment_of(service)


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Run PostgreSQL beside the generator, so that the daemons' core is theirs alone; yield the PG* environment."""
    with on_cpu(GENERATOR_CPU), postgres.running() as cluster:
        cluster.load(_DATABASE, [ROOT / "roles" / "dataset" / "files" / "agents.sql"])
        yield cluster.environment(_DATABASE)


@contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """Bind what is started meanwhile to one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def pair(service: Service, environment: dict[str, str]) -> Iterator[Pair]:
    """Run both sides on the server's CPU by the same command, until both answer the same."""
    both = {"plain": HELLO / service.code, "fair": None}
    with ExitStack() as stack:
        with on_cpu(SERVER_CPU):
            daemons = {side: stack.enter_context(
                running(service, postgres.free_port(), environment, code=both[side], workers=WORKERS))
                for side in SIDES}
        urls = {(side, endpoint): f"http://127.0.0.1:{daemons[side].port}/{endpoint}"
                for side in SIDES for endpoint in ENDPOINTS}
        bodies = {key: _answer(url, daemons[key[0]], f"{service.id}, {key[0]}") for key, url in urls.items()}
        for endpoint in ENDPOINTS:
            if json.loads(bodies["plain", endpoint]) != json.loads(bodies["fair", endpoint]):
                raise CannotMeasure(f"{service.id}: plain and fair differ in what they answer to /{endpoint}")
        yield Pair(daemons=daemons, urls=urls, body_bytes={key: len(body) for key, body in bodies.items()})


def cpu_ns(daemon: Daemon) -> int:
    """Return the CPU time of a daemon's processes until now, by the kernel's clock of each: what others take is not in
    it, and threads that have ended are.
    """
    return sum(_process_ns(process) for process in daemon.processes())


def _process_ns(process: int) -> int:
    try:
        return time.clock_gettime_ns(~process << 3 | _CPU_CLOCK)
    except OSError:     # it has ended
        return 0


def _answer(url: str, daemon: Daemon, who: str) -> bytes:
    """Return the body of the first good answer."""
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            with urlopen(url, timeout=_READY_S) as reply:
                return bytes(reply.read())
        except HTTPError as error:
            raise CannotMeasure(f"{who} answers {error.code} to {url}: {daemon.output()[-500:]}") from error
        except OSError as error:
            if time.monotonic() > deadline or not daemon.alive():
                raise CannotMeasure(f"{who} does not answer to {url}: {daemon.output()[-500:]}") from error
            time.sleep(0.02)

"""Results folders to compare: known effects, machines with facts, little noise."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from collectors.compare import Comparison
from collectors.compare.model import Delta
from collectors.record import record
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Campaign, Given, plan, write
from tests.unit.collectors.tool_output import Snapshot, pacer_result, wrk_text

RATE = 1200.0
NOISE = 0.01
FACTS: dict[str, Any] = {
    "schema_version": 1,
    "label": "virtual lab",
    "architecture": "x86_64",
    "kernel": "6.1.0-44-amd64",
    "kernel_command_line": {"quiet": True, "mitigations": "auto"},
    "distribution": "Debian 12.15",
    "processor": ["0", "GenuineIntel", "A processor"],
    "processors_usable": 1,
    "memory_mib": 16000,
    "python": "3.11.2",
}
SETTINGS = {"net.core.somaxconn": "4096", "kernel.random.uuid": "never twice the same", "fs.file-nr": "781 0 99"}

Effect = Callable[[str], float]
"""What each service's speed is multiplied with."""


def machines(directory: Path, **changed: object) -> None:
    """Facts and settings of both machines; `server` changes the server's facts, `settings` its settings, `wake_up_us`
    how soon the client's processors wake up."""
    server = changed.get("server")
    settings = changed.get("settings")
    for machine in ("server", "client"):
        facts = {**FACTS, "machine": machine, "hostname": f"tandem-{machine}", "bench_address": "10.99.10.1"}
        values: dict[str, Any] = dict(SETTINGS)
        if machine == "server":
            facts |= server if isinstance(server, dict) else {}
            values |= settings if isinstance(settings, dict) else {}
        write(directory / "machines" / f"{machine}-facts.json", facts)
        if machine == "client":
            awake = {"schema_version": 1, "machine": machine, "wake_up_us": changed.get("wake_up_us", 0)}
            write(directory / "machines" / "client-awake.json", awake)
        write(directory / "machines" / f"settings-{machine}-during.json", {"schema_version": 1, "values": values})
    rows = [{"name": "shared_buffers", "setting": "65536", "unit": "8kB"}]
    write(directory / "machines" / "postgresql.json", {"schema_version": 1, "settings": rows})


def document(
    *, services: Sequence[str] = ("django",), rounds: Sequence[str] = ("calibration",), blocks: int = 10
) -> dict[str, Any]:
    """A frozen plan of one endpoint."""
    found = plan(rounds=rounds, blocks=blocks, services=services)
    for load in found["rounds"].values():
        load["endpoints"] = ["agents"]
    found["runs"] = [run for run in found["runs"] if run["endpoint"] == "agents"]
    return found


def make(
    directory: Path,
    *,
    speed: float | Effect = 1.0,
    seed: int = 1,
    noise: float = NOISE,
    special: Mapping[tuple[str, int], Given | None] | None = None,
    plan_: dict[str, Any] | None = None,
    **machine: object,
) -> ResultsFolder:
    """A campaign that is measured and recorded; `special` replaces runs by (service, block), None leaves one out."""
    campaign = Campaign(directory, plan_ or document())
    machines(directory, **machine)
    source = random.Random(seed)
    folder = ResultsFolder(directory)
    for run in campaign.document["runs"]:
        factor = speed(run["service"]) if callable(speed) else speed
        usual = given_of(run, factor * source.uniform(1 - noise, 1 + noise))
        given = (special or {}).get((run["service"], run["block"]), usual)
        if given is not None:
            campaign.leave(run, given)
            record(folder, run["id"])
    return ResultsFolder(directory)


def given_of(run: Mapping[str, Any], factor: float) -> Given:
    """What a run leaves behind on a daemon so many times as fast as usual."""
    if run["round"] == "calibration":
        return Given(wrk=wrk_text(rate=RATE * factor, mean_ms=64_000 / (RATE * factor)), server=Snapshot())
    return Given(pacer=pacer_result(p50_us=900 / factor), server=Snapshot(daemon_cpu_s=4 / factor))


def changed(folder: ResultsFolder, directory: Path, change: Callable[[dict[str, Any]], None]) -> ResultsFolder:
    """A copy of a campaign with another plan."""
    shutil.copytree(folder.directory, directory)
    path = directory / "campaign.json"
    plan_: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    change(plan_)
    write(path, plan_)
    return ResultsFolder(directory)


def delta_of(found: Comparison, metric: str) -> Delta:
    """The first answer about a metric."""
    return next(delta for cell in found.cells for delta in cell.deltas if delta.metric == metric)

"""A campaign that goes between two profiles, on the lab: what held during each run, and that all is back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.bench import CALM, ROOT, Machines, play, runs_of, tandem

pytestmark = pytest.mark.lab

KEY = "net.core.somaxconn"
WANTED = {"narrow": ("1111", "5MB", 4096), "wide": ("2222", "6MB", 8192)}
"""For each profile: the kernel's key, PostgreSQL's work_mem, open files."""
PROFILE = """\
description: a profile of a test
kernel: {{net.core.somaxconn: {0}, net.ipv4.tcp_tw_recycle: {{value: 1, optional: true}}}}
limits: {{nofile: {2}}}
postgresql: {{work_mem: {1}}}
refused: {{}}
"""
CAMPAIGN = """\
description: a campaign of a test
profiles: [narrow, wide]
dataset: empty-join
workers: 2
blocks: 2
seed: 4
apps: [flask]
rounds:
  closed:
    generator: wrk
    path: localhost
    connections: 8
    threads: 1
    warmup_s: 0
    duration_s: 1
    timeout_s: 10
    endpoints: [index]
"""


def frozen(folder: Path) -> Path:
    """The campaign's results folder, of a project with the shipped apps and profiles of its own."""
    for name in ("campaigns", "profiles"):
        (folder / name).mkdir(parents=True)
    (folder / "apps").symlink_to(ROOT / "apps")
    (folder / "campaigns/two.yml").write_text(CAMPAIGN)
    for name, values in WANTED.items():
        (folder / f"profiles/{name}.yml").write_text(PROFILE.format(*values))
    words = ["plan", "two", "--link-address", "10.99.10.1", "--freeze", str(folder / "results"), "--json"]
    made = subprocess.run([sys.executable, "-m", "collectors", *words], cwd=folder, text=True, check=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60)
    return Path(json.loads(made.stdout)["directory"])


@contextmanager
def watched(machines: Machines, machine: str, into: Path) -> Iterator[None]:
    """Look at the key ten times a second, with nothing of ours: lines of the time and the value."""
    loop = f"while :; do echo $(date +%s.%N) $(cat /proc/sys/{KEY.replace('.', '/')}); sleep 0.1; done"
    command = ["ssh", "-F", str(machines.ssh_config), f"tandem-{machine}", loop]
    with into.open("w") as file, subprocess.Popen(command, stdout=file, stdin=subprocess.DEVNULL) as child:
        try:
            yield
        finally:
            child.terminate()


def during(folder: Path, seen: Path) -> set[str]:
    """The values seen while a run's load ran."""
    ended = json.loads((folder / "load-exit.json").read_text())
    started = datetime.fromisoformat(ended["started_utc"]).timestamp()
    looks = (line.split() for line in seen.read_text().splitlines() if line.count(" ") == 1)
    return {value for time, value in looks if started <= float(time) <= started + ended["wall_s"]}


def tags(machines: Machines) -> str:
    """The steps; a lab on which the daemon is at home already is not provisioned again."""
    units = machines.run("server", "systemctl", "list-unit-files", "--plain", "--no-legend", "'tandem-flask.service'")
    return ("" if units.strip() else "provision,") + "tune,measure,restore,report"


def test_each_run_has_its_profile_in_force_and_the_machines_are_put_back(lab: Path, tmp_path: Path) -> None:
    machines, directory = Machines(ssh_config=lab / "ssh_config"), frozen(tmp_path / "project")
    before = {name: machines.sysctls(name) for name in ("server", "client")}
    with watched(machines, "server", tmp_path / "seen"):
        ended = play("bench.yml", "-e", f"resume={directory}", "-e", "wake_up_us=", *CALM, "--tags", tags(machines))
    assert ended.returncode == 0, ended.stdout
    assert json.loads((directory / "machines" / "client-awake.json").read_text())["wake_up_us"] is None

    runs = runs_of(directory)
    assert [run["outcome"] for run in runs] == ["measured"] * 4
    assert sorted(run["cell"]["profile"] for run in runs) == ["narrow", "narrow", "wide", "wide"]
    for run in runs:
        folder, (value, memory, files) = directory / "runs" / run["id"], WANTED[run["cell"]["profile"]]
        assert during(folder, tmp_path / "seen") == {value}, "what somebody else saw"
        server, client = (json.loads((folder / f"settings-{name}.json").read_text()) for name in ("server", "client"))
        for found in (server, client):
            assert (found["kernel"][KEY], found["kernel_after"][KEY], found["faults"]) == (value, value, [])
            assert [row["key"] for row in found["unavailable"]] == ["net.ipv4.tcp_tw_recycle"]
        assert (server["postgresql"], server["nofile"]) == ({"work_mem": memory}, files)
        assert not [each for verdict in run["verdicts"] for each in verdict["evidence"] if KEY in each["what"]]

    for name in ("server", "client"):
        assert machines.sysctls(name) == before[name]
        assert machines.active_units(name) == []
        left = machines.run(name, "find", "/run/systemd/system", "-path", "'*/tandem-.service.d/*'")
        assert left == "", "the profile's open files for daemons"
        restored = json.loads((directory / "machines" / f"settings-{name}-restored.json").read_text())["report"]
        assert restored["restored"]
        assert {"key": KEY, "from": "1111", "to": before[name][KEY]} in restored["put_back"]
    said = tandem("summarise", str(directory)).stdout
    assert "profiles narrow, wide" in said

"""The whole way through, on the lab: what an operator types, sees and is left with."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.bench import (
    CALM,
    SHORT_SET,
    SHORT_WORDS,
    Machines,
    freeze,
    lab_command,
    play,
    play_until,
    runs_of,
    tandem,
)

pytestmark = pytest.mark.lab


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One finished smoke campaign and the machines' sysctls around it."""

    directory: Path
    said: str
    status: int
    before: dict[str, dict[str, str]]
    after: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def machines(lab: Path) -> Machines:
    """The lab's machines; `lab` is its folder."""
    return Machines(ssh_config=lab / "ssh_config")


@pytest.fixture(scope="module")
def smoke(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """`ansible-playbook bench.yml` with the smoke campaign."""
    results = tmp_path_factory.mktemp("results")
    before = {name: machines.sysctls(name) for name in ("server", "client")}
    ended = play("bench.yml", "-e", "campaign=smoke", "-e", f"tandem_results_root={results}", *CALM)
    after = {name: machines.sysctls(name) for name in ("server", "client")}
    return Campaign(directory=(results / "latest").resolve(), said=ended.stdout, status=ended.returncode,
                    before=before, after=after)


def test_the_campaign_ends_with_a_table_and_the_reports_path(smoke: Campaign) -> None:
    assert smoke.status == 0, smoke.said
    assert f"{smoke.directory}/report.html" in smoke.said
    for service in ("django", "flask", "api-hour"):
        assert re.search(rf"^\s+{service} ", smoke.said, re.MULTILINE)


def test_every_run_was_measured_and_carries_a_verdict(smoke: Campaign) -> None:
    runs = runs_of(smoke.directory)
    assert len(runs) == 9
    assert [run["outcome"] for run in runs] == ["measured"] * 9
    assert all(run["verdicts"] for run in runs)
    assert len((smoke.directory / "journal.jsonl").read_text().splitlines()) == 9


def test_progress_names_each_run_and_the_time_left(smoke: Campaign) -> None:
    shown = re.findall(r"Run (\d) of 9: .* left$", smoke.said, re.MULTILINE)
    assert shown == [str(number) for number in range(1, 10)]


def test_raw_outputs_are_kept_and_the_right_tool_made_them(smoke: Campaign) -> None:
    for folder in (smoke.directory / "runs").iterdir():
        tool = "wrk" if "calibration" in folder.name else "pacer"
        assert tool in (folder / "command.txt").read_text()
        assert (folder / "contract.json").is_file()
        assert (folder / "daemon.log").read_text().count("] Starting gunicorn") <= 1
        assert "Booting worker" in (folder / "daemon.log").read_text()
        assert (folder / "load.json").is_file() == (tool == "pacer")


def test_link_was_measured_both_ways_and_both_at_once(smoke: Campaign) -> None:
    link = json.loads((smoke.directory / "link" / "before" / "link.json").read_text())
    assert link["ok"] is (not link["findings"])
    assert {finding["kind"] for finding in link["findings"]} <= {"fatal-unsteady"}, "a busy host explains only that"
    for key in ("forward_mbit", "reverse_mbit", "bidir_forward_mbit", "bidir_reverse_mbit"):
        assert 300 * 0.93 <= link[key] < 1000
    assert (smoke.directory / "link" / "after" / "link.json").is_file()


def test_the_floor_was_measured_over_the_link_before_the_runs(smoke: Campaign) -> None:
    folder = smoke.directory / "link"
    floor = json.loads((folder / "before" / "floor.json").read_text())
    assert floor["open"]["target"]["url"] == "http://10.99.10.1:5202/"
    assert floor["open"]["load"]["rate_per_s"] == 1000
    assert floor["closed"]["counts"]["ok"] > 0
    assert not (folder / "after" / "floor.json").exists()
    summary = json.loads((smoke.directory / "summary.json").read_text())
    assert summary["floor"]["latency_p50_us"] == floor["floor"]["corrected_p50_ns"] / 1000
    assert "the generator and the link alone: p50 " in smoke.said


def test_the_clients_processors_were_kept_awake_and_may_sleep_again(smoke: Campaign, machines: Machines) -> None:
    has = machines.run("client", "find", "/dev", "-maxdepth", "1", "-name", "cpu_dma_latency")
    kept = json.loads((smoke.directory / "machines" / "client-awake.json").read_text())
    assert kept["wake_up_us"] == (0 if has else None)
    if has:
        now = machines.run("client", "od", "-An", "-td4", "-N4", "/dev/cpu_dma_latency")
        assert int(now) > 0


@pytest.mark.parametrize("machine", ["server", "client"])
def test_every_sysctl_is_back(smoke: Campaign, machine: str) -> None:
    assert smoke.after[machine] == smoke.before[machine]
    during = json.loads((smoke.directory / "machines" / f"settings-{machine}-during.json").read_text())
    changed = {key: value for key, value in during["values"].items() if smoke.before[machine].get(key, value) != value}
    assert changed["net.core.somaxconn"] == "65535"
    assert len(changed) >= 4


@pytest.mark.parametrize("machine", ["server", "client"])
def test_nothing_of_the_bench_runs_afterwards(smoke: Campaign, machines: Machines, machine: str) -> None:
    assert smoke.status == 0
    assert machines.active_units(machine) == []


def test_the_secret_stays_on_the_machine(smoke: Campaign, machines: Machines) -> None:
    secret = machines.run("server", "cat", "/etc/tandem/pgpass").strip().rpartition(":")[2]
    assert len(secret) >= 32
    assert machines.run("server", "stat", "-c", "%U:%a", "/etc/tandem/pgpass").strip() == "tandem:600"
    assert secret not in smoke.said
    for path in smoke.directory.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_summary_and_report_are_rebuilt_byte_for_byte(smoke: Campaign, tmp_path: Path) -> None:
    copy = tmp_path / smoke.directory.name
    shutil.copytree(smoke.directory, copy)
    made = [name for name in ("summary.json", "summary.md", "summary.csv", "report.html") if (copy / name).is_file()]
    assert len(made) == 4
    for name in made:
        (copy / name).unlink()
    assert tandem("report", str(copy)).returncode == 0
    for name in made:
        assert (copy / name).read_bytes() == (smoke.directory / name).read_bytes(), name


def test_a_second_provisioning_changes_nothing(smoke: Campaign) -> None:
    ended = play("playbooks/provision.yml", "-e", f"resume={smoke.directory}")
    assert ended.returncode == 0, ended.stdout
    counts = re.findall(r"(\d+) steps, (\d+) changed", ended.stdout)
    assert len(counts) >= 3
    assert all(changed == "0" for _, changed in counts), ended.stdout


def test_check_mode_passes_on_a_prepared_machine(smoke: Campaign) -> None:
    ended = play("playbooks/provision.yml", "--check", "-e", f"resume={smoke.directory}")
    assert ended.returncode == 0, ended.stdout


def test_restore_can_be_repeated(smoke: Campaign, machines: Machines) -> None:
    for _ in range(2):
        ended = play("playbooks/restore.yml")
        assert ended.returncode == 0, ended.stdout
    assert machines.sysctls("server") == smoke.before["server"]


def test_ctrl_c_puts_the_machines_back_and_the_campaign_goes_on_later(
    smoke: Campaign, machines: Machines, tmp_path: Path
) -> None:
    assert smoke.status == 0
    status, said = play_until(
        "Run 2 of 3", lambda group: os.killpg(group, signal.SIGINT), "bench.yml", "-e", "campaign=smoke",
        "-e", "apps=flask", "-e", f"tandem_results_root={tmp_path}", *CALM, *SHORT_WORDS,
        "--tags", "preflight,tune,measure,restore",
    )
    directory = (tmp_path / "latest").resolve()
    assert status != 0
    assert f"resume={directory}" in said
    assert len(runs_of(directory)) == 1
    for machine in ("server", "client"):
        assert machines.active_units(machine) == []
        assert machines.sysctls(machine) == smoke.before[machine]
    kept = {path: path.read_bytes() for path in directory.glob("runs/*/run.json")}
    ended = play("bench.yml", "-e", f"resume={directory}", *CALM, "--tags", "tune,measure,restore,report,verdict")
    assert ended.returncode == 0, ended.stdout
    assert [run["outcome"] for run in runs_of(directory)] == ["measured"] * 3
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_a_daemon_that_does_not_start_is_that_runs_outcome_and_the_campaign_goes_on(
    smoke: Campaign, machines: Machines, tmp_path: Path
) -> None:
    assert smoke.status == 0
    directory = freeze(tmp_path, "smoke", "--apps", "flask,django", *SHORT_SET)
    machines.run("server", "sed", "-i", "'1i raise SystemExit(3)'", "/opt/tandem/apps/flask/app.py")
    try:
        ended = play("bench.yml", "-e", f"resume={directory}", *CALM, "--tags", "tune,measure,restore,report,verdict")
    finally:
        machines.run("server", "sed", "-i", "'/^raise SystemExit(3)$/d'", "/opt/tandem/apps/flask/app.py")
    assert ended.returncode != 0
    outcomes = {(run["cell"]["service"], run["outcome"]) for run in runs_of(directory)}
    assert outcomes == {("flask", "did-not-start"), ("django", "measured")}
    log = next(directory.glob("runs/*flask*/daemon.log")).read_text()
    assert "Worker failed to boot" in log
    assert machines.active_units("server") == []


def test_a_lost_server_ends_the_campaign_and_keeps_what_was_measured(
    smoke: Campaign, machines: Machines, tmp_path: Path
) -> None:
    assert smoke.status == 0
    directory = freeze(tmp_path, "smoke", "--apps", "flask", *SHORT_SET)
    try:
        status, said = play_until(
            "Run 2 of 3", lambda _: lab_command("kill", "server"), "bench.yml", "-e", f"resume={directory}", *CALM,
            "--tags", "tune,measure,restore,report,verdict",
        )
    finally:
        lab_command("on", "server")
    assert status != 0
    runs = runs_of(directory)
    assert runs[0]["outcome"] == "measured"
    assert all(run["outcome"] != "measured" for run in runs[1:])
    assert "resume=" in said
    assert machines.active_units("client") == []
    ended = play("playbooks/restore.yml")
    assert ended.returncode == 0, ended.stdout
    assert machines.sysctls("server") == smoke.before["server"]


def test_a_slow_link_stops_the_campaign_with_the_numbers(smoke: Campaign, tmp_path: Path) -> None:
    assert smoke.status == 0
    directory = freeze(tmp_path, "smoke")
    ended = play("bench.yml", "-e", f"resume={directory}", "-e", "link_nominal_mbit=2500", "-e", "link_seconds=3",
                 "--tags", "link,measure,restore")
    assert ended.returncode != 0
    assert re.search(r"link carries \d+\.\d Mb/s to the server, at least 2325 of 2500 are needed", ended.stdout)
    assert runs_of(directory) == []

"""From a folder of raw files to run.json, whatever went wrong before."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.codec import from_json
from collectors.jsonio import read_object
from collectors.plan.pending import pending_runs
from collectors.record import append_journal, one_line, record
from collectors.results import ResultsFolder
from collectors.run import Run
from tests.unit.collectors.builders import Campaign, Given, link_raw, write
from tests.unit.collectors.tool_output import Snapshot, counters, pacer_result, wrk_text

SUSTAINED = ("flask", "agents", "sustained")


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return Campaign(tmp_path)


def recorded(
    campaign: Campaign, given: Given, cell: tuple[str, str, str] = SUSTAINED, *, without: tuple[str, ...] = ()
) -> Run:
    """Leave a run's files, some of them missing, record it, and read run.json back."""
    planned = campaign.run_of(*cell)
    where = campaign.leave(planned, given)
    for name in without:
        (where / name).unlink()
    run = record(ResultsFolder(campaign.directory), planned["id"])
    assert from_json(Run, read_object(where / "run.json"), file="run.json") == run
    return run


def test_a_measured_run(campaign: Campaign) -> None:
    run = recorded(campaign, Given(), ("api-hour", "index", "sustained"))
    assert (run.outcome, run.shown_verdict, run.ranked) == ("measured", "valid", True)
    assert run.load is not None
    assert (run.load.rate_asked_per_s, run.load.completed_per_s) == (400, 400)
    assert run.server is not None
    assert run.client is not None
    assert run.cpu_per_request_us == pytest.approx(8e6 / (10_000 + 1_200), abs=0.1)
    assert {file.path for file in run.raw_files} >= {
        "load.json",
        "stdout.txt",
        "contract.json",
        "counters/server-after.json",
    }
    assert all(len(file.sha256) == 64 for file in run.raw_files)
    assert one_line(run) == "api-hour index sustained: 400 asked, 400 got req/s, p99 3.60ms, valid"


def test_a_calibration(campaign: Campaign) -> None:
    run = recorded(campaign, Given(wrk=wrk_text(rate=640)), ("django", "index", "calibration"))
    assert one_line(run) == "django index calibration: 640 got req/s, p99 130ms, valid"
    assert run.client is None
    assert run.cpu_per_request_us == 1250.0


def test_the_journal_has_a_line_for_each(campaign: Campaign) -> None:
    recorded(campaign, Given())
    recorded(campaign, Given(died=True), ("django", "index", "light"))
    lines = (campaign.directory / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(json.loads(line)["outcome"], json.loads(line)["verdicts"]) for line in lines] == [
        ("measured", ["valid"]),
        ("died", []),
    ]


def test_the_run_is_on_the_disk_before_the_command_ends(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    )
    recorded(campaign, Given())
    names = [Path(path).name for path in synced]
    assert names[0].startswith(".run.json.")
    assert names[-1] == "journal.jsonl"


def test_a_torn_line_in_the_journal_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"id": 1}\n{"id"', encoding="utf-8")
    append_journal(path, '{"id": 3}')
    append_journal(path, '{"id": 4}')
    assert path.read_text(encoding="utf-8").splitlines() == ['{"id": 1}', '{"id"', '{"id": 3}', '{"id": 4}']


def test_a_recorded_run_is_no_longer_pending(campaign: Campaign) -> None:
    before = len(pending_runs(campaign.directory))
    recorded(campaign, Given(died=True))
    assert len(pending_runs(campaign.directory)) == before - 1


@pytest.mark.parametrize(
    ("given", "without", "outcome", "reason"),
    [
        (
            Given(contract_failure={"kind": "did-not-start", "message": "it did not start"}),
            (),
            "did-not-start",
            "it did not start",
        ),
        (
            Given(contract_failure={"kind": "not-installable", "message": "its packages exist for Python 3.10-3.12"}),
            (),
            "not-installable",
            "its packages exist for Python 3.10-3.12",
        ),
        (
            Given(contract_failure={"kind": "wrong-answer", "message": "50 rows, not 49"}),
            (),
            "wrong-answer",
            "50 rows, not 49",
        ),
        (
            Given(contract_failure={"kind": "timeout", "message": "no answer in 30 s"}),
            (),
            "wrong-answer",
            "no answer in 30 s",
        ),
        (Given(died=True), (), "died", "result signal"),
        (Given(timed_out=True), (), "generator-failed", "deadline"),
        (
            Given(exit_status=1, stderr="usage\nbad URL\n"),
            ("load.json",),
            "generator-failed",
            "status 1: bad URL",
        ),
        (
            Given(exit_status=2, stderr="pacer: cannot connect"),
            ("load.json",),
            "generator-failed",
            "cannot connect",
        ),
        (Given(), ("load.json",), "generator-failed", "left no result"),
        (Given(), ("load-exit.json", "load.json"), "unreachable", "no load-exit.json"),
        (Given(), ("contract.json",), "unreachable", "no contract.json"),
    ],
    ids=[
        "did not start",
        "not installable",
        "wrong answer",
        "no answer",
        "died",
        "deadline",
        "usage",
        "unreachable target",
        "no result",
        "client lost",
        "server lost",
    ],
)
def test_runs_that_went_wrong(
    campaign: Campaign, given: Given, without: tuple[str, ...], outcome: str, reason: str
) -> None:
    run = recorded(campaign, given, without=without)
    assert run.outcome == outcome
    assert reason in (run.outcome_reason or "")
    assert run.verdicts == ()
    assert not run.ranked
    assert one_line(run).startswith(f"flask agents sustained: {outcome}: ")


def test_no_numbers_where_no_load_was_generated(campaign: Campaign) -> None:
    run = recorded(campaign, Given(contract_failure={"kind": "did-not-start", "message": "no"}))
    assert (run.load, run.server, run.client, run.cpu_per_request_us) == (None, None, None, None)


@pytest.mark.parametrize("status", [0, 3, 4])
def test_pacers_own_doubts_are_still_measurements(campaign: Campaign, status: int) -> None:
    assert recorded(campaign, Given(exit_status=status)).outcome == "measured"


def test_an_interrupted_generator(campaign: Campaign) -> None:
    run = recorded(campaign, Given(pacer=pacer_result() | {"interrupted": "SIGTERM"}))
    assert (run.outcome, run.outcome_reason) == (
        "generator-failed",
        "the generator was interrupted by SIGTERM",
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("load.json", b'{"schema_version": 1,\n "tool": ', "load.json, line 2: broken JSON"),
        ("load.json", b"Running 30s test", "line 1"),
        ("load.json", b"\x00\xff", "not text in UTF-8"),
        ("contract.json", b"{", "contract.json, line 1"),
    ],
    ids=["truncated", "foreign", "bytes", "contract"],
)
def test_a_damaged_raw_file_is_the_runs_outcome(campaign: Campaign, name: str, content: bytes, said: str) -> None:
    planned = campaign.run_of(*SUSTAINED)
    where = campaign.leave(planned, Given())
    (where / name).write_bytes(content)
    run = record(ResultsFolder(campaign.directory), planned["id"])
    assert run.outcome == "unreadable"
    assert said in (run.outcome_reason or "")


def test_damaged_counters_cost_only_themselves(campaign: Campaign) -> None:
    planned = campaign.run_of(*SUSTAINED)
    where = campaign.leave(planned, Given())
    (where / "counters" / "server-after.json").write_text("{", encoding="utf-8")
    run = record(ResultsFolder(campaign.directory), planned["id"])
    assert (run.outcome, run.server) == ("measured", None)
    assert run.client is not None
    assert "server-after.json, line 1" in run.findings[0].advice


def test_the_link_is_the_ceiling(campaign: Campaign) -> None:
    link_raw(campaign.directory, mbit=941)
    main(["link", str(campaign.directory)])
    run = recorded(campaign, Given(server=Snapshot(tx_bytes=3_100_000_000)))
    assert run.kinds == ("network-bound",)
    assert run.ranked


def packed(where: Path, files: dict[str, bytes], name: str) -> None:
    where.mkdir(parents=True, exist_ok=True)
    with tarfile.open(where / name, "w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_archives_of_the_machines_are_unpacked(campaign: Campaign) -> None:
    planned = campaign.run_of(*SUSTAINED)
    where = campaign.leave(planned, Given())
    before, after = (json.dumps(counters("client", when, Snapshot(busy=0.9))).encode() for when in ("before", "after"))
    packed(
        where,
        {"./counters/client-before.json": before, "./counters/client-after.json": after},
        "client.tar.gz",
    )
    run = record(ResultsFolder(campaign.directory), planned["id"])
    assert run.kinds == ("client-bound",)
    assert not (where / "client.tar.gz").exists()


def test_a_damaged_archive_is_said_and_kept(campaign: Campaign) -> None:
    planned = campaign.run_of(*SUSTAINED)
    where = campaign.directory / "runs" / planned["id"]
    packed(where, {"contract.json": b"{}" * 5000}, "server.tar.gz")
    archive = where / "server.tar.gz"
    archive.write_bytes(archive.read_bytes()[:40])
    run = record(ResultsFolder(campaign.directory), planned["id"])
    assert run.outcome == "unreachable"
    assert "server.tar.gz: the archive from the machine is damaged" in (run.outcome_reason or "")
    assert archive.exists()


@pytest.mark.parametrize("path", ["../../escape.txt", "/tmp/escape.txt"])
def test_an_archive_writes_nothing_outside(campaign: Campaign, path: str) -> None:
    planned = campaign.run_of(*SUSTAINED)
    where = campaign.directory / "runs" / planned["id"]
    packed(where, {path: b"x"}, "server.tar.gz")
    record(ResultsFolder(campaign.directory), planned["id"])
    assert not (campaign.directory / "escape.txt").exists()
    assert not Path("/tmp/escape.txt").exists()


def test_command(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    planned = campaign.run_of(*SUSTAINED)
    campaign.leave(planned, Given(pacer=pacer_result(completed=2750)))
    assert main(["record", str(campaign.directory), planned["id"]]) == 0
    assert capsys.readouterr().out == "flask agents sustained: 400 asked, 110 got req/s, p99 ≥3.60ms, overloaded\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["{dir}", "9999-nobody"],
            "the plan holds no run '9999-nobody'; its runs are 0001-django-index-calibration-b1 to",
        ),
        (["{dir}/absent", "x"], "there is no such folder"),
    ],
    ids=["run", "folder"],
)
def test_bad_input(campaign: Campaign, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", *(each.format(dir=campaign.directory) for each in arguments)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("tandem: ")
    assert error.count("\n") == 1


def test_a_folder_without_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(tmp_path), "x"]) == 2
    assert "no frozen plan can be read here" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["runs", "rounds", "services", "profile", "blocks"])
def test_a_plan_that_lacks_a_key(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = Campaign(tmp_path)
    document: dict[str, Any] = {name: value for name, value in campaign.document.items() if name != key}
    write(tmp_path / "campaign.json", document)
    assert main(["record", str(tmp_path), "x"]) == 2
    assert key in capsys.readouterr().err

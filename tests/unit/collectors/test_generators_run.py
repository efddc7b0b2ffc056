"""The generators' own commands, run for two seconds against a server on this machine, and judged as in a campaign."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from collectors.plan.commands import load_argv
from collectors.plan.model import Round
from collectors.record import record
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.summarise import summarise
from collectors.tables import text
from tests.unit.collectors.builders import ROUNDS, Campaign, Given, plan, write

ROOT = Path(__file__).parents[3]
BODY = b'{"hello": "world"}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n" + BODY
LOADS: dict[str, dict[str, Any]] = {
    "wrk2": {"generator": "wrk2", "rate_per_s": 100, "threads": 2, "loop": "open"},
    "h2load": {"generator": "h2load", "rate_per_s": None, "threads": 2, "streams": 1, "protocol": "h1"},
    "paced": {"generator": "h2load", "rate_per_s": 80, "threads": 2, "streams": 1, "protocol": "h1", "loop": "open"},
}


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(REPLY)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that keeps its connections open."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/index"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


@pytest.fixture(scope="module")
def wrk2(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that takes wrk2's options and prints as wrk2 does: pacer is one, but for the status 3 by which it says
    that this machine was too busy for it."""
    path = tmp_path_factory.mktemp("bin") / "wrk2"
    python, root = shlex.quote(sys.executable), shlex.quote(str(ROOT))
    path.write_text(
        f'#!/bin/sh\ncd {root} || exit 1\n{python} -m pacer --format wrk2 "$@" || [ $? = 3 ]\n', encoding="utf-8"
    )
    path.chmod(0o755)
    return str(path)


def run_of(name: str, root: Path, url: str, program: Sequence[str]) -> tuple[Run, ResultsFolder]:
    """One run of the command that the plan has for the load, recorded in a campaign of its own."""
    shape = {**ROUNDS["sustained"], **LOADS[name]} | {"connections": 4, "warmup_s": 0, "duration_s": 2, "timeout_s": 5}
    shape.setdefault("loop", "closed")
    shape["loop"] = "closed" if shape["rate_per_s"] is None else "open"
    fields = {key: value for key, value in shape.items() if key not in {"loop", "endpoints"}}
    argv = list(load_argv(Round(name="sustained", endpoints=("index",), **fields), url))
    argv[0:1] = program
    document = plan(rounds=("sustained",), services=("api-hour",))
    document["rounds"]["sustained"] = {**shape, "endpoints": ["index"]}
    document["runs"] = document["runs"][:1]
    document["runs"][0]["load_argv"] = argv
    campaign = Campaign(root, document)
    folder = campaign.leave(document["runs"][0], Given())
    (folder / "load.json").unlink()
    ended = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    (folder / "stdout.txt").write_text(ended.stdout, encoding="utf-8")
    (folder / "stderr.txt").write_text(ended.stderr, encoding="utf-8")
    exited = {"schema_version": 1, "argv": argv, "exit_status": ended.returncode, "timed_out": False, "wall_s": 2.2}
    write(folder / "load-exit.json", exited)
    results = ResultsFolder(root)
    return record(results, document["runs"][0]["id"]), results


def test_a_program_that_speaks_as_wrk2_does(wrk2: str, url: str, tmp_path: Path) -> None:
    run, results = run_of("wrk2", tmp_path, url, [wrk2])
    assert (run.outcome, run.outcome_reason) == ("measured", None)
    assert run.load is not None
    assert (run.load.tool, run.load.loop, run.load.connections, run.load.counts.scheduled) == ("wrk2", "open", 4, 200)
    recorded = run.load.latency.recorded
    assert recorded is not None
    assert 0 < run.load.counts.completed <= recorded <= 200
    assert run.load.latency.percentile_us("50") is not None
    assert run.load.latency.percentile_us("99") is None  # 200 requests
    shown = " ".join(text(summarise(results)[0]).split())
    assert "wrk2 recorded no latency during its calibration" in shown
    assert "(in 1 of 1 runs)" in shown


NEEDS_H2LOAD = pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load (nghttp2-client) is not installed")


@NEEDS_H2LOAD
def test_h2load_in_a_closed_loop(url: str, tmp_path: Path) -> None:
    run, results = run_of("h2load", tmp_path, url, ["h2load"])
    assert (run.outcome, run.outcome_reason) == ("measured", None)
    load = run.load
    assert load is not None
    assert (load.tool, load.loop, load.rate_asked_per_s) == ("h2load", "closed", None)
    assert load.latency.recorded == load.counts.ok == load.counts.completed
    assert load.counts.completed > 0
    assert load.latency.percentile_us("50") is not None
    assert len(load.series) == 2
    assert "errors" not in run.kinds
    assert "service times of a closed loop" in " ".join(text(summarise(results)[0]).split())


@NEEDS_H2LOAD
def test_h2load_at_a_rate_is_labelled(url: str, tmp_path: Path) -> None:
    run, results = run_of("paced", tmp_path, url, ["h2load"])
    load = run.load
    assert load is not None
    assert (load.loop, load.rate_asked_per_s, load.counts.scheduled) == ("open", 80.0, 160)
    assert load.latency.kind == "service"
    summary = summarise(results)[0]
    assert [row.label for table in summary.tables for row in table.rows] == ["service time"]
    shown = " ".join(text(summary).split())
    assert "not free of coordinated omission and never ranks with corrected latency (in 1 of 1 runs)" in shown
    assert "so they are not free of coordinated omission" in shown


@NEEDS_H2LOAD
def test_a_damaged_log_costs_only_the_percentiles(url: str, tmp_path: Path) -> None:
    run, results = run_of("h2load", tmp_path, url, ["h2load"])
    log = tmp_path / "runs" / run.id / "h2load.log"
    log.write_text(log.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    again = record(results, run.id)
    assert (again.outcome, [finding.kind for finding in again.findings]) == ("measured", ["unreadable-log"])
    assert again.load is not None
    assert again.load.latency.percentiles_us == {}
    assert again.load.counts == run.load.counts if run.load is not None else False

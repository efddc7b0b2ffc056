"""wrk2 and h2load as generators of a campaign: the shapes they are refused, and the commands they get."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan, find_versions
from collectors.plan.model import Plan
from collectors.plan.project import Project
from tests.unit.plan.support import edit, make_project

WRK2 = """\
  two:
    generator: wrk2
    path: link
    rate_per_s: 400
    connections: 40
    warmup_s: 2
    duration_s: 60
    timeout_s: 5
    endpoints: [index]
"""
H2LOAD = """\
  many:
    generator: h2load
    path: link
    protocol: h1
    connections: 8
    warmup_s: 1
    duration_s: 4
    timeout_s: 5
    endpoints: [index]
"""


def project_with(root: Path, round_: str, *changes: tuple[str, str]) -> Project:
    """The small project with one round more, some of its lines changed."""
    project = make_project(root)
    for old, new in changes:
        assert old in round_, old
        round_ = round_.replace(old, new, 1)
    path = root / "campaigns/small.yml"
    path.write_text(path.read_text(encoding="utf-8") + round_, encoding="utf-8")
    return project


def plan_of(root: Path, round_: str, *changes: tuple[str, str], apps: str = "pool") -> Plan:
    return build_plan(project_with(root, round_, *changes), Request(campaign="small", apps=apps))


def argv_of(plan: Plan, round_: str) -> str:
    (run,) = {run.load_argv for run in plan.runs if run.cell.round.name == round_}
    return " ".join(run)


def test_wrk2_is_called_with_its_rate_its_timeout_and_its_distribution(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, WRK2)
    assert argv_of(plan, "two") == (
        "/opt/tandem/wrk2 -R400 -t2 -c40 -d60s --timeout 5s --latency http://LINK_ADDRESS:8008/index"
    )
    (run, _) = [run for run in plan.runs if run.cell.round.name == "two"]
    assert run.warmup_argv is not None
    assert " ".join(run.warmup_argv) == (
        "/opt/tandem/wrk2 -R400 -t2 -c40 -d2s --timeout 5s http://LINK_ADDRESS:8008/index"
    )
    assert run.cell.round.loop == "open"


WRK2_REFUSED = {
    "no-rate": (
        [("    rate_per_s: 400\n", "")],
        (
            "campaigns/small.yml, line 28: wrk2 runs at a constant rate; allowed: give rate_per_s, or generator wrk "
            "for a closed loop"
        ),
    ),
    "beside-the-daemon": (
        [("path: link", "path: localhost")],
        (
            "campaigns/small.yml, line 29: rounds.two.path is 'localhost', where wrk2 would take the daemon's own "
            "cores and its timers would be late; allowed: link"
        ),
    ),
    "connections-not-divisible": (
        [("    connections: 40\n", "    connections: 40\n    threads: 12\n")],
        (
            "campaigns/small.yml, line 32: rounds.two.threads is 12, and wrk2 would open 36 of the 40 connections; "
            "allowed: a number that divides 40: 1, 2, 4, 5, 8, 10, 20, 40"
        ),
    ),
    "too-slow-on-each-connection": (
        [("rate_per_s: 400", "rate_per_s: 19")],
        (
            "campaigns/small.yml, line 30: rounds.two.rate_per_s is 19, and below 0.5 requests a second on each of 40 "
            "connections wrk2 counts waiting ones as timeouts; allowed: at least 20, or at most 38 connections"
        ),
    ),
    "calibration-eats-it": (
        [("duration_s: 60", "duration_s: 20")],
        (
            "campaigns/small.yml, line 33: rounds.two.duration_s is 20, of which wrk2 leaves the first 10.2 s out of "
            "its latencies; allowed: at least 21, so that 10 s are left"
        ),
    ),
    "too-few-for-a-p99": (
        [("rate_per_s: 400", "rate_per_s: 20")],
        (
            "campaigns/small.yml, line 33: rounds.two.duration_s is 60, which leaves 996 latencies after wrk2's "
            "calibration of 10.2 s, and a p99 needs 1000; allowed: at least 61 at this rate"
        ),
    ),
    "fractions": (
        [("duration_s: 60", "duration_s: 60.5")],
        "campaigns/small.yml, line 33: rounds.two.duration_s is 60.5; allowed: whole seconds, wrk2 takes no fractions",
    ),
    "streams": (
        [("    timeout_s: 5\n", "    timeout_s: 5\n    streams: 4\n")],
        (
            "campaigns/small.yml, line 35: rounds.two.streams belongs to h2load and means nothing to wrk2; allowed: "
            "leave it out, or generator h2load"
        ),
    ),
}


@pytest.mark.parametrize("case", WRK2_REFUSED)
def test_wrk2_is_refused_a_shape_in_which_it_prints_nonsense(case: str, tmp_path: Path) -> None:
    changes, sentence = WRK2_REFUSED[case]
    with pytest.raises(PlanError) as caught:
        plan_of(tmp_path, WRK2, *changes)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "changes",
    [
        [("rate_per_s: 400", "rate_per_s: 20"), ("duration_s: 60", "duration_s: 61")],
        [("duration_s: 60", "duration_s: 21")],
    ],
    ids=["slowest", "shortest"],
)
def test_the_shapes_at_wrk2s_limits_are_taken(changes: list[tuple[str, str]], tmp_path: Path) -> None:
    assert argv_of(plan_of(tmp_path, WRK2, *changes), "two")


def test_wrk2_against_a_daemon_that_closes_connections_is_labelled(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, WRK2, apps="plain,pool")
    (found,) = [finding for finding in plan.findings if finding.kind == "wrk2-closing"]
    assert (found.where, found.fatal) == ("two: plain", False)
    assert "made for ones that stay open" in found.advice
    assert not [each for each in plan_of(tmp_path, WRK2).findings if each.kind == "wrk2-closing"]


def test_the_calibrations_latencies_are_no_samples(tmp_path: Path) -> None:
    """400 a second for 35 s are 14,000 requests, and 9,920 latencies: no p99.9."""
    plan = plan_of(tmp_path, WRK2, ("duration_s: 60", "duration_s: 35"))
    (found,) = [each for each in plan.findings if each.kind == "samples" and each.where == "two"]
    assert (found.value, found.limit) == (9920, 10_000)


def test_h2load_is_called_without_its_timeout_and_with_its_log(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, H2LOAD)
    assert argv_of(plan, "many") == (
        "h2load --h1 -c 8 -m 1 -t 2 -D 4 --warm-up-time 1 --log-file=h2load.log http://LINK_ADDRESS:8008/index"
    )
    assert {run.warmup_argv for run in plan.runs if run.cell.round.name == "many"} == {None}


def test_h2load_speaks_http2_to_a_launcher_that_does(tmp_path: Path) -> None:
    project = project_with(tmp_path, H2LOAD, ("protocol: h1", "streams: 4\n    rate_per_s: 100"))
    edit(tmp_path, "apps/launchers.yml", "    keep_alive: true\n", "    keep_alive: true\n    http2: true\n")
    plan = build_plan(project, Request(campaign="small", apps="pool"))
    assert argv_of(plan, "many") == (
        "h2load -c 8 -m 4 -t 2 --rps 12.5 -D 4 --warm-up-time 1 --log-file=h2load.log http://LINK_ADDRESS:8008/index"
    )
    (found,) = [finding for finding in plan.findings if finding.kind == "h2load-paced"]
    assert "not free of coordinated omission" in found.advice
    document = as_document(plan, versions=find_versions(tmp_path), created=datetime(2026, 3, 1, tzinfo=UTC))
    assert (document["rounds"]["many"]["streams"], document["rounds"]["many"]["protocol"]) == (4, "h2")
    assert "streams" not in document["rounds"]["open"]


def test_a_long_run_of_h2load_keeps_no_log_and_that_is_said(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, H2LOAD, ("duration_s: 4", "duration_s: 61"))
    assert "--log-file" not in argv_of(plan, "many")
    (found,) = [finding for finding in plan.findings if finding.kind == "h2load-log"]
    assert found.advice.startswith("a run of 61 s is too long for h2load's log of single requests")


H2LOAD_REFUSED = {
    "http2-not-spoken": (
        [("protocol: h1", "protocol: h2")],
        "pool",
        (
            "campaigns/small.yml, line 35: the round 'many' asks HTTP/2 of pool, whose launcher does not speak it; "
            "allowed: protocol h1"
        ),
    ),
    "http1-to-a-closing-daemon": (
        [],
        "plain",
        (
            "campaigns/small.yml, line 35: the round 'many' runs h2load in HTTP/1.1 against plain, which closes its "
            "connections, and may never end; allowed: apps that keep them open, or generator wrk"
        ),
    ),
    "pipelining": (
        [("protocol: h1", "protocol: h1\n    streams: 2")],
        "pool",
        (
            "campaigns/small.yml, line 31: rounds.many.streams is 2, and HTTP/1.1 answers one request at a time on a "
            "connection; allowed: 1, or protocol h2"
        ),
    ),
    "unknown-protocol": (
        [("protocol: h1", "protocol: h3")],
        "pool",
        "campaigns/small.yml, line 30: unknown protocol 'h3'; allowed: h2, h1",
    ),
    "fractions": (
        [("warmup_s: 1", "warmup_s: 1.5")],
        "pool",
        "campaigns/small.yml, line 32: rounds.many.warmup_s is 1.5; allowed: whole seconds, h2load takes no fractions",
    ),
    "more-threads-than-connections": (
        [("    timeout_s: 5\n", "    timeout_s: 5\n    threads: 9\n")],
        "pool",
        "campaigns/small.yml, line 35: rounds.many.threads is 9; allowed: a whole number from 1 to 8",
    ),
}


@pytest.mark.parametrize("case", H2LOAD_REFUSED)
def test_h2load_is_refused_what_it_cannot_measure(case: str, tmp_path: Path) -> None:
    changes, apps, sentence = H2LOAD_REFUSED[case]
    with pytest.raises(PlanError) as caught:
        plan_of(tmp_path, H2LOAD, *changes, apps=apps)
    assert str(caught.value) == sentence


def test_one_connection_gets_one_thread(tmp_path: Path) -> None:
    assert "-c 1 -m 1 -t 1" in argv_of(plan_of(tmp_path, H2LOAD, ("connections: 8", "connections: 1")), "many")

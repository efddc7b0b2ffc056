"""Rounds that measure memory: what they may ask, what is said of them beforehand, and what a machine is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan, find_versions
from collectors.plan.model import Plan
from tests.unit.plan.test_shapes import project_with

HOLDS = """\
  holds:
    measures: memory
    generator: pacer
    path: link
    rate_per_s: 500
    connections: 1000
    warmup_s: 2
    duration_s: 12
    timeout_s: 5
    endpoints: [index]
"""
CLOSED = ("    rate_per_s: 500\n", "")


def plan_of(root: Path, *changes: tuple[str, str], keep_alive_s: str | None = None) -> Plan:
    project = project_with(root, HOLDS, *changes)
    if keep_alive_s is not None:
        launchers = root / "apps/launchers.yml"
        text = launchers.read_text(encoding="utf-8").replace(
            '"{bind}:{port}", "{module}"]', '"{bind}:{port}", "{module}", "{keep_alive_s}"]'
        )
        launchers.write_text(f"{text}    options: {{keep_alive_s: {keep_alive_s}}}\n", encoding="utf-8")
    return build_plan(project, Request(campaign="small", apps="pool"))


@pytest.mark.parametrize("changes", [(), (CLOSED,)], ids=["at a rate", "closed"])
def test_the_frozen_plan_tells_the_machine_what_to_look_at(
    changes: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    plan = plan_of(tmp_path, *changes)
    document = as_document(plan, versions=find_versions(tmp_path), created=datetime(2026, 3, 1, tzinfo=UTC))
    assert document["rounds"]["holds"]["measures"] == "memory"
    told = {run["round"]: run.get("measures") for run in document["runs"]}
    assert told.pop("holds") == "memory"
    assert set(told.values()) == {None}
    assert all("measures" not in each for name, each in document["rounds"].items() if name != "holds")


REFUSED = {
    "something-else": (
        [("measures: memory", "measures: memroy")],
        "unknown thing to measure beside the load 'memroy' (did you mean 'memory'?); allowed: memory",
    ),
    "another-generator": (
        [("generator: pacer", "generator: wrk"), CLOSED],
        "rounds.holds.measures belongs to pacer and means nothing to wrk; allowed: leave it out, or generator pacer",
    ),
    "too-short": (
        [("duration_s: 12", "duration_s: 9")],
        "rounds.holds.duration_s is 9, too short for samples of one second to tell what is held; allowed: at least 10",
    ),
}


@pytest.mark.parametrize(("changes", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_measured_is_refused(changes: list[tuple[str, str]], said: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as refusal:
        plan_of(tmp_path, *changes)
    assert said in str(refusal.value)


@pytest.mark.parametrize(("keep_alive_s", "said"), [("2", True), ("3", False)])
def test_connections_that_are_idle_for_too_long_are_pointed_out(
    keep_alive_s: str, *, said: bool, tmp_path: Path
) -> None:
    """Each of 1,000 is used every 2 s."""
    found = [each for each in plan_of(tmp_path, keep_alive_s=keep_alive_s).findings if each.kind == "idle"]
    assert [(each.where, each.value, each.limit, each.fatal) for each in found] == (
        [("holds: pool", 2.0, 2, False)] if said else []
    )


def test_in_a_closed_loop_no_connection_is_idle(tmp_path: Path) -> None:
    assert not [each for each in plan_of(tmp_path, CLOSED, keep_alive_s="2").findings if each.kind == "idle"]

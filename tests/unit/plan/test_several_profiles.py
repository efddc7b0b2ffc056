"""Profiles as a factor: cells, their order, what is frozen, and what arithmetic says of each."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan, freeze, pending_runs
from collectors.plan import constants as c
from collectors.plan.cost import describe
from collectors.plan.model import Plan, Versions
from collectors.results import ResultsFolder
from tests.unit.plan.support import edit, make_project

CREATED = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
BOTH = "profiles=[bare, full]"


def planned(root: Path, *settings: str) -> Plan:
    return build_plan(
        make_project(root), Request(campaign="small", settings=[*settings], link_address="10.99.10.1")
    )


def document(plan: Plan) -> dict[str, Any]:
    return as_document(plan, versions=Versions(tandem="0.1.0", commit=None, dirty=None), created=CREATED)


def test_every_block_holds_every_cell_once_for_each_profile(tmp_path: Path) -> None:
    plan, single = planned(tmp_path, BOTH), planned(tmp_path / "single")
    assert len(plan.runs) == 2 * len(single.runs)
    for block in (1, 2):
        cells = Counter(
            (run.cell.service.id, run.cell.endpoint.name, run.cell.round.name, run.cell.profile)
            for run in plan.runs
            if run.block == block
        )
        assert set(cells.values()) == {1}
        assert Counter(profile for *_, profile in cells) == {"bare": len(cells) / 2, "full": len(cells) / 2}


def test_the_profiles_are_shuffled_and_not_one_after_the_other(tmp_path: Path) -> None:
    order = [run.cell.profile for run in planned(tmp_path, BOTH, "blocks=6").runs]
    switches = sum(one != other for one, other in itertools.pairwise(order))
    assert switches > len(order) / 4


def test_ids_and_labels_name_the_profile_where_there_are_several(tmp_path: Path) -> None:
    several, single = planned(tmp_path, BOTH).runs, planned(tmp_path / "single").runs
    for run in several:
        assert f"-{run.cell.round.name}-{run.cell.profile}-b{run.block}" in run.id
        assert run.label.endswith(f", {run.cell.profile}")
    assert not any("full" in run.id or "full" in run.label for run in single)


def test_a_switch_is_paid_for_by_the_run_after_it(tmp_path: Path) -> None:
    plan = planned(tmp_path, BOTH)
    before = plan.profile.name
    for run in plan.runs:
        own = run.cell.round.warmup_s + run.cell.round.duration_s + c.RUN_OVERHEAD_S
        assert run.expected_s == own + (c.PROFILE_SWITCH_S if run.cell.profile != before else 0)
        before = run.cell.profile
    assert "Going from one profile to another takes about 3 s more." in describe(plan)
    assert "Going from" not in describe(planned(tmp_path / "single"))


def test_all_profiles_are_frozen_in_full_and_read_again(tmp_path: Path) -> None:
    frozen = document(planned(tmp_path, BOTH))
    assert "profile" not in frozen
    assert [each["name"] for each in frozen["profiles"]] == ["bare", "full"]
    assert frozen["profiles"][1]["kernel"]["net.core.somaxconn"] == {"value": "65535", "optional": False}
    folder = freeze(frozen, tmp_path / "results", CREATED)
    plan = ResultsFolder(folder).plan
    assert (plan.profile, [each.name for each in plan.profiles]) == ("bare, full", ["bare", "full"])
    assert {run.cell.profile for run in plan.runs} == {"bare", "full"}
    assert len(pending_runs(folder)) == len(plan.runs)


def test_a_single_one_is_frozen_as_ever_however_it_was_named(tmp_path: Path) -> None:
    assert document(planned(tmp_path / "list", "profiles=[full]")) == document(planned(tmp_path / "one"))
    folder = freeze(document(planned(tmp_path)), tmp_path / "results", CREATED)
    plan = ResultsFolder(folder).plan
    assert (plan.profile, [each.name for each in plan.profiles]) == ("full", ["full"])


def test_the_one_that_is_set_takes_the_place_of_the_other(tmp_path: Path) -> None:
    assert [each.name for each in planned(tmp_path, BOTH, "profile=bare").profiles] == ["bare"]
    edit(tmp_path, "campaigns/small.yml", "profile: full", "profiles: [full, bare]")
    project = make_project(tmp_path / "other")
    edit(tmp_path / "other", "campaigns/small.yml", "profile: full", "profiles: [full, bare]")
    plan = build_plan(project, Request(campaign="small", settings=["profile=full"], link_address="10.99.10.1"))
    assert [each.name for each in plan.profiles] == ["full"]


def test_ports_are_reserved_in_each_profile_that_widens_the_range(tmp_path: Path) -> None:
    bare, full = planned(tmp_path, BOTH).profiles
    assert not bare.kernel
    assert full.kernel["net.ipv4.ip_local_reserved_ports"].value == "5442,8000,8008"


def test_arithmetic_is_asked_of_each_profile_and_the_rest_once(tmp_path: Path) -> None:
    found = planned(tmp_path, BOTH, "rounds.open.connections=2000").findings
    assert [finding.kind for finding in found if "bare" in finding.advice] == ["nofile", "sessions"]
    assert not [finding for finding in found if "full" in finding.advice]
    alike = [(finding.kind, finding.where, finding.advice) for finding in found]
    assert len(set(alike)) == len(alike)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("profiles=[bare, bare]", "names the profile 'bare' twice; allowed: each once"),
        ("profiles=[bare, ful]", "unknown profile 'ful' (did you mean 'full'?); allowed: bare, full"),
        ("profiles=[]", "profiles is an empty list; allowed: a list with at least one entry"),
    ],
)
def test_a_wrong_list_leads_to_one_sentence(setting: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        planned(tmp_path, setting)
    assert str(caught.value).startswith(f"--set {setting}: ")
    assert str(caught.value).endswith(sentence)

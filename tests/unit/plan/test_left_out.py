"""A campaign goes on without an app whose own file is wrong, and says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.check import check
from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan, find_versions, freeze
from collectors.plan.cost import describe
from collectors.plan.project import Project
from collectors.results import ResultsFolder
from tests.unit.plan.support import edit, make_project

SENTENCE = "apps/pool/app.yml, line 2: unknown launcher 'poled' (did you mean 'pooled'?); allowed: simple, pooled"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_project(tmp_path)
    edit(tmp_path, "apps/pool/app.yml", "launcher: pooled", "launcher: poled")
    return made


def request(apps: str | None = None) -> Request:
    return Request(campaign="small", apps=apps, link_address="10.99.10.1", leave_out=True)


def test_without_the_word_the_campaign_is_refused(project: Project) -> None:
    with pytest.raises(PlanError) as caught:
        build_plan(project, Request(campaign="small"))
    assert str(caught.value) == SENTENCE


def test_the_others_are_planned_and_the_app_is_named(project: Project) -> None:
    plan = build_plan(project, request())
    assert {run.cell.service.id for run in plan.runs} == {"plain"}
    assert (plan.findings[0].kind, plan.findings[0].where) == ("left-out", "pool")
    assert f"note [left-out] pool: left out of the campaign: {SENTENCE}." in describe(plan)


def test_its_results_are_not_called_complete(project: Project, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    document = as_document(build_plan(project, request()), versions=find_versions(tmp_path), created=now)
    folder = ResultsFolder(freeze(document, tmp_path / "r", now))
    assert folder.plan.left_out == [f"pool: left out of the campaign: {SENTENCE}"]
    good, sentence = check(folder)
    assert not good
    assert sentence.endswith(folder.plan.left_out[0])


def test_an_app_on_a_port_that_another_has_is_left_out(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    edit(tmp_path, "apps/pool/app.yml", "port: 8008", "port: 8000")
    plan = build_plan(project, request())
    assert plan.findings[0].advice.endswith("port 8000 is plain's already; allowed: a port of its own")


@pytest.mark.parametrize(("apps", "said"), [("plain,pol", "unknown app 'pol'"), ("pool", "unknown launcher 'poled'")])
def test_a_slip_of_the_campaign_and_a_campaign_of_nothing_are_refused(apps: str, said: str, project: Project) -> None:
    with pytest.raises(PlanError, match=said):
        build_plan(project, request(apps=apps))

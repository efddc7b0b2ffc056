"""Campaigns for the noise floor: said in the file, kept in the plan."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.plan import Request, as_document, build_plan, find_versions
from collectors.plan.project import Project
from tests.unit.plan.support import edit, make_project


def frozen(project: Project) -> dict[str, Any]:
    plan = build_plan(project, Request(campaign="small"))
    return as_document(plan, versions=find_versions(project.root), created=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("word", "kept"), [("true", True), ("false", None)])
def test_a_campaign_for_the_noise_floor_says_so_in_its_plan(tmp_path: Path, word: str, kept: object) -> None:
    project = make_project(tmp_path)
    edit(tmp_path, "campaigns/small.yml", "blocks: 2", f"blocks: 12\nnoise: {word}")
    assert frozen(project).get("noise") is kept


def test_other_campaigns_are_silent(tmp_path: Path) -> None:
    assert "noise" not in frozen(make_project(tmp_path))

"""Campaigns of kind ladder, and those that name published figures: read, refused, frozen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan
from collectors.plan.model import Plan, Rung, Versions
from collectors.plan.project import Project
from tests.unit.plan.support import edit, make_project

LADDER = """\
description: a small ladder
kind: ladder
profile: full
dataset: empty-join
workers: 4
blocks: 6
seed: 7
ladder:
  - {service: plain, factor: as it is}
  - {service: "plain:deep", factor: a deep queue}
  - {service: "plain:pooled", factor: a pool}
rounds:
  closed:
    generator: wrk
    path: localhost
    connections: 16
    threads: 2
    warmup_s: 1
    duration_s: 2
    timeout_s: 5
    endpoints: [index]
"""
L = "campaigns/steps.yml"


def project_with_ladder(root: Path, text: str = LADDER) -> Project:
    project = make_project(root)
    (root / L).write_text(text, encoding="utf-8")
    return project


def planned(root: Path, *settings: str, text: str = LADDER) -> Plan:
    return build_plan(project_with_ladder(root, text), Request(campaign="steps", settings=settings))


def frozen(plan: Plan) -> dict[str, Any]:
    versions = Versions(tandem="0.1.0", commit=None, dirty=None)
    return as_document(plan, versions=versions, created=datetime(2026, 3, 1, tzinfo=UTC))


def test_rungs_are_the_apps_in_their_order(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert plan.campaign.ladder[1] == Rung(service="plain:deep", factor="a deep queue")
    assert plan.campaign.apps == ("plain", "plain:deep", "plain:pooled")
    assert [service.id for service in plan.services] == ["plain", "plain-deep", "plain-pooled"]


def test_every_block_holds_every_rung_once_in_random_order(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert len(plan.runs) == 18
    orders = [
        tuple(run.cell.service.id for run in plan.runs if run.block == block) for block in range(1, 7)
    ]
    assert all(sorted(order) == ["plain", "plain-deep", "plain-pooled"] for order in orders)
    assert len(set(orders)) > 1


def test_it_is_frozen_by_the_ids_of_its_services(tmp_path: Path) -> None:
    document = frozen(planned(tmp_path))
    assert document["kind"] == "ladder"
    assert document["ladder"] == [
        {"service": "plain", "factor": "as it is"},
        {"service": "plain-deep", "factor": "a deep queue"},
        {"service": "plain-pooled", "factor": "a pool"},
    ]


def test_the_first_factor_may_be_left_out(tmp_path: Path) -> None:
    text = LADDER.replace("{service: plain, factor: as it is}", "{service: plain}")
    assert frozen(planned(tmp_path, text=text))["ladder"][0] == {"service": "plain", "factor": None}


def test_few_blocks_are_allowed_and_said(tmp_path: Path) -> None:
    found = [finding for finding in planned(tmp_path, "blocks=2").findings if finding.kind == "ladder-blocks"]
    assert len(found) == 1
    assert found[0].advice == "2 blocks give the ratios of a ladder and no intervals, which take 6"
    assert not found[0].fatal
    assert not [finding for finding in planned(tmp_path).findings if finding.kind == "ladder-blocks"]


def test_a_comparison_may_say_so_and_is_frozen_as_before(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    before = frozen(build_plan(project, Request(campaign="small")))
    edit(tmp_path, "campaigns/small.yml", "workers: 4", "workers: 4\nkind: comparison")
    assert frozen(build_plan(project, Request(campaign="small"))) == before
    assert {"kind", "ladder", "published"}.isdisjoint(before)


def test_published_figures_are_named_in_the_plan(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    edit(tmp_path, "campaigns/small.yml", "workers: 4", "workers: 4\npublished: seed-2015")
    assert frozen(build_plan(project, Request(campaign="small")))["published"] == "seed-2015"


KEYS = "description, dataset, workers, blocks, seed"
LAST = "profile, profiles, published, until, at_most_blocks"
SLIPS: dict[str, tuple[str, str, str]] = {
    "one-rung": (
        '  - {service: "plain:deep", factor: a deep queue}\n  - {service: "plain:pooled", factor: a pool}\n', "",
        f"{L}, line 8: ladder has one rung; allowed: at least two, since each is held against the one before it",
    ),
    "several-profiles": (
        "profile: full", "profiles: [full, bare]",
        f"{L}, line 3: profiles names several in a ladder, whose rungs differ in one thing; allowed: one profile",
    ),
    "no-rungs": (
        LADDER[LADDER.index("ladder:\n") : LADDER.index("rounds:")], "ladder: []\n",
        f"{L}, line 8: ladder is an empty list; allowed: a list with at least one entry",
    ),
    "service-twice": (
        'service: "plain:pooled"', 'service: "plain:deep"',
        f"{L}, line 11: ladder names the service 'plain:deep' twice; allowed: each once",
    ),
    "service-twice-by-another-name": (
        'service: "plain:pooled"', 'service: "plain:default"',
        f"{L}, line 11: 'plain:default' is named twice, or two apps make the service 'plain'; allowed: each once",
    ),
    "factor-twice": (
        "factor: a pool", "factor: a deep queue",
        f"{L}, line 11: ladder names the factor 'a deep queue' twice; allowed: one factor for each rung",
    ),
    "no-factor": (
        ", factor: a pool}", "}",
        f"{L}, line 11: ladder[3] lacks the key 'factor'; allowed: service, factor",
    ),
    "empty-factor": (
        "factor: a pool", "factor: ''",
        f"{L}, line 11: ladder[3].factor is ''; allowed: one line of text",
    ),
    "unknown-service": (
        "plain:pooled", "plain:poled",
        f"{L}, line 11: unknown variant of plain 'poled' (did you mean 'pooled'?); allowed: default, deep, pooled",
    ),
    "unknown-key-of-a-rung": (
        "factor: a pool", "factors: a pool",
        f"{L}, line 11, ladder[3]: unknown key 'factors' (did you mean 'factor'?); allowed: service, factor",
    ),
    "several-endpoints": (
        "endpoints: [index]", "endpoints: [index, agents]",
        (
            f"{L}, line 21: rounds.closed.endpoints names 2 endpoints in a ladder; allowed: one, and a round of its "
            "own for each other"
        ),
    ),
    "apps-of-a-ladder": (
        "seed: 7", "seed: 7\napps: [plain]",
        f"{L}, line 8: apps is given for a ladder, whose apps are its rungs; allowed: leave it out",
    ),
    "a-ladder-without-its-kind": (
        "kind: ladder\n", "",
        f"{L}, line 7: ladder is given for a campaign that is no ladder; allowed: leave it out, or kind: ladder",
    ),
    "unknown-kind": (
        "kind: ladder", "kind: lader",
        f"{L}, line 2: unknown kind of campaign 'lader' (did you mean 'ladder'?); allowed: comparison, ladder",
    ),
    "a-ladder-without-rungs": (
        LADDER[LADDER.index("ladder:\n") : LADDER.index("rounds:")], "",
        f"{L}, line 1: the file lacks the key 'ladder'; allowed: {KEYS}, kind, ladder, rounds, {LAST}",
    ),
    "unknown-published": (
        "seed: 7", "seed: 7\npublished: seed-2016",
        (
            f"{L}, line 8: unknown set of published figures 'seed-2016' (did you mean 'seed-2017'?); allowed: "
            "seed-2015, seed-2015-second, seed-2017"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_leads_to_one_sentence(slip: str, tmp_path: Path) -> None:
    old, new, sentence = SLIPS[slip]
    assert old in LADDER
    with pytest.raises(PlanError) as caught:
        planned(tmp_path, text=LADDER.replace(old, new, 1))
    assert str(caught.value) == sentence


def test_a_rung_must_offer_the_rounds_endpoint(tmp_path: Path) -> None:
    text = LADDER.replace("endpoints: [index]", "endpoints: [agents]")
    project = project_with_ladder(tmp_path, text.replace('service: "plain:pooled"', "service: pool"))
    edit(tmp_path, "apps/pool/app.yml", "  agents: {}\n", "")
    with pytest.raises(PlanError) as caught:
        build_plan(project, Request(campaign="steps"))
    assert str(caught.value) == (
        f"{L}, line 11: pool offers none of the campaign's endpoints, nothing of it would be measured; it offers: index"
    )


def test_a_rung_must_offer_every_rounds_endpoint(tmp_path: Path) -> None:
    second = LADDER[LADDER.index("  closed:") :].replace("closed:", "more:").replace("[index]", "[agents]")
    text = LADDER.replace('service: "plain:pooled"', "service: pool") + second
    project = project_with_ladder(tmp_path, text)
    edit(tmp_path, "apps/pool/app.yml", "  agents: {}\n", "")
    with pytest.raises(PlanError) as caught:
        build_plan(project, Request(campaign="steps"))
    assert str(caught.value) == (
        f"{L}, line 11: the rung pool does not offer the endpoint 'agents' of the round 'more'; allowed: services that "
        "offer it"
    )


def test_other_apps_cannot_be_put_in(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        build_plan(project_with_ladder(tmp_path), Request(campaign="steps", apps="plain,pool"))
    assert str(caught.value) == (
        "--apps plain,pool: apps is given for a ladder, whose apps are its rungs; allowed: leave it out"
    )

"""docs/systems.md holds what apps/ holds."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from collectors.plan import Request, build_plan, expand_services, find_project
from collectors.plan.model import Plan, Service
from collectors.plan.project import app_names

PROJECT = find_project(Path(__file__).resolve().parent)
PAGE = (PROJECT.root / "docs" / "systems.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| [^|]+ \| `([a-z0-9:-]+)` \| (.*) \|$", re.MULTILINE)
ROWS = dict(ROW.findall(PAGE))


def name_of(service: Service) -> str:
    return service.app if service.variant == "default" else f"{service.app}:{service.variant}"


def every_variant() -> list[str]:
    return [
        f"{app}:{variant}"
        for app in app_names(PROJECT.apps_dir)
        for variant in yaml.safe_load((PROJECT.apps_dir / app / "app.yml").read_text())["variants"]
    ]


SERVICES = {name_of(service): service for service in expand_services(PROJECT.apps_dir, every_variant())}


@cache
def planned(campaign: str) -> Plan:
    return build_plan(PROJECT, Request(campaign=campaign, link_address="10.99.10.1"))


def test_each_system_stands_there_once() -> None:
    assert len(ROW.findall(PAGE)) == len(ROWS) > 50


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_the_app_says(name: str) -> None:
    service = SERVICES[name]
    assert ROWS[name] == f"{service.launcher} | {service.kind} | {', '.join(service.endpoints)}"


def test_no_faithful_variant_is_missing() -> None:
    assert {name for name, service in SERVICES.items() if service.kind == "faithful"} <= set(ROWS)


@pytest.mark.parametrize("campaign", PROJECT.campaigns())
def test_no_service_of_a_shipped_campaign_is_missing(campaign: str) -> None:
    assert {name_of(service) for service in planned(campaign).services} <= set(ROWS)


@pytest.mark.parametrize("campaign", PROJECT.campaigns())
def test_the_readme_says_what_a_campaign_answers(campaign: str) -> None:
    table = re.findall(r"^\| (`.*?) \| ", (PROJECT.root / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for cell in table for name in re.findall(r"`([a-z0-9…-]+)`", cell)}
    short = campaign.startswith("seed-") and campaign.endswith("-short") and "seed-…-short" in named
    assert short or campaign in named


@pytest.mark.parametrize("name", re.findall(r"^Campaigns? (`.*)", PAGE, re.MULTILINE))
def test_a_campaign_that_it_names_is_shipped(name: str) -> None:
    named = set(re.findall(r"`([a-z0-9-]+)`", name.partition(";")[0]))
    assert named
    assert named <= set(PROJECT.campaigns())


@pytest.mark.parametrize("what", ["meinheld", "uwsgi"])
def test_what_needs_a_python_of_its_own_is_explained(what: str) -> None:
    needing = {
        app for app in app_names(PROJECT.apps_dir)
        if "python" in yaml.safe_load((PROJECT.apps_dir / app / "app.yml").read_text())
    }
    _, _, absent = PAGE.partition("## What cannot be had")
    assert what in absent.lower()
    assert any(what in app for app in needing)


TODAY = [
    "aiohttp:uvloop", "flask:fair", "flask:granian", "django-async", "django-async:granian", "starlette", "fastapi",
    "flask-psycopg3", "aiohttp:asyncpg", "starlette:h2", "starlette:h2-hypercorn",
]


@pytest.mark.parametrize("name", TODAY)
def test_today_s_field_is_fair_and_answers_both_endpoints(name: str) -> None:
    assert {"index", "agents"} <= set(ROWS[name].split(" | ")[2].split(", "))
    assert " | fair | " in ROWS[name]


def test_the_campaigns_of_today_hold_the_field() -> None:
    for campaign in ("today", "today-short"):
        plan = planned(campaign)
        assert {name_of(service) for service in plan.services} >= set(TODAY)
        assert {service.kind for service in plan.services} == {"fair"}
    assert planned("today").campaign.blocks >= 6


def test_http2_keeps_as_many_requests_under_way_in_each_round() -> None:
    rounds = planned("http2").campaign.rounds
    assert {(load.loop, load.connections * (load.streams or 1)) for load in rounds} == {("closed", 64)}
    assert [(load.generator, load.protocol) for load in rounds] == [("wrk", None), ("h2load", "h2"), ("h2load", "h2")]


def test_each_fair_daemon_of_today_has_a_plain_counterpart() -> None:
    for service in planned("today").services:
        assert (PROJECT.root / "benchmarks" / "hello" / service.code / "app.py").exists(), service.id

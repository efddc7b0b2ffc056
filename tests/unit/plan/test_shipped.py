"""The campaigns and profiles that ship: plannable, as long as they say, and sound."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from collectors.plan import Request, build_plan, expand_services, find_project
from collectors.plan.model import Plan
from collectors.plan.profile import RESERVED_PORTS, client_ports, port_range, read_profile
from collectors.plan.project import app_names
from collectors.published.model import PublishedTable
from collectors.published.read import read_published

PROJECT = find_project(Path(__file__).resolve().parent)
SECONDS = {
    "smoke": (60, 120), "quick": (500, 700), "seed-2015": (2400, 4000), "seed-2015-short": (450, 700),
    "seed-2015-second": (6000, 8000), "seed-2015-second-short": (600, 900), "seed-2017": (600, 1200),
    "seed-2017-short": (500, 700), "ladder-2015": (2700, 3900), "ladder-2017": (1800, 3000),
    "ladder-2015-short": (600, 1200), "ladder-2017-short": (450, 900),
    "memory": (4200, 5000), "memory-short": (400, 520),
    "today": (9000, 11000), "today-short": (600, 850), "http2": (1300, 1600),
    "kernel-ab": (4800, 5600), "kernel-ab-short": (600, 800),
}  # fmt: skip
"""What all runs of a campaign may take together; starting the lab and provisioning come on top."""


def planned(name: str, *settings: str) -> Plan:
    return build_plan(PROJECT, Request(campaign=name, settings=settings, link_address="10.99.10.1"))


@pytest.mark.parametrize("name", PROJECT.campaigns())
def test_a_shipped_campaign_can_be_planned_and_measured(name: str) -> None:
    plan = planned(name)
    assert plan.runs
    assert not [finding for finding in plan.findings if finding.fatal]


@pytest.mark.parametrize("name", SECONDS)
def test_a_campaign_takes_as_long_as_it_says(name: str) -> None:
    low, high = SECONDS[name]
    assert low <= planned(name).seconds <= high


@pytest.mark.parametrize("name", ["smoke", "quick", "seed-2015"])
def test_a_campaign_holds_three_apps_in_three_rounds(name: str) -> None:
    plan = planned(name)
    assert {run.cell.service.app for run in plan.runs} == {"django", "flask", "api-hour"}
    cells = {(run.cell.service.app, run.cell.round.name) for run in plan.runs}
    assert len(cells) == 9


@pytest.mark.parametrize("name", ["ladder-2015", "ladder-2017"])
def test_a_short_ladder_is_the_closed_round_of_the_whole_one(name: str) -> None:
    whole, short = planned(name).campaign, planned(f"{name}-short").campaign
    assert short.ladder == whole.ladder
    assert (short.workers, short.dataset, short.blocks) == (whole.workers, whole.dataset, whole.blocks)
    assert [load.name for load in short.rounds] == ["closed"]


@pytest.mark.parametrize("name", ["ladder-2015", "ladder-2017"])
def test_a_ladder_has_blocks_for_intervals_and_a_round_of_each_loop(name: str) -> None:
    plan = planned(name)
    assert plan.campaign.blocks >= 6
    assert {load.loop for load in plan.campaign.rounds} == {"open", "closed"}
    rungs = len(plan.campaign.ladder)
    assert rungs >= 7
    assert len(plan.runs) == rungs * 2 * plan.campaign.blocks
    light = next(load for load in plan.campaign.rounds if load.rate_per_s is not None)
    assert light.rate_per_s is not None
    assert light.rate_per_s * light.duration_s >= 1000, "so many requests support a p99"


def repeated(table: PublishedTable, plan: Plan) -> None:
    """The round of a published table is planned, in the same loop, by the same path, with a daemon for every row."""
    load = next(load for load in plan.campaign.rounds if load.name == table.round)
    assert (load.loop, load.path) == (table.loop, table.path)
    cells = {(run.cell.service.id, run.cell.endpoint.name) for run in plan.runs if run.cell.round.name == table.round}
    for row in table.rows:
        assert (row.services[0], row.endpoint or table.endpoint) in cells, row.name


@pytest.mark.parametrize("form", ["", "-short"])
@pytest.mark.parametrize("name", ["seed-2015", "seed-2015-second", "seed-2017"])
def test_a_seed_repeats_every_row_that_was_published(name: str, form: str) -> None:
    plan = planned(name + form)
    assert plan.campaign.published == name
    for table in read_published(name).tables:
        repeated(table, plan)


def test_seed_2015_has_the_published_loads() -> None:
    calibration, sustained, light = planned("seed-2015").campaign.rounds
    assert (calibration.connections, calibration.duration_s, calibration.path) == (400, 30, "localhost")
    assert (sustained.rate_per_s, sustained.connections, sustained.duration_s, sustained.path) == (
        4000,
        400,
        300,
        "link",
    )
    assert (light.rate_per_s, light.connections, light.duration_s) == (10, 10, 30)
    assert calibration.threads is not None
    assert calibration.connections % calibration.threads == 0


def test_every_variant_can_be_planned() -> None:
    """Those that are called fair are held to it here."""
    names = [
        f"{app}:{variant}"
        for app in app_names(PROJECT.apps_dir)
        for variant in yaml.safe_load((PROJECT.apps_dir / app / "app.yml").read_text())["variants"]
    ]
    services = expand_services(PROJECT.apps_dir, names)
    assert {service.kind for service in services} == {"faithful", "fair", "plain"}
    ports = {(service.port, service.app) for service in services}
    assert len({port for port, _ in ports}) == len(ports), "each app has a port of its own"


@pytest.mark.parametrize("name", ["memory", "memory-short"])
def test_memory_is_measured_with_idle_and_with_busy_connections(name: str) -> None:
    plan = planned(name)
    assert {load.name: (load.measures, load.loop) for load in plan.campaign.rounds} == {
        "held": ("memory", "open"), "busy": ("memory", "closed"),
    }  # fmt: skip
    assert not [each for each in plan.findings if each.kind == "idle"], "published daemons close what is idle for 2 s"
    measured = {run.cell.service.id for run in plan.runs}
    assert {"aiohttp-2017", "flask-2017-gevent", "flask-2017-threads-10", "flask-2017-threads-1000"} <= measured
    assert {run.cell.service.kind for run in plan.runs} == {"faithful", "fair", "plain"}


@pytest.mark.parametrize("name", PROJECT.profiles())
def test_a_profile_is_sound_for_every_campaign(name: str) -> None:
    plan = planned("quick", f"profile={name}")
    low, high = port_range(plan.profile)
    ports = {5442, *(service.port for service in plan.services)}
    inside = {port for port in ports if low <= port <= high}
    assert client_ports(plan.profile) == high - low + 1 - len(inside)


def test_stock_changes_nothing() -> None:
    profile = planned("quick", "profile=stock").profile
    assert (profile.kernel, profile.limits, profile.postgresql, profile.refused) == ({}, {}, {}, {})


def test_tuned_keeps_durability_and_the_daemons_ports() -> None:
    profile = planned("quick", "profile=tuned").profile
    assert {profile.postgresql[key] for key in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert port_range(profile)[0] > 8008
    assert RESERVED_PORTS not in profile.kernel
    assert profile.limits["nofile"] < 20_000
    assert not profile.refused


def test_seed_2015_s_profile_is_published_but_for_what_is_refused() -> None:
    profile = planned("seed-2015").profile
    assert profile.kernel[RESERVED_PORTS].value == "5442,8000,8004,8008"
    assert {key for key, value in profile.kernel.items() if value.optional} == {
        "net.ipv4.tcp_congestion_control",
        "net.ipv4.tcp_tw_recycle",
    }
    assert "net.ipv4.tcp_mem" in profile.refused
    assert "net.ipv4.tcp_mem" not in profile.kernel
    assert (profile.postgresql["fsync"], profile.postgresql["synchronous_commit"]) == ("off", "off")


@pytest.mark.parametrize("name", PROJECT.profiles())
def test_a_profile_s_file_can_be_read_alone(name: str) -> None:
    assert read_profile(name, PROJECT.profile_file(name, "a test")).description

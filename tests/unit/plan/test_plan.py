"""Whole plans: which runs, with which commands, in which order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.plan import Request, build_plan
from collectors.plan.commands import deadline_s, load_argv, plain, warmup_argv
from collectors.plan.model import Generator, Round
from tests.unit.plan.support import edit, make_project


def a_round(
    generator: Generator = "pacer", rate: float | None = 400, *, threads: int | None = None, warmup: float = 3
) -> Round:
    return Round(
        name="r",
        generator=generator,
        path="link",
        rate_per_s=rate,
        connections=64,
        threads=threads,
        warmup_s=warmup,
        duration_s=30,
        timeout_s=10,
        endpoints=("index",),
    )


PACER = "python3 /opt/tandem/pacer.pyz"
TAIL = "--timeout 10 --format text --json load.json URL"


@pytest.mark.parametrize(
    ("load", "argv", "warmup"),
    [
        (
            a_round(),
            f"{PACER} -R 400 -c 64 -d 30 --warmup 3 {TAIL}",
            None,
        ),
        (
            a_round(rate=0.25),
            f"{PACER} -R 0.25 -c 64 -d 30 --warmup 3 {TAIL}",
            None,
        ),
        (
            a_round(rate=None, warmup=0),
            f"{PACER} -c 64 -d 30 --warmup 0 {TAIL}",
            None,
        ),
        (
            a_round("wrk", None, threads=2),
            "wrk -t2 -c64 -d30s --timeout 10s --latency URL",
            "wrk -t2 -c64 -d3s --timeout 10s URL",
        ),
        (a_round("wrk", None, threads=4, warmup=0), "wrk -t4 -c64 -d30s --timeout 10s --latency URL", None),
    ],
    ids=["pacer-open", "pacer-slow", "pacer-closed", "wrk", "wrk-without-warm-up"],
)
def test_commands(load: Round, argv: str, warmup: str | None) -> None:
    assert " ".join(load_argv(load, "URL")) == argv
    found = warmup_argv(load, "URL")
    assert (found and " ".join(found)) == warmup


@given(st.floats(min_value=1e-6, max_value=1e6) | st.integers(1, 10**6))
def test_numbers_on_command_lines_have_no_exponent(value: float) -> None:
    assert set(plain(value)) <= set("0123456789.")
    assert float(plain(value)) == pytest.approx(value, abs=1e-9)


def test_a_deadline_leaves_time_to_drain() -> None:
    assert deadline_s(a_round()) == 3 + 30 + 2 * 10 + 20


def test_a_cell_exists_where_an_app_offers_an_endpoint(tmp_path: Path) -> None:
    plan = build_plan(make_project(tmp_path), Request(campaign="small", settings=["blocks=3"]))
    counts = Counter((run.cell.round.name, run.cell.service.id, run.cell.endpoint.name) for run in plan.runs)
    assert counts == {
        ("closed", "plain", "index"): 3,
        ("closed", "pool", "index"): 3,
        ("open", "plain", "index"): 3,
        ("open", "plain", "agents"): 3,
        ("open", "pool", "index"): 3,
        ("open", "pool", "agents"): 3,
    }
    assert [run.block for run in plan.runs] == [1] * 6 + [2] * 6 + [3] * 6
    assert all(
        len({(r.cell.service.id, r.cell.endpoint.name, r.cell.round.name) for r in plan.runs if r.block == n})
        == 6
        for n in (1, 2, 3)
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), blocks=st.integers(1, 4))
def test_runs_are_numbered_named_apart_and_repeatable(
    seed: int, blocks: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = make_project(tmp_path_factory.getbasetemp() / "numbered")
    request = Request(
        campaign="small", settings=[f"seed={seed}", f"blocks={blocks}"], link_address="10.99.10.1"
    )
    plan = build_plan(project, request)
    assert plan == build_plan(project, request)
    assert [run.index for run in plan.runs] == list(range(1, 6 * blocks + 1))
    assert len({run.id for run in plan.runs}) == len(plan.runs)
    assert all(run.id.startswith(f"{run.index:04d}-{run.cell.service.id}-") for run in plan.runs)
    assert plan.seconds == sum(run.expected_s for run in plan.runs)
    assert all(run.deadline_s > run.expected_s for run in plan.runs)


def test_load_goes_where_the_round_says(tmp_path: Path) -> None:
    plan = build_plan(make_project(tmp_path), Request(campaign="small", link_address="10.99.10.1"))
    for run in plan.runs:
        local = run.cell.round.path == "localhost"
        assert (run.bind, run.load_on) == (("127.0.0.1", "server") if local else ("10.99.10.1", "client"))
        assert run.url == f"http://{run.bind}:{run.cell.service.port}{run.cell.endpoint.path}"
        assert run.load_argv[-1] == run.url


@pytest.mark.parametrize(
    ("apps", "workers", "endpoint", "requests"),
    [
        ("plain", 16, "index", 50),
        ("pool", 16, "agents", 481),
        ("pool", 16, "index", 50),
        ("pool", 1, "agents", 50),
        ("plain:pooled", 16, "index", 2000),
    ],
    ids=["no-pool", "more-than-all-pools-hold", "endpoint-without-pool", "small-pool", "capped"],
)
def test_contract_requests(apps: str, workers: int, endpoint: str, requests: int, tmp_path: Path) -> None:
    plan = build_plan(
        make_project(tmp_path), Request(campaign="small", apps=apps, settings=[f"workers={workers}"])
    )
    found = {run.contract["requests"] for run in plan.runs if run.cell.endpoint.name == endpoint}
    assert found == {requests}
    capped = [finding for finding in plan.findings if finding.kind == "contract"]
    assert bool(capped) == (requests == 2000)


@pytest.mark.parametrize(
    ("dataset", "nulls", "size"), [("empty-join", ["extension"], 7100), ("populated", [], 7700)]
)
def test_a_contract_is_resolved_for_the_data_set(
    dataset: str, nulls: list[str], size: int, tmp_path: Path
) -> None:
    plan = build_plan(
        make_project(tmp_path), Request(campaign="small", apps="plain", settings=[f"dataset={dataset}"])
    )
    contract = next(run.contract for run in plan.runs if run.cell.endpoint.name == "agents")
    assert contract["json"]["null_keys"] == nulls
    assert contract["body_bytes"] == size


def test_body_bytes_that_an_app_does_not_state_are_none(tmp_path: Path) -> None:
    plan = build_plan(make_project(tmp_path), Request(campaign="small", apps="pool"))
    assert {run.contract["body_bytes"] for run in plan.runs if run.cell.endpoint.name == "agents"} == {None}


def test_apps_can_be_narrowed_to_some_that_lack_an_endpoint_of_the_others(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    edit(tmp_path, "apps/pool/app.yml", "  agents: {}\n", "")
    plan = build_plan(project, Request(campaign="small", apps="pool"))
    assert {run.cell.endpoint.name for run in plan.runs} == {"index"}


def test_threads_are_chosen_so_that_they_divide_the_connections(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    edit(tmp_path, "campaigns/small.yml", "    threads: 2\n", "")
    for connections, threads in ((16, 2), (15, 1), (1, 1)):
        plan = build_plan(
            project, Request(campaign="small", settings=[f"rounds.closed.connections={connections}"])
        )
        assert plan.campaign.rounds[0].threads == threads


def test_an_override_takes_lists_and_fractions(tmp_path: Path) -> None:
    changes = ["rounds.open.endpoints=[agents]", "rounds.open.rate_per_s=0.5", "profile=bare"]
    plan = build_plan(make_project(tmp_path), Request(campaign="small", settings=changes))
    load = plan.campaign.rounds[1]
    assert (load.endpoints, load.rate_per_s, plan.profile.name) == (("agents",), 0.5, "bare")

"""Each verdict, just inside and just outside its limit, with its evidence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from collectors import limits
from collectors.machine import figures
from collectors.model import PRECEDENCE, UNRANKED, LoadResult, MachineFigures, Outcome, Verdict, VerdictKind
from collectors.readers.counters import Counters, read_counters
from collectors.readers.pacer import read_pacer
from collectors.readers.wrk import read_wrk
from collectors.run import Cell, Run
from collectors.verdicts import Measured, completed_share, judge
from collectors.words import OUTCOMES, VERDICTS
from tests.unit.collectors.builders import write
from tests.unit.collectors.tool_output import Snapshot, counters, pacer_result, wrk_text


def load(**given: Any) -> LoadResult:
    return read_pacer(json.dumps(pacer_result(**given)), "load.json")


def measured(result: LoadResult | None = None, **given: Any) -> Measured:
    usual: dict[str, Any] = {"load": result or load(), "load_on": "client", "path": "link"}
    return Measured(**usual | given)


def kinds(case: Measured) -> list[str]:
    return [verdict.kind for verdict in judge(case)]


def the(kind: str, case: Measured) -> Verdict:
    return next(verdict for verdict in judge(case) if verdict.kind == kind)


@pytest.fixture
def machine(tmp_path: Any) -> Any:
    def make(name: str, change: Snapshot) -> MachineFigures:
        read: list[Counters] = []
        for when in ("before", "after"):
            write(tmp_path / f"{when}.json", counters(name, when, change))
            read.append(read_counters(tmp_path / f"{when}.json"))
        return figures(read[0], read[1], file="after.json")

    return make


@pytest.mark.parametrize(
    ("completed", "kind"),
    [
        (10_000, "valid"),
        (9_900, "valid"),
        (9_899, "degraded"),
        (9_500, "degraded"),
        (9_499, "overloaded"),
        (0, "overloaded"),
    ],
)
def test_completion(completed: int, kind: str) -> None:
    assert kinds(measured(load(completed=completed))) == [kind]


def test_what_is_completed_only_after_the_window_is_late() -> None:
    result = load()
    counts = dataclasses.replace(result.counts, completed_in_window=6_000)
    assert kinds(measured(dataclasses.replace(result, counts=counts))) == ["overloaded"]


def test_one_request_in_flight_on_each_connection_is_no_backlog() -> None:
    result = load(rate=10, duration_s=15)
    counts = dataclasses.replace(result.counts, completed_in_window=150 - 10)
    assert completed_share(dataclasses.replace(result, counts=counts)) == 1.0


def test_a_closed_loop_has_no_schedule_to_fall_behind() -> None:
    assert completed_share(load(loop="closed")) is None
    assert kinds(measured(load(loop="closed"))) == ["valid"]


@pytest.mark.parametrize(("failed", "kind"), [(0, "valid"), (10, "valid"), (11, "errors")])
def test_errors(failed: int, kind: str) -> None:
    assert kinds(measured(load(status_5xx=failed))) == [kind]


def test_errors_name_their_kinds() -> None:
    evidence = the("errors", measured(load(status_5xx=40, timeouts=7))).evidence
    assert (evidence[0].value, evidence[0].limit) == (0.0047, 0.001)
    assert evidence[1].value == "timeout 7, status_5xx 40"


def test_timeouts_in_ticks_are_no_failed_requests() -> None:
    text = wrk_text(timeouts=3000, mean_ms=800)
    assert kinds(measured(read_wrk(text, "x", argv=["wrk"]), load_on="server", path="localhost")) == ["valid"]


@pytest.mark.parametrize(
    ("lag_us", "p50_us", "kind"),
    [
        (None, 900, "valid"), (300, 900, "valid"), (400, 900, "client-bound"), (1000, 9000, "valid"),
        (1001, 9000, "client-bound"), (200, 40, "valid"), (251, 40, "client-bound"),
    ],
    ids=["unknown", "in both limits", "above 10 % of p99", "at 1 ms", "above 1 ms", "fast, good timer", "fast"],
)  # fmt: skip
def test_lag(lag_us: float | None, p50_us: float, kind: str) -> None:
    assert kinds(measured(load(lag_p99_us=lag_us, p50_us=p50_us))) == [kind]


@pytest.mark.parametrize(("busy", "kind"), [(0.80, "valid"), (0.81, "client-bound")])
def test_client_core(busy: float, kind: str, machine: Any) -> None:
    assert kinds(measured(client=machine("client", Snapshot(busy=busy)))) == [kind]


def test_on_the_server_itself_busy_cores_are_the_point(machine: Any) -> None:
    case = measured(load_on="server", path="localhost", server=machine("server", Snapshot(busy=1.0)))
    assert kinds(case) == ["valid"]


def test_the_generators_own_checks_count() -> None:
    document = pacer_result()
    for check in document["validity"]["checks"]:
        check["ok"] = check["name"] != "connections_established"
    verdict = the("client-bound", measured(read_pacer(json.dumps(document), "x")))
    assert verdict.evidence[0].what == "the generator's own check connections_established"


@pytest.mark.parametrize(("tx_bytes", "kind"), [(3_000_000_000, "valid"), (3_200_000_000, "network-bound")])
def test_wire(tx_bytes: int, kind: str, machine: Any) -> None:
    case = measured(
        server=machine("server", Snapshot(tx_bytes=tx_bytes)),
        wall_s=30.0,
        forward_mbit=940.0,
        reverse_mbit=940.0,
    )
    assert kinds(case) == [kind]


def test_localhost_has_no_wire(machine: Any) -> None:
    case = measured(
        server=machine("server", Snapshot(tx_bytes=10**11)),
        path="localhost",
        load_on="server",
        reverse_mbit=940.0,
    )
    assert kinds(case) == ["valid"]


@pytest.mark.parametrize(("second_half", "kind"), [(0.96, "valid"), (0.94, "unsteady")])
def test_halves(second_half: float, kind: str) -> None:
    assert kinds(measured(load(loop="closed", duration_s=24, second_half=second_half))) == [kind]


def test_small_halves_are_not_compared() -> None:
    assert kinds(measured(load(loop="closed", rate=5, duration_s=20, second_half=0.2))) == ["valid"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (Snapshot(steal=0.01), "time taken by the hypervisor"),
        (Snapshot(swapped=1), "pages swapped"),
        (Snapshot(clock_step_ms=40), "wall clock stepped by"),
        (Snapshot(clock_step_ms=-40), "wall clock stepped by"),
    ],
    ids=["steal", "swap", "forward", "backward"],
)
@pytest.mark.parametrize("name", ["server", "client"])
def test_environment(name: str, change: Snapshot, what: str, machine: Any) -> None:
    verdict = the("environment-changed", measured(**{name: machine(name, change)}))
    assert verdict.evidence[0].what == what
    assert verdict.evidence[0].where == f"counters of the {name}"


def test_slewing_is_no_step(machine: Any) -> None:
    assert kinds(measured(server=machine("server", Snapshot(clock_step_ms=20)))) == ["valid"]


@pytest.mark.parametrize(
    ("declared", "seen", "kind"),
    [
        (True, True, "valid"),
        (True, False, "not-equivalent"),
        (False, True, "not-equivalent"),
        (None, True, "valid"),
        (True, None, "valid"),
    ],
)
def test_keep_alive_as_declared(*, declared: bool | None, seen: bool | None, kind: str) -> None:
    assert kinds(measured(keep_alive_declared=declared, keep_alive_seen=seen)) == [kind]


def test_valid_says_what_it_rests_on() -> None:
    evidence = the("valid", measured()).evidence
    assert [each.what for each in evidence] == [
        "completed of scheduled",
        "failed of attempted requests",
        "the generator's lag p99",
    ]
    assert all(each.limit is not None for each in evidence)


def run_with(*given: VerdictKind, outcome: Outcome = "measured") -> Run:
    cell = Cell(service="a", app="a", variant="default", endpoint="index", round="light", profile="stock")
    return Run(
        id="1", index=1, block=1, cell=cell, label="a", load_on="client", path="link", outcome=outcome,
        verdicts=tuple(Verdict(kind=kind) for kind in given),
    )  # fmt: skip


@pytest.mark.parametrize("kind", PRECEDENCE)
def test_which_verdicts_are_ranked(kind: VerdictKind) -> None:
    assert run_with(kind).ranked == (kind not in UNRANKED)
    assert {"valid", "degraded", "unsteady", "network-bound"}.isdisjoint(UNRANKED)


def test_the_headline_is_the_gravest() -> None:
    run = run_with("unsteady", "overloaded", "client-bound")
    assert (run.headline, run.shown_verdict) == ("client-bound", "client-bound, overloaded, unsteady")


def test_a_run_that_was_not_measured_is_never_ranked() -> None:
    assert not run_with("valid", outcome="died").ranked
    assert run_with("valid", outcome="died").shown_verdict == "died"
    assert not run_with().ranked


def test_every_verdict_and_outcome_has_its_words() -> None:
    assert set(VERDICTS) == set(PRECEDENCE)
    assert set(OUTCOMES) == set(Outcome.__args__)  # type: ignore[attr-defined]  # a Literal's members
    assert f"{limits.OVERLOADED_COMPLETED_SHARE:.0%}" in VERDICTS["overloaded"]


def test_the_guide_names_every_verdict_and_outcome() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "reading-a-report.md").read_text(encoding="utf-8")
    for kind in (*PRECEDENCE, *OUTCOMES):
        assert kind == "measured" or f"| `{kind}` |" in guide

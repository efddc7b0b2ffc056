"""Every way a request can fail is in exactly one class, and the books balance (load() checks that)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.pacer.servers import BODY, serving
from tests.pacer.support import Ran, Scenario, load, pacer, run_together

# The warm-up gives the others that start at the same time the time to do so; every request has a connection of its own.
RATE, SECONDS, ALL = 50, "600ms", 30
EVER = ALL + RATE       # requests of the warm-up's second included
LIGHT = ("-R", RATE, "-d", SECONDS, "-c", ALL, "--warmup", "1s")

FAILURES = {
    "reset": "read_reset",
    "empty": "read_empty",
    "truncated": "read_partial",
    "garbage": "parse",
    "no-crlf": "parse",
    "slow": "timeout",
}
UNUSUAL = ("dribble", "chunked", "closing", "until-close", "excess", "interim")
UNEXPECTED: dict[str, tuple[str | int, ...]] = {
    "length": ("--expect-length", 17), "sha256": ("--expect-sha256", "0" * 64), "status": ("--expect-status", 201)}
SCENARIOS = {
    **{name: Scenario(name, (*LIGHT, "-T", "300ms" if name == "slow" else "2s"), 3) for name in FAILURES},
    **{name: Scenario(name, LIGHT) for name in (*UNUSUAL, "accept-close")},
    **{f"unexpected-{name}": Scenario("ok", (*LIGHT, *option)) for name, option in UNEXPECTED.items()},
    "404": Scenario("status", LIGHT, 404),
    "503": Scenario("status", LIGHT, 503),
    "404-expected": Scenario("status", (*LIGHT, "--expect-status", 404), 404),
    "as-expected": Scenario("ok", (*LIGHT, "--expect-status", 200, "--expect-length", len(BODY), "--expect-sha256",
                                   hashlib.sha256(BODY).hexdigest().upper())),
}


@pytest.fixture(scope="module")
def ended() -> dict[str, Ran]:
    """What each scenario came to; the books of all have been checked."""
    return run_together(SCENARIOS)


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_in_exactly_one_class(name: str, ended: dict[str, Ran]) -> None:
    ran = ended[name]
    assert ran.failures == {FAILURES[name]: ALL}
    assert ran.counts["scheduled"] == ran.counts["failed"] == ALL
    assert ran.result["latency"]["error"]["n"] == ALL
    assert ran.result["latency"]["corrected"]["n"] == 0
    assert (ran.status, ran.verdict) == (4, "errors")


@pytest.mark.parametrize("status", [404, 503])
def test_http_errors_are_counted_apart(status: int, ended: dict[str, Ran]) -> None:
    ran = ended[str(status)]
    assert (ran.counts["http_errors"], ran.counts["failed"], ran.counts["completed"]) == (ALL, 0, ALL)
    assert ran.result["status"] == {str(status): ALL}
    assert ran.status == 4
    assert ran.result["latency"]["error"]["n"] == ALL


def test_an_expected_404_is_ok(ended: dict[str, Ran]) -> None:
    assert (ended["404-expected"].counts["ok"], ended["404-expected"].counts["http_errors"]) == (ALL, 0)


@pytest.mark.parametrize("name", UNEXPECTED)
def test_an_answer_that_is_not_what_was_expected_fails(name: str, ended: dict[str, Ran]) -> None:
    ran = ended[f"unexpected-{name}"]
    assert ran.failures == {"validate": ALL}
    assert ran.counts["completed"] == ALL


def test_expectations_that_hold(ended: dict[str, Ran]) -> None:
    assert ended["as-expected"].counts["ok"] == ALL


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_answers_are_ok(name: str, ended: dict[str, Ran]) -> None:
    assert ended[name].counts["ok"] == ALL
    kept = ended[name].result["connections"]
    assert kept["closed_after_response"] == (EVER if name in ("closing", "until-close") else 0)
    assert kept["stray"] == (EVER if name == "excess" else 0)


def test_accept_then_close(ended: dict[str, Ran]) -> None:
    ran = ended["accept-close"]
    assert set(ran.failures) <= {"read_empty", "read_reset", "write"}
    assert ran.counts["failed"] == ALL


def test_timeouts_are_censored_values(ended: dict[str, Ran]) -> None:
    corrected = ended["slow"].result["latency"]["corrected"]
    assert (corrected["n"], corrected["censored"]) == (0, ALL)
    assert corrected["percentiles"]["50"] >= 100_000_000
    assert {"50", "max", "mean"} <= set(corrected["at_least"])


def test_a_server_that_goes_away_and_is_not_there() -> None:
    with serving("dies", 1) as url:
        ran = load("-R", 100, "-d", 1.5, "-c", 4, f"{url}/")
    assert set(ran.failures) <= {"connect_refused", "read_reset", "read_empty", "write"}
    assert ran.failures["connect_refused"] > 30
    assert ran.counts["ok"] > 5


def test_no_answer_to_syn_stops_before_the_load() -> None:
    with serving("deaf") as url:
        ran = pacer("-R", RATE, "-d", SECONDS, "-c", 2, "-T", "200ms", f"{url}/")
    assert (ran.status, ran.out) == (2, "")
    assert "timeout" in ran.err


def test_no_answer_to_syn_during_the_load() -> None:
    """The connections that still fit into the server's queue are sent on, and time out."""
    with serving("goes-deaf", 0.3) as url:
        ran = load("-R", 20, "-d", 1, "-c", 10, "-T", "100ms", "--no-keepalive", f"{url}/")
    assert set(ran.failures) <= {"connect_timeout", "timeout"}
    assert ran.failures["connect_timeout"] >= 5


def test_a_reused_connection_that_dies_is_tried_again_once() -> None:
    with serving("then-dies", 3) as url:
        ran = load("-R", 200, "-d", 0.5, "-c", 2, f"{url}/")
    assert (ran.counts["ok"], ran.failures) == (100, {})
    assert ran.counts["retried"] == pytest.approx(100 / 3, abs=3)


def test_a_post_is_not_sent_twice() -> None:
    with serving("then-dies", 3) as url:
        ran = load("-R", 200, "-d", 0.5, "-c", 2, "--body", "x", f"{url}/")
    assert ran.counts["retried"] == 0
    assert set(ran.failures) <= {"read_empty", "read_reset"}
    assert ran.counts["failed"] == pytest.approx(25, abs=3)


def test_a_closed_loop_does_not_hammer_a_server_that_is_down() -> None:
    with serving("dies", 1) as url:
        ran = load("-d", 1.2, "-c", 4, f"{url}/")
    assert 4 <= ran.failures["connect_refused"] <= 4 * 130


def refused(*arguments: str | float | Path) -> Ran:
    ran = pacer(*arguments)
    assert ran.out == ""
    assert ran.err.startswith("pacer: ")
    assert ran.err.count("\n") == 1
    return ran


@pytest.mark.parametrize(("url", "status"), [
    pytest.param("http://127.0.0.1:1/", 2, id="refused"),
    pytest.param("http://name.invalid/", 2, id="unknown-name"),
    pytest.param("ftp://127.0.0.1/", 1, id="scheme"),
])
def test_targets_that_cannot_be_loaded(url: str, status: int) -> None:
    assert refused("-R", 10, "-d", 1, url).status == status

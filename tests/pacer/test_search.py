"""Finding the highest rate: the search against servers that are made up, and once for real."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from pacer import cli_search
from pacer import search as search_module
from pacer.cli import main
from pacer.errors import TargetError, UsageError
from pacer.options import Options
from pacer.recording import Recording
from pacer.result import Outcome, conclude
from pacer.search import CLIENT, FAILS, HOLDS, PRECISION, Found, Trial, parse_limits, search
from tests.pacer.servers import serving
from tests.pacer.support import ROOT, start

SEARCH_SCHEMA = ROOT / "docs" / "pacer-search.schema.json"


def searching(result: Callable[[float, int], str], start: float = 100) -> Found:
    """Search with trials whose result a function makes up of rate and number of the trial."""
    number = 0

    def attempt(rate: float, factor: int) -> Trial:
        nonlocal number
        number += 1
        return Trial(rate_per_s=rate, duration_s=factor, result=result(rate, number), values={}, verdict="")

    return search(attempt, start)


@pytest.mark.parametrize("limit", [1.2, 7, 60, 100, 555, 4321, 98765])
@pytest.mark.parametrize("start", [1, 100, 20_000])
def test_the_interval_holds_the_limit(limit: float, start: float) -> None:
    found = searching(lambda rate, _: HOLDS if rate <= limit else FAILS, start)
    assert found.holds_per_s is not None
    assert found.fails_per_s is not None
    assert found.holds_per_s <= limit < found.fails_per_s
    assert found.fails_per_s / found.holds_per_s <= PRECISION + 0.01
    assert found.limited_by == "server"
    held = [trial for trial in found.trials if trial.rate_per_s == found.holds_per_s]
    failed = [trial for trial in found.trials if trial.rate_per_s == found.fails_per_s]
    assert len(held) >= 3, "confirmed by repetition"
    assert len(failed) >= 2
    assert len(found.trials) <= 60
    assert held[-1].duration_s == 4, "longer near the boundary"


def test_a_generator_that_holds_no_rate_is_named_soon() -> None:
    """It does not halve down to nothing with ever longer trials."""
    found = searching(lambda _rate, _: CLIENT, 4000)
    assert (found.holds_per_s, found.limited_by) == (None, "generator")
    assert [trial.rate_per_s for trial in found.trials] == [4000, 4000, 2000, 2000, 1000, 1000, 500, 500]


def test_a_lucky_trial_does_not_count() -> None:
    """Every fifth trial holds by luck at any rate up to 700; the server's limit is 300."""
    found = searching(lambda rate, number: HOLDS if rate <= 300 or (number % 5 == 0 and rate < 700) else FAILS)
    assert found.holds_per_s is not None
    assert found.holds_per_s <= 330


def test_a_server_that_never_holds() -> None:
    found = searching(lambda _rate, _number: FAILS)
    assert found.holds_per_s is None


def test_the_generator_is_never_taken_for_the_server() -> None:
    found = searching(lambda rate, _: HOLDS if rate <= 5000 else CLIENT)
    assert found.limited_by == "generator"
    assert found.holds_per_s is not None
    assert 4500 < found.holds_per_s <= 5000


def test_a_search_ends() -> None:
    found = searching(lambda rate, number: HOLDS if (hash((rate, number)) & 1) else FAILS)
    assert len(found.trials) <= 60


@pytest.mark.parametrize("above", [FAILS, CLIENT])
def test_a_target_that_is_gone_leaves_what_is_known(above: str) -> None:
    def result(rate: float, number: int) -> str:
        if number == 7:
            raise TargetError("cannot connect to it")
        return HOLDS if rate <= 300 else above

    found = searching(result)
    assert (found.limited_by, found.stopped) == ("stopped", "cannot connect to it")
    assert found.holds_per_s is not None
    assert found.holds_per_s <= 300
    assert (found.fails_per_s is None) == (above == CLIENT), "what the generator failed at is no limit of the server"


def test_a_target_that_was_never_there_is_an_error() -> None:
    def result(_rate: float, _number: int) -> str:
        raise TargetError("cannot connect to it")

    with pytest.raises(TargetError):
        searching(result)


def test_the_limit_of_a_real_server_lies_in_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of 8 ms a request, one after the other, holds 125 a second; half the requests wait beyond it.

    Above its capacity the median wait of a trial of d seconds is half of (rate / 125 - 1) d: 77 ms at 141/s in 1.2 s.
    The interval may be 1.5 wide here, which makes the search short.
    """
    monkeypatch.setattr(cli_search, "_PAUSE_S", 0.05)
    monkeypatch.setattr(search_module, "PRECISION", 1.5)
    with serving("deterministic", 0.008) as url:
        process = start("--search", "p50<30ms", "-R", 100, "-c", 8, "-d", "600ms", "--format", "json", f"{url}/")
        patience = threading.Timer(25, process.send_signal, [signal.SIGTERM])   # of a machine that has no time for it
        patience.start()
        ran = process.finish()
        patience.cancel()
    jsonschema.Draft202012Validator(json.loads(SEARCH_SCHEMA.read_text())).validate(ran.result)
    client_bound = [trial for trial in ran.result["trials"] if trial["result"] == CLIENT]
    if ran.result["limited_by"] == "server":
        assert ran.result["holds_per_s"] <= 125 * 1.05
        assert ran.result["fails_per_s"] >= 125 * 0.9
        assert ran.result["fails_per_s"] / ran.result["holds_per_s"] <= 1.51
    else:
        assert client_bound or ran.result["limited_by"] == "stopped", "nothing else can leave it open"


def test_limits() -> None:
    first, second, third = parse_limits("p99<10ms, errors<0.1%,max<=2s")
    assert (first.name, first.bound, first.samples) == ("p99", 10_000_000, 1000)
    assert second.name == "errors"
    assert second.bound == pytest.approx(0.001)
    assert third.bound == 2_000_000_000


@pytest.mark.parametrize("text", ["", "p99", "p98<1ms", "p99>1ms", "p99<soon", "errors<0.1", "p99<1ms,"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a limit"):
        parse_limits(text)


def test_a_search_says_what_it_does_and_ends_on_a_signal() -> None:
    with serving("slow", 0.01) as url:
        process = start("--search", "p50<100ms", "-R", 200, "-c", 4, "-d", "100ms", f"{url}/")
        first = process.first_error_line()
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        ran = process.finish()
    assert re.match(r"pacer: 200\.0 req/s for 0\.11 s: (holds|fails|client-bound) \(p50 [0-9.]+ ms; ", first)
    assert ran.status == 3
    assert "STOPPED, the ends are not confirmed: interrupted" in ran.out
    assert "200.0 req/s for 0.11 s" in ran.out
    assert ran.err.splitlines()[-1].startswith("pacer: the search is not finished: interrupted")


def test_the_answer_of_a_search(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                tmp_path: Path) -> None:
    """The whole command with a server that holds 700/s, made up below `run`."""
    def run(options: Options) -> Outcome:
        rate = float(options.rate_per_s or 0)
        recording = Recording(window_ns=options.duration_ns, scheduled=1000, completed=1000, ok=1000)
        recording.connections.established = options.connections
        for _ in range(1000):
            recording.values["corrected"].record(5_000_000 if rate <= 700 else 20_000_000)
            recording.values["lag"].record(1000)
        return conclude(options, recording, address="made:up", started_wall_ns=0, busiest_core=None)

    monkeypatch.setattr(cli_search, "run", run)
    monkeypatch.setattr(cli_search, "_PAUSE_S", 0)
    path = tmp_path / "search.json"
    assert main(["--search", "p99<10ms,errors<0.1%", "--json", str(path), "http://127.0.0.1:1/"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"p99<10ms, errors<0.1% holds at (6\d\d|700)\.0 req/s and fails at 7\d\d\.0 req/s", out)
    found = json.loads(path.read_text())
    jsonschema.Draft202012Validator(json.loads(SEARCH_SCHEMA.read_text())).validate(found)
    assert (found["kind"], found["limited_by"]) == ("search", "server")
    assert found["holds_per_s"] <= 700 < found["fails_per_s"]
    assert {trial["result"] for trial in found["trials"]} == {"holds", "fails"}
    assert found["trials"][0]["values"] == {"p99": pytest.approx(5_000_000, rel=0.001), "errors": 0}


@pytest.mark.parametrize("arguments", [("--stages", "1s@5"), ("--hlog", "x.hlog", "-R", "5")])
def test_a_search_chooses_the_rates_itself(arguments: tuple[str, ...], tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stages = ("--stages", "1s@5,1s@6") if arguments[0] == "--stages" else arguments
    assert main(["--search", "p99<10ms", *stages, "http://127.0.0.1:1/"]) == 1

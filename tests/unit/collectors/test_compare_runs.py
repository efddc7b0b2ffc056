"""Which runs a comparison is made of, and what of two campaigns' records keeps them from being compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.compare import Comparison, Options, compare_folders, compare_within, measure
from collectors.compare.metrics import METRICS
from collectors.compare.model import Delta
from collectors.compare.sides import fisher_p
from collectors.compare.store import find, keep, read_floor
from collectors.errors import ReadError
from collectors.load_runs import load_runs
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Given, write
from tests.unit.collectors.comparisons import FACTS, changed, document, make
from tests.unit.collectors.tool_output import Snapshot, wrk_text

STOLEN = Given(wrk=wrk_text(), server=Snapshot(steal=0.1))
BROKEN = Given(wrk=wrk_text(status=900), server=Snapshot(steal=0.1))
TIMED_OUT = Given(wrk=wrk_text(timeouts=4))
SWAPPED = Given(wrk=wrk_text(), server=Snapshot(swapped=9000))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    return make(tmp_path_factory.mktemp("base") / "base", seed=1)


def special(given: Given, *blocks: int, service: str = "django") -> dict[tuple[str, int], Given | None]:
    return {(service, block): given for block in blocks}


def delta_of(found: Comparison, metric: str) -> Delta:
    return next(delta for cell in found.cells for delta in cell.deltas if delta.metric == metric)


# -- runs -----------------------------------------------------------------------------------------------


def test_a_disturbance_excuses_no_errors(base: ResultsFolder, tmp_path: Path) -> None:
    other = make(tmp_path / "other", seed=2, special=special(BROKEN, 3, 4))
    found = compare_folders(base, other, Options())
    assert (found.exit_status, found.invalid) == (2, {"errors": 2})
    used = compare_folders(base, other, Options(use=["errors"]))
    assert used.cells[0].left_out == {"environment-changed": 2}


def test_a_baseline_with_a_broken_run_is_refused_though_it_was_disturbed_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "bad", special=special(BROKEN, 3))
    assert main(["baseline", "accept", str(tmp_path / "bad"), "bad"]) == 2
    assert "has 9 usable of 10 runs (1 errors)" in capsys.readouterr().err


def test_runs_whose_percentiles_are_bounds_are_not_dropped(base: ResultsFolder, tmp_path: Path) -> None:
    """Where a request timed out wrk's distribution lacks it: without those runs the rest would look fine."""
    other = make(tmp_path / "other", seed=2, special=special(TIMED_OUT, 1, 2, 3, 4))
    found = compare_folders(base, other, Options(floor=0.02))
    for metric in ("p50", "p99"):
        delta = delta_of(found, metric)
        assert (delta.verdict, delta.effect) == (None, None)
        assert delta.words == f"cannot tell: {metric} of 4 of 10 runs of B is a lower bound"
    assert delta_of(found, "rate").verdict is not None
    assert found.exit_status == 4


def test_runs_with_too_few_requests_for_a_percentile_are_not_dropped(base: ResultsFolder, tmp_path: Path) -> None:
    few = Given(wrk=wrk_text(rate=99.0, mean_ms=646))
    other = make(tmp_path / "other", seed=2, special=special(few, 1, 2, 3))
    found = compare_folders(base, other, Options(floor=0.02))
    delta = delta_of(found, "p99")
    assert (delta.verdict, delta.effect, delta.n_a, delta.n_b) == (None, None, 10, 7)
    assert delta.words == "cannot tell: p99 of 3 of 10 runs of B: too few requests"
    assert delta_of(found, "p50").verdict is not None


def test_a_percentile_that_no_run_has_requests_enough_for_is_not_asked(tmp_path: Path) -> None:
    few = {("django", block): Given(wrk=wrk_text(rate=99.0, mean_ms=646)) for block in range(1, 11)}
    a, b = (make(tmp_path / name, special=few) for name in ("a", "b"))
    found = compare_folders(a, b, Options(floor=0.02))
    assert {delta.metric for delta in found.cells[0].deltas} == {"rate", "p50", "errors", "cpu"}


def test_what_is_left_out_is_said_of_each_side_with_its_cause(base: ResultsFolder, tmp_path: Path) -> None:
    other = make(tmp_path / "other", seed=2, special=special(SWAPPED, 1, 2))
    found = compare_folders(base, other, Options())
    assert (found.cells[0].left_out_a, found.cells[0].left_out_b) == ({}, {"environment-changed": 2})
    assert found.cells[0].disturbed_b == ("pages swapped",)
    assert "runs that do not count: none of A; 2 environment-changed of B (pages swapped)" in found.notes


def test_disturbances_of_one_side_alone_are_not_taken_for_the_environments(
    base: ResultsFolder, tmp_path: Path
) -> None:
    other = make(tmp_path / "other", seed=2, special=special(SWAPPED, 1, 2, 3, 4, 5))
    found = compare_folders(base, other, Options())
    assert (found.exit_status, found.invalid) == (2, {"environment-changed": 5})
    assert (found.cells[0].invalid or "").endswith(
        "0 of A and 5 of B, which is no chance: what disturbed them may come of the side itself"
    )
    assert compare_folders(other, other, Options()).exit_status == 0, "as many on both sides"


def test_fishers_p_is_that_of_the_tables() -> None:
    """The tea tasting of 1935, three of four right, has 34 in 70 on both ends; nothing against half is 0.0325."""
    assert fisher_p((3, 1), (1, 3)) == pytest.approx(34 / 70)
    assert fisher_p((4, 0), (0, 4)) == pytest.approx(2 / 70)
    assert fisher_p((0, 10), (5, 5)) == pytest.approx(0.03251, abs=1e-5)
    assert fisher_p((0, 10), (4, 6)) > 0.05
    assert fisher_p((0, 10), (0, 10)) == 1


# -- records --------------------------------------------------------------------------------------------


def session(folder: ResultsFolder, name: str, **server: object) -> None:
    """What going on with a campaign leaves beside it."""
    for machine in ("server", "client"):
        own = server if machine == "server" else {}
        facts = {**FACTS, "machine": machine, "hostname": f"tandem-{machine}", **own}
        write(folder.directory / "sessions" / name / "machines" / f"{machine}-facts.json", facts)


def test_a_campaign_on_two_kernels_is_not_compared_by_its_first(base: ResultsFolder, tmp_path: Path) -> None:
    other = changed(base, tmp_path / "other", lambda _: None)
    session(other, "20260301T100000Z")
    assert compare_folders(base, other, Options()).differences == (), "the same machine again"
    session(other, "20260302T100000Z", kernel="6.12.9")
    found = compare_folders(base, other, Options())
    assert found.exit_status == 3
    assert [(each.key, each.a, each.b) for each in found.differences] == [
        ("server.kernel", "6.1.0-44-amd64", "6.1.0-44-amd64, then 6.12.9")
    ]
    itself = compare_folders(other, other, Options())
    assert (itself.exit_status, [each.key for each in itself.differences]) == (3, ["server.kernel"])
    assert compare_folders(other, other, Options(allow=["server.kernel"])).exit_status == 0


def test_sides_within_a_campaign_on_two_kernels_are_told(tmp_path: Path) -> None:
    folder = make(tmp_path / "pair", plan_=document(services=("django", "flask")))
    session(folder, "20260302T100000Z", kernel="6.12.9")
    found = compare_within(folder, "service", ("django", "flask"), Options())
    assert "server.kernel changed between the campaign's sessions: 6.1.0-44-amd64, then 6.12.9" in found.notes


def test_the_kernel_settings_of_all_profiles_are_compared(base: ResultsFolder, tmp_path: Path) -> None:
    def profiles(value: str) -> Any:
        kernel = {"net.core.somaxconn": {"value": value, "optional": False}}
        own = {"description": "", "limits": {}, "postgresql": {}, "refused": {}}
        rows = [{"name": "stock", "kernel": {}, **own}, {"name": "tuned", "kernel": kernel, **own}]
        return lambda plan_: plan_.update(profiles=rows) or plan_.pop("profile")

    one, other = (changed(base, tmp_path / value, profiles(value)) for value in ("4096", "65535"))
    found = compare_folders(one, other, Options())
    assert [(each.key, each.a, each.b) for each in found.differences] == [
        ("profile.tuned.kernel.net.core.somaxconn.value", "4096", "65535")
    ]


def test_a_missing_service_is_declared_without_declaring_how_the_others_run(tmp_path: Path) -> None:
    one = make(tmp_path / "one", plan_=document(services=("django", "flask")))
    other = make(tmp_path / "other", seed=2, plan_=document())
    found = compare_folders(one, other, Options(allow=["services.present"]))
    assert (found.exit_status, [each.key for each in found.differences]) == (0, ["services.present"])
    started = changed(other, tmp_path / "started", lambda plan_: plan_["services"][0].update(argv=["other"]))
    assert compare_folders(one, started, Options(allow=["services.present"])).exit_status == 3


def test_what_neither_campaign_has_on_record_is_said(base: ResultsFolder, tmp_path: Path) -> None:
    a, b = (changed(base, tmp_path / name, lambda _: None) for name in ("a", "b"))
    for folder in (a, b):
        for path in (folder.directory / "machines").glob("*server*"):
            path.unlink()
    said = "on record of neither campaign, and so not compared: facts of the server, settings of the server"
    assert said in compare_folders(a, b, Options()).notes
    assert not [note for note in compare_folders(base, base, Options()).notes if "on record" in note]


# -- noise floors ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    place = tmp_path_factory.mktemp("results") / "noise-1"
    folder = make(place, plan_=document(services=("django", "flask"), blocks=12), special=special(STOLEN, 3))
    keep(folder, measure(folder, load_runs(folder)[0], use=["environment-changed"]))
    return folder


def test_a_campaign_is_not_held_to_a_floor_of_its_own(noise: ResultsFolder) -> None:
    results = noise.directory.parent
    other = make(results / "other", seed=2)
    assert find(other, noise, design="apart") == (None, None, [])
    assert find(noise, noise, design="interleaved")[0] is not None
    again = make(results / "again", seed=3)
    assert find(other, again, design="apart")[0] is not None


def test_a_floor_says_which_runs_it_is_of(noise: ResultsFolder) -> None:
    results = noise.directory.parent
    floor = read_floor(results / "noise" / "noise-1" / "noise-floor.json")
    assert floor.use == ("environment-changed",)
    a, b = make(results / "use-a", seed=4), make(results / "use-b", seed=5)
    said = (
        "the noise floor was measured of other runs: verdicts counted all the same there: environment-changed; "
        "here: none"
    )
    assert said in compare_folders(a, b, Options()).notes
    assert said not in compare_folders(a, b, Options(use=["environment-changed"])).notes


def test_a_given_floor_of_other_machines_is_said(noise: ResultsFolder, tmp_path: Path) -> None:
    path = noise.directory.parent / "noise" / "noise-1" / "noise-floor.json"
    other = {"hostname": "another-server"}
    a, b = make(tmp_path / "a", server=other), make(tmp_path / "b", seed=2, server=other)
    notes = compare_folders(a, b, Options(floor=read_floor(path), floor_source=str(path))).notes
    assert "the noise floor is of another pair of machines: server tandem-server, client tandem-client" in notes


def test_a_floor_without_a_figure_of_a_round_is_said(noise: ResultsFolder, tmp_path: Path) -> None:
    path = noise.directory.parent / "noise" / "noise-1" / "noise-floor.json"
    plan = document(rounds=("sustained",))
    a, b = make(tmp_path / "a", plan_=plan), make(tmp_path / "b", plan_=plan, seed=2)
    notes = compare_folders(a, b, Options(floor=read_floor(path), metrics=("rate", "p50"))).notes
    assert (
        "the noise floor has no figure of rate, p50 in sustained: what is assumed between two campaigns stands in its "
        "place"
    ) in notes


def test_a_floor_below_nothing_is_refused(noise: ResultsFolder, tmp_path: Path) -> None:
    held = json.loads((noise.directory.parent / "noise" / "noise-1" / "noise-floor.json").read_text(encoding="utf-8"))
    held["rows"][0]["largest"] = -0.1
    write(tmp_path / "floor.json", held)
    said = f"the noise floor of {held['rows'][0]['metric']} in calibration is -0.1; allowed: 0 and more"
    with pytest.raises(ReadError, match=said):
        read_floor(tmp_path / "floor.json")
    assert held["rows"][0]["metric"] in METRICS

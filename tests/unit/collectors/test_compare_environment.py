"""What two campaigns must have in common to be compared, and what may differ once it is declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tandem_kernel.snapshot import VOLATILE as MACHINES_VOLATILE

from collectors.cli import main
from collectors.compare import Options, compare_folders
from collectors.compare.environment import VOLATILE
from collectors.explain.words import TIMES
from collectors.results import ResultsFolder
from tests.unit.collectors.comparisons import changed, delta_of, document, make

BASE_SEED, OTHER_SEED = 1, 2
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    return make(tmp_path_factory.mktemp("base") / "base", seed=BASE_SEED)


@pytest.mark.parametrize(
    ("machine", "key"),
    [
        ({"server": {"hostname": "another-machine"}}, "server.hostname"),
        ({"server": {"kernel": "6.12.1"}}, "server.kernel"),
        (
            {"server": {"kernel_command_line": {"quiet": True, "mitigations": "off"}}},
            "server.kernel_command_line.mitigations",
        ),
        ({"server": {"processor": ["0", "AuthenticAMD", "Another"]}}, "server.processor"),
        ({"settings": {"net.core.somaxconn": "65535"}}, "server.settings.net.core.somaxconn"),
        ({"settings": {"net.core.new": "1"}}, "server.settings.net.core.new"),
        ({"wake_up_us": None}, "client.awake.wake_up_us"),
        ({"wake_up_us": 10}, "client.awake.wake_up_us"),
    ],
)  # fmt: skip
def test_a_difference_of_the_machines_stops_until_it_is_declared(
    base: ResultsFolder, tmp_path: Path, machine: dict[str, Any], key: str
) -> None:
    other = make(tmp_path / "other", seed=OTHER_SEED, **machine)
    found = compare_folders(base, other, Options())
    assert (found.outcome, found.exit_status, found.cells) == ("not-comparable", 3, ())
    assert [each.key for each in found.differences] == [key]
    assert found.sentence == (
        f"not comparable: A and B differ in 1 thing not declared ({key}); declare what is under test with --allow KEY"
    )
    for allow in (key, key.rpartition(".")[0]):
        declared = compare_folders(base, other, Options(allow=[allow]))
        assert declared.outcome == "same-or-better"
        assert [each.allowed for each in declared.differences] == [True]


def test_what_changes_by_itself_and_what_hardly_differs_stops_nothing(base: ResultsFolder, tmp_path: Path) -> None:
    settings = {"kernel.random.uuid": "another", "fs.file-nr": "1 2 3"}
    other = make(tmp_path / "other", seed=OTHER_SEED, server={"memory_mib": 16010}, settings=settings)
    assert compare_folders(base, other, Options()).differences == ()


def test_settings_that_change_by_themselves_are_those_of_the_machines_snapshots() -> None:
    assert VOLATILE.pattern == MACHINES_VOLATILE.pattern
    assert VOLATILE.flags == MACHINES_VOLATILE.flags


def test_a_machine_without_facts_is_one_difference(base: ResultsFolder, tmp_path: Path) -> None:
    other = changed(base, tmp_path / "other", lambda _: None)
    (other.directory / "machines" / "settings-server-during.json").unlink()
    found = compare_folders(base, other, Options())
    assert [(each.key, each.b) for each in found.differences] == [("server.settings", None)]


def _round(**values: object) -> Change:
    return lambda plan_: plan_["rounds"]["calibration"].update(values)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (_round(loop="open", rate_per_s=400, generator="pacer"), "rounds.calibration.generator"),
        (_round(loop="open"), "rounds.calibration.loop"),
        (_round(timeout_s=2), "rounds.calibration.timeout_s"),
        (_round(path="link"), "rounds.calibration.path"),
        (_round(endpoints=["agents", "index"]), "rounds.calibration.endpoints"),
    ],
)
def test_what_means_something_else_is_never_compared(
    base: ResultsFolder, tmp_path: Path, change: Change, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = changed(base, tmp_path / "other", change)
    allowed = [argument for each in ("rounds", key) for argument in ("--allow", each)]
    assert main(["compare", str(base.directory), str(other.directory), *allowed]) == 3
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith(f"Not comparable, whatever is allowed: {key} is ")
    assert TIMES not in said


def test_another_dispatch_is_never_compared(tmp_path: Path) -> None:
    one = make(tmp_path / "one", plan_=document(rounds=("sustained",)))

    def pool(plan_: dict[str, Any]) -> None:
        for run in plan_["runs"]:
            run["load_argv"] = [*run["load_argv"][:-1], "--dispatch", "pool", run["load_argv"][-1]]

    found = compare_folders(one, changed(one, tmp_path / "two", pool), Options(allow=["rounds"]))
    assert found.sentence == (
        "not comparable, whatever is allowed: rounds.sustained.dispatch is pinned in A and pool in B"
    )


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (_round(connections=32), "rounds.calibration.connections"),
        (lambda plan_: plan_.update(workers=4), "campaign.workers"),
        (lambda plan_: plan_["services"][0].update(argv=["other"]), "services.django.argv"),
        (lambda plan_: plan_["versions"].update(tandem="9"), "version.tandem"),
        (lambda plan_: plan_["profile"].update(limits={"nofile": 99}), "profile.limits.nofile"),
        (lambda plan_: plan_.update(code={"django": {"requirements": "abc"}}), "code"),
    ],
)
def test_another_campaign_is_compared_when_that_is_under_test(
    base: ResultsFolder, tmp_path: Path, change: Change, key: str
) -> None:
    other = changed(base, tmp_path / "other", change)
    assert [each.key for each in compare_folders(base, other, Options()).differences] == [key]
    assert compare_folders(base, other, Options(allow=[key])).exit_status == 0


def test_other_packages_are_a_difference_where_both_ran_the_app(base: ResultsFolder, tmp_path: Path) -> None:
    def code(**requirements: str) -> Change:
        return lambda plan_: plan_.update(code={name: {"requirements": each} for name, each in requirements.items()})

    one = changed(base, tmp_path / "one", code(django="abc", pacer="1"))
    other = changed(base, tmp_path / "other", code(django="abd", pacer="1", flask="x"))
    found = compare_folders(one, other, Options())
    assert [(each.key, each.a, each.b) for each in found.differences] == [("code.django.requirements", "abc", "abd")]


def test_more_blocks_and_another_seed_are_no_difference(base: ResultsFolder, tmp_path: Path) -> None:
    other = make(tmp_path / "other", plan_=document(blocks=12) | {"seed": 7})
    found = compare_folders(base, other, Options())
    assert found.differences == ()
    assert (delta_of(found, "rate").n_a, delta_of(found, "rate").n_b) == (10, 12)

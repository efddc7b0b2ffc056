"""What the check without a campaign asks of which service, and whom it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.cli import main
from collectors.errors import PlanError
from collectors.plan.constants import DATASETS
from collectors.plan.project import Project
from collectors.plan.verification import WORKERS, verification
from tests.unit.plan.support import edit, make_project

TUNED = "description: room\nkernel: {}\nlimits: {}\npostgresql: {max_connections: 600}\nrefused: {}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_project(tmp_path)
    (tmp_path / "profiles" / "tuned.yml").write_text(TUNED)
    return made


def ids(found: dict[str, object]) -> list[str]:
    services = found["services"]
    assert isinstance(services, list)
    return [service["id"] for service in services]


def test_an_app_stands_for_all_its_variants_and_no_name_for_all_apps(project: Project) -> None:
    assert ids(verification(project, ["plain"])) == ["plain", "plain-deep", "plain-pooled"]
    assert ids(verification(project, ["plain:deep", "pool"])) == ["plain-deep", "pool"]
    assert ids(verification(project, [])) == ["plain", "plain-deep", "plain-pooled", "pool"]


def test_every_endpoint_is_checked_on_every_data_set(project: Project) -> None:
    (service,) = verification(project, ["pool"])["services"]
    assert [(part["dataset"], part["database"]) for part in service["checks"]] == list(DATASETS.items())
    index, agents = service["checks"][1]["contracts"]
    assert (index["path"], index["body_bytes"], index["requests"]) == ("/index", None, 50)
    assert (agents["path"], agents["requests"], agents["sessions"]) == ("/agents", 30 * WORKERS + 1, 30 * WORKERS)
    assert agents["json"]["null_keys"] == []


BAD = {
    "key": ("variants: {default: {}}", "variants: {default: {}}\nprot: 1",
            "apps/pool/app.yml, line 10: unknown key 'prot' (did you mean 'port'?); allowed: "),
    "launcher": ("launcher: pooled", "launcher: poled",
                 "apps/pool/app.yml, line 2: unknown launcher 'poled' (did you mean 'pooled'?); allowed: "),
    "yaml": ("port: 8008", "port: [", "apps/pool/app.yml, line "),
    "none": ("variants: {default: {}}", "", "apps/pool/app.yml, line 1: the file lacks the key 'variants'; allowed: "),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence"), BAD.values(), ids=BAD)
def test_a_wrong_app_is_refused_in_a_sentence_and_the_others_are_checked(
    old: str, new: str, sentence: str, project: Project
) -> None:
    edit(project.root, "apps/pool/app.yml", old, new)
    found = verification(project, ["pool", "plain:deep"])
    assert ids(found) == ["plain-deep"]
    (said,) = found["refused"].values()
    assert said.startswith(sentence)


@pytest.mark.parametrize("names", [["pool", "plain:deep"], ["plain:deep", "pool"]])
def test_two_apps_of_one_port_are_both_refused(names: list[str], project: Project) -> None:
    edit(project.root, "apps/pool/app.yml", "port: 8008", "port: 8000")
    found = verification(project, names)
    assert ids(found) == []
    assert found["refused"] == {
        "plain": "apps/plain/app.yml: port 8000 is pool's already; allowed: a port of its own",
        "pool": "apps/pool/app.yml: port 8000 is plain's already; allowed: a port of its own",
    }


def test_what_is_wrong_for_all_variants_is_said_once(project: Project) -> None:
    edit(project.root, "apps/plain/app.yml", "pool_size: 0\nvariants", "pool_size: -1\nvariants")
    found = verification(project, ["plain"])
    assert list(found["refused"]) == ["plain:default"]
    assert ids(found) == ["plain-pooled"], "which has a pool_size of its own"


def test_an_unknown_variant_is_refused_and_an_unknown_app_stops_all(project: Project) -> None:
    refused = verification(project, ["plain:dep"])["refused"]
    assert refused["plain:dep"].startswith("apps: unknown variant of plain 'dep' (did you mean 'deep'?)")
    with pytest.raises(PlanError, match=r"^apps: unknown app 'plian' \(did you mean 'plain'\?\); allowed: plain, "):
        verification(project, ["pool", "plian"])


def test_an_interpreter_that_an_app_is_not_for_is_named(project: Project) -> None:
    edit(project.root, "apps/pool/app.yml", "port: 8008", 'port: 8008\npython: "3.10-3.12"')
    assert ids(verification(project, ["pool"])) == ["pool"], "as long as the machine is not asked"
    found = verification(project, [], python="3.13.1", system_python="3.11.2")
    assert found["refused"] == {
        "pool": "pool cannot be installed: its packages exist for Python 3.10-3.12, and the server has 3.13.1"
    }


def test_the_command_prints_it_as_json(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    assert main(["verification", "--apps", "plain:deep,pool", "--python", "3.11.2", "--system-python", ""]) == 0
    assert ids(json.loads(capsys.readouterr().out)) == ["plain-deep", "pool"]
    for every in ([], ["--apps", ""], ["--apps", "all"]):
        assert main(["verification", *every]) == 0
        assert ids(json.loads(capsys.readouterr().out)) == ["plain", "plain-deep", "plain-pooled", "pool"]
    assert main(["verification", "--apps", "pool,"]) == 2
    assert capsys.readouterr().err == (
        "tandem: --apps pool,: a name is empty; allowed: names of apps with a comma between them\n"
    )

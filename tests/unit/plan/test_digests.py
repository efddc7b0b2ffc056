"""Digests of programs and packages: the same for the same files, another for any change that could matter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from collectors.errors import PlanError
from collectors.plan import Request, build_plan, expand_services, find_project
from collectors.plan.digests import digests

ROOT = find_project().root
SERVICES = build_plan(find_project(), Request(campaign="quick")).services


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "apps", tmp_path / "apps", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "pacer", tmp_path / "pacer", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def of(root: Path) -> dict[str, dict[str, str]]:
    return digests(root, root / "apps", SERVICES)


def test_the_same_files_have_the_same_digests_wherever_they_are(copy: Path) -> None:
    here = of(ROOT)
    assert here == of(copy)
    assert set(here) == {"django", "flask", "api-hour", "pacer"}
    assert set(here["flask"]) == {"program", "requirements"}
    assert all(len(digest) == 64 for each in here.values() for digest in each.values())


@pytest.mark.parametrize(
    ("path", "key"), [("apps/flask/app.py", "program"), ("apps/flask/requirements.txt", "requirements")]
)
def test_a_change_changes_what_it_belongs_to_and_nothing_else(copy: Path, path: str, key: str) -> None:
    before = of(copy)
    with (copy / path).open("a", encoding="utf-8") as file:
        file.write("# one more line\n")
    after = of(copy)
    changed = {(name, part) for name, own in before.items() for part in own if after[name][part] != own[part]}
    assert changed == {("flask", key)}


def test_a_renamed_file_is_a_change_and_a_compiled_one_is_none(copy: Path) -> None:
    before = of(copy)
    (copy / "apps" / "flask" / "__pycache__").mkdir()
    (copy / "apps" / "flask" / "__pycache__" / "app.pyc").write_bytes(b"compiled")
    assert of(copy) == before
    (copy / "apps" / "flask" / "app.py").rename(copy / "apps" / "flask" / "main.py")
    assert of(copy)["flask"]["program"] != before["flask"]["program"]


def test_variants_of_one_app_share_its_digest_and_a_root_without_generator_has_none(copy: Path) -> None:
    shutil.rmtree(copy / "pacer")
    plan = build_plan(find_project(), Request(campaign="ladder-2015"))
    assert set(digests(copy, copy / "apps", plan.services)) == {service.app for service in plan.services}


def test_an_app_that_runs_anothers_program_has_packages_of_its_own(copy: Path) -> None:
    services = expand_services(copy / "apps", ["flask", "flask-meinheld"])
    before = digests(copy, copy / "apps", services)
    for path, changed in (
        ("flask-meinheld/requirements.txt", {("flask-meinheld", "requirements")}),
        ("flask/requirements.txt", {("flask", "requirements")}),
        ("flask/app.py", {("flask", "program"), ("flask-meinheld", "program")}),
    ):
        with (copy / "apps" / path).open("a", encoding="utf-8") as file:
            file.write("# one more line\n")
        after = digests(copy, copy / "apps", services)
        found = {(name, part) for name, own in before.items() for part in own if after[name][part] != own[part]}
        assert found == changed
        before = after


def test_what_an_editor_leaves_behind_is_not_the_program(copy: Path) -> None:
    before = of(copy)
    (copy / "apps" / "flask" / ".app.py.swp").write_bytes(b"half a line")
    (copy / "apps" / "flask" / ".ruff_cache").mkdir()
    (copy / "apps" / "flask" / ".ruff_cache" / "x").write_bytes(b"x")
    assert of(copy) == before


def test_a_file_that_cannot_be_read_is_one_sentence(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PlanError, match=r"cannot be read: Permission denied; allowed: "):
        of(copy)

"""The folder of a new daemon: small, sound, on a port of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.cli import main
from collectors.errors import PlanError
from collectors.new_app import PACKAGES, make_app
from collectors.plan import expand_services, find_project
from collectors.plan import ports as ports_module
from collectors.plan.constants import UPSTREAM_PORT
from collectors.plan.ports import free_port, used_ports
from collectors.plan.project import Project, app_names

PROJECT = find_project(Path(__file__).resolve().parent)
FILES_MAX, LINES_MAX = 3, 60
"""What a minimal daemon may have."""
SHIPPED_FILES_MAX, SHIPPED_LINES_MAX = 4, 200
"""What one of those that ship may have: each holds many variants."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(PROJECT.apps_dir, tmp_path / "apps")
    shutil.copytree(PROJECT.root / "campaigns", tmp_path / "campaigns")
    return Project(root=tmp_path)


def size(folder: Path) -> tuple[int, int]:
    """Files and lines."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return len(files), sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def test_it_is_small_and_needs_no_edit_elsewhere(project: Project) -> None:
    files = make_app(project, "my-app")
    count, lines = size(project.apps_dir / "my-app")
    assert count == len(files) <= FILES_MAX
    assert lines <= LINES_MAX
    (service,) = expand_services(project.apps_dir, ["my-app"])
    assert (service.id, list(service.endpoints), service.keep_alive) == ("my-app", ["index"], True)


def test_its_versions_are_those_that_flask_has(project: Project) -> None:
    make_app(project, "mine")
    lines = (project.apps_dir / "mine/requirements.txt").read_text().splitlines()
    assert sorted(line.partition("==")[0] for line in lines[1:]) == sorted(PACKAGES)
    assert set(lines) <= set((PROJECT.apps_dir / "flask/requirements.txt").read_text().splitlines())


def test_each_new_app_has_a_port_that_no_other_has(project: Project) -> None:
    before = set(used_ports(project.apps_dir))
    for name in ("one", "two"):
        make_app(project, name)
    one, two = (service.port for service in expand_services(project.apps_dir, ["one", "two"]))
    assert one != two
    assert not {one, two} & before


def test_a_port_that_the_bench_keeps_is_not_given(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_module, "FIRST", UPSTREAM_PORT)
    assert free_port(project.apps_dir) == UPSTREAM_PORT + 1


@pytest.mark.parametrize("name", ["", "Mine", "my app", "../mine", "-x", "a--b", "mine/"])
def test_what_is_no_name_is_refused(name: str, project: Project) -> None:
    before = sorted(project.apps_dir.rglob("*"))
    with pytest.raises(PlanError) as caught:
        make_app(project, name)
    assert str(caught.value) == (
        f"{name!r} is no name for an app; allowed: small letters, digits, and single . _ - between them"
    )
    assert sorted(project.apps_dir.rglob("*")) == before


@pytest.mark.parametrize("name", ["flask", "contract.yml"])
def test_a_name_that_is_taken_is_refused(name: str, project: Project) -> None:
    with pytest.raises(PlanError, match=rf"^apps/{name} is there already; allowed: "):
        make_app(project, name)


def test_the_generators_name_in_a_plans_digests_is_refused(project: Project) -> None:
    sentence = r"'pacer' is the load generator's name in a plan's digests; allowed: another name$"
    with pytest.raises(PlanError, match=f"^{sentence}"):
        make_app(project, "pacer")
    make_app(project, "mine")
    (project.apps_dir / "mine").rename(project.apps_dir / "pacer")
    with pytest.raises(PlanError, match=f"^apps/pacer/app.yml: {sentence}"):
        expand_services(project.apps_dir, ["pacer"])
    (project.apps_dir / "pacer").rename(project.apps_dir / "pacer-like")
    assert [service.id for service in expand_services(project.apps_dir, ["pacer-like"])] == ["pacer-like"]


@pytest.mark.parametrize("name", ["load", "telemetry", "restore", "upstream", "iperf3", "floor", "front-mine"])
def test_a_name_of_a_unit_of_the_benchs_own_is_refused(name: str, project: Project) -> None:
    with pytest.raises(PlanError, match=rf"^'{name}' is the name of a unit of the bench's own; allowed: "):
        make_app(project, name)
    (project.apps_dir / "flask").rename(project.apps_dir / name)
    with pytest.raises(PlanError, match=rf"^apps/{name}/app.yml: the service '{name}' would have a unit of the bench"):
        expand_services(project.apps_dir, [name])


def test_a_variant_is_not_called_as_a_front_either(project: Project) -> None:
    folder = project.apps_dir / "front"
    (project.apps_dir / "flask").rename(folder)
    assert expand_services(project.apps_dir, ["front"])
    variant = next(line.strip(" :") for line in (folder / "app.yml").read_text().partition("variants:")[2].splitlines()
                   if line.endswith(":") and line.strip() != "default:" and line.startswith("  ") and line[2] != " ")
    with pytest.raises(PlanError, match=rf"the service 'front-{variant}' would have a unit"):
        expand_services(project.apps_dir, [f"front:{variant}"])


def test_a_folder_that_cannot_be_filled_is_not_left_half(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_text

    def full(path: Path, *words: str, **more: str) -> int:
        if path.name == "requirements.txt":
            raise OSError(28, "No space left on device", str(path))
        return write(path, *words, **more)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(PlanError, match=r"requirements\.txt: cannot be written: No space left on device"):
        make_app(project, "mine")
    assert not (project.apps_dir / "mine").exists()


def test_the_command_says_what_comes_next(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    assert main(["new-app", "mine"]) == 0
    made, *commands = capsys.readouterr().out.splitlines()
    assert made.startswith("Made apps/mine: app.yml, app.py, requirements.txt, ")
    assert [command.strip() for command in commands] == [
        "ansible-playbook playbooks/verify.yml -e apps=mine",
        "ansible-playbook bench.yml -e campaign=smoke -e apps=mine",
    ]
    assert main(["new-app", "mine"]) == 2


def test_make_hands_the_name_on_unread_by_any_shell() -> None:
    words = ["make", "--silent", "--dry-run", "--old-file=.venv/run.done", "new-app", "NAME=$$(touch x)"]
    said = subprocess.run(words, cwd=PROJECT.root, capture_output=True, text=True, check=True).stdout
    assert said.strip() == '.venv/bin/tandem new-app -- "$NAME"'


def test_what_it_makes_is_formatted(project: Project) -> None:
    (_, code, _) = make_app(project, "mine")
    words = [sys.executable, "-m", "ruff", "check", "--config", str(PROJECT.root / "pyproject.toml"), str(code)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("app", app_names(PROJECT.apps_dir))
def test_a_shipped_app_is_one_small_folder(app: str) -> None:
    folder = PROJECT.apps_dir / app
    assert not [path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"]
    count, lines = size(folder)
    assert count <= SHIPPED_FILES_MAX
    assert lines <= SHIPPED_LINES_MAX


def test_the_smallest_shipped_app_is_as_small_as_a_new_one_may_be() -> None:
    sizes = {app: size(PROJECT.apps_dir / app) for app in app_names(PROJECT.apps_dir)}
    count, lines = min(sizes.values(), key=lambda found: found[1])
    assert (count <= FILES_MAX, lines <= LINES_MAX) == (True, True), sizes

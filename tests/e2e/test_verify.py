"""Checking daemons without measuring them: one call with a good app and bad ones, on the lab."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from collectors.new_app import make_app
from collectors.plan.project import Project
from tests.apps.folders import change, new_app
from tests.apps.test_bad_apps import DRIVER, LEAKS, ROUTE
from tests.e2e.bench import ROOT, Machines, play

pytestmark = pytest.mark.lab
GOOD, LEAKING, WRONG, MISSING, TYPO = (f"e2e-{name}" for name in ("good", "leaking", "wrong", "missing", "typo"))
APPS = (GOOD, LEAKING, WRONG, MISSING, TYPO)


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What one call said, the server's settings that differ afterwards, and what of the bench runs there."""

    said: str
    status: int
    changed: dict[str, tuple[str | None, str | None]]
    active: list[str]

    def line(self, beginning: str) -> str:
        """The one line that begins so."""
        (found,) = [line.strip() for line in self.said.splitlines() if line.strip().startswith(beginning)]
        return found


@pytest.fixture(scope="module")
def machines(lab: Path) -> Machines:
    """The lab's machines; `lab` is its folder."""
    return Machines(ssh_config=lab / "ssh_config")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with five new apps, four of them with one fault each."""
    root = tmp_path_factory.mktemp("project")
    for name in ("campaigns", "profiles"):
        shutil.copytree(ROOT / name, root / name)
    new_app(root, GOOD)
    for name in (LEAKING, WRONG, MISSING, TYPO):
        make_app(Project(root=root), name)
    leaking, wrong, missing, typo = (root / "apps" / name for name in (LEAKING, WRONG, MISSING, TYPO))
    change(leaking, "requirements.txt", "blinker", f"{DRIVER}blinker")
    change(leaking, "app.py", ROUTE, f"{LEAKS}{ROUTE}")
    change(leaking, "app.py", "    return", '    kept.append(psycopg2.connect(""))\n    return')
    change(wrong, "app.py", "world", "World")
    change(missing, "requirements.txt", "click", "# click")
    change(typo, "app.yml", "pool_size", "pol_size")
    return root


@pytest.fixture(scope="module")
def verified(machines: Machines, project: Path) -> Iterator[Verified]:
    """`ansible-playbook playbooks/verify.yml` with all five."""
    before = machines.sysctls("server")
    ended = play("playbooks/verify.yml", "-e", f"apps={','.join(APPS)}", "-e", f"tandem_project={project}")
    after = machines.sysctls("server")
    changed = {key: (before.get(key), after.get(key)) for key in before.keys() | after.keys()
               if before.get(key) != after.get(key)}
    yield Verified(said=ended.stdout, status=ended.returncode, changed=changed, active=machines.active_units("server"))
    machines.run("server", "rm", "-rf", "/opt/tandem/apps/e2e-*", "/opt/tandem/venvs/e2e-*",
                 "/opt/tandem/wheels/e2e-*", "/etc/systemd/system/tandem-e2e-*")
    machines.run("server", "systemctl", "daemon-reload")
    for path in (ROOT / ".cache" / "wheels").glob("e2e-*"):
        path.unlink()


def test_the_good_one_is_ok_on_both_data_sets(verified: Verified) -> None:
    assert verified.line(f"{GOOD} ") == f"{GOOD} /index: ok (18 bytes, connections kept, 102 replies)"
    assert verified.line("ok: ") == f"ok: {GOOD}"


FAILED = "/index: FAILED on empty-join: GET /index: "
SENTENCES = {
    f"{LEAKING} ": f"{FAILED}expected at most 0 open database sessions after 51 replies, found 51",
    f"{WRONG} ": f'{FAILED}expected {{"hello": "world"}}, found {{"hello": "World"}}; waited ',
    f"{MISSING}: ": "FAILED e2e-missing cannot be installed: flask 3.1.3 requires click, which is not installed.",
    f"{TYPO}:": "default: FAILED apps/e2e-typo/app.yml, line 8: unknown key 'pol_size' (did you mean 'pool_size'?)",
}


@pytest.mark.parametrize("beginning", SENTENCES)
def test_each_bad_one_is_named_in_one_sentence(verified: Verified, beginning: str) -> None:
    assert verified.line(beginning).startswith(beginning + SENTENCES[beginning]), verified.said


def test_the_log_of_a_bad_one_follows_its_line(verified: Verified) -> None:
    lines = [line.strip() for line in verified.said.splitlines()]
    after = lines[lines.index(verified.line(f"{WRONG} ")) + 1]
    assert after.startswith("| ")
    assert "gunicorn" in after


def test_all_were_checked_before_it_failed(verified: Verified) -> None:
    assert verified.status != 0
    assert {f"{WRONG}", f"{LEAKING}", f"{MISSING}", f"{TYPO}:default"} == set(
        verified.line("FAILED   tandem-server: Not ok: ").rpartition(": Not ok: ")[2].split(", ")
    )
    assert "Traceback" not in verified.said


def test_the_server_is_as_it_was(verified: Verified) -> None:
    assert verified.changed == {}
    assert verified.active == []


def test_an_unknown_name_stops_before_any_machine_is_asked() -> None:
    ended = play("playbooks/verify.yml", "-e", "apps=flusk", timeout_s=60)
    assert ended.returncode != 0
    assert "unknown app 'flusk' (did you mean 'flask'?)" in ended.stdout
    assert "Virtual lab" not in ended.stdout


def test_make_hands_the_name_on() -> None:
    ended = subprocess.run(["make", "new-app", "NAME=flask"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "tandem: apps/flask is there already" in ended.stderr

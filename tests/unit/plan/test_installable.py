"""Apps that a server's interpreter is too old or too new for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.cli import main
from collectors.errors import PlanError
from collectors.plan.installable import not_installable, not_installable_apps


@pytest.mark.parametrize(
    ("python", "installed", "system", "sentence"),
    [
        (None, "3.13.1", None, None),
        ("3.10-3.12", "3.10.0", None, None),
        ("3.10-3.12", "3.12.9", None, None),
        ("3.10-3.12", "3.13.1", None, "its packages exist for Python 3.10-3.12, and the server has 3.13.1"),
        ("3.10-3.12", "3.9.2", None, "its packages exist for Python 3.10-3.12, and the server has 3.9.2"),
        ("system", "3.11.7", "3.11.2", None),
        ("system", "3.12.1", "3.11.2", "it needs Debian's own Python (here that is 3.11.2), and the bench uses 3.12.1"),
        ("system", "3.12.1", None, "it needs Debian's own Python (there is none), and the bench uses 3.12.1"),
    ],
)
def test_an_interpreter_is_compared(
    python: str | None, installed: str, system: str | None, sentence: str | None
) -> None:
    assert not_installable(python, installed=installed, system=system) == sentence


def frozen(folder: Path) -> Path:
    services = [{"app": "old", "python": "3.10-3.12"}, {"app": "old", "python": "3.10-3.12"}, {"app": "any"}]
    (folder / "campaign.json").write_text(json.dumps({"schema_version": 1, "services": services, "runs": []}))
    return folder


def test_the_apps_of_a_plan_are_listed_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["not-installable", str(frozen(tmp_path)), "--python", "3.13.1", "--system-python", ""]
    assert main(words) == 0
    sentence = "old cannot be installed: its packages exist for Python 3.10-3.12, and the server has 3.13.1"
    assert json.loads(capsys.readouterr().out) == {"old": sentence}


def test_what_is_no_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"^'pypy' is no version of Python; allowed: as in 3\.11 or 3\.11\.2$"):
        not_installable_apps(frozen(tmp_path), installed="pypy", system=None)

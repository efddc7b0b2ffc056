"""Environments of wheels: whether their packages fit together, and which of them need not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tandem_venv

SAID = "meinheld 1.0.2 has requirement greenlet<0.5,>=0.4.5, but you have greenlet 3.5.6.\n"
OTHER = "flask 3.1.3 requires click, which is not installed.\n"


@pytest.mark.parametrize(
    ("text", "conflicts", "left"),
    [
        ("No broken requirements found.\n", [], ["No broken requirements found."]),
        (SAID, [], [SAID.strip()]),
        (SAID, ["meinheld"], []),
        (SAID, ["greenlet"], [SAID.strip()]),
        (SAID + OTHER, ["Mein-Held", "meinheld"], [OTHER.strip()]),
        ("api-hour 0.8.2 requires x, which is not installed.\n", ["api_hour"], []),
    ],
)
def test_only_the_named_packages_may_have_broken_requirements(text: str, conflicts: list[str], left: list[str]) -> None:
    assert tandem_venv.complaints(text, conflicts) == left


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """An environment in which one package lacks another."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    (packages,) = tmp_path.glob("lib/python*/site-packages")
    (packages / "lonely-1.0.dist-info").mkdir()
    (packages / "lonely-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: lonely\nVersion: 1.0\nRequires-Dist: nobody-has-this\n"
    )
    return str(tmp_path)


def test_an_environment_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    wheels = tmp_path / "a-1.tar"
    wheels.write_bytes(b"no archive")
    said = tandem_venv.fault_of(str(wheels), str(tmp_path / "a"), [], sys.executable)
    assert said == f"{tmp_path}/a cannot be made from {wheels}: file could not be opened successfully"


def test_a_full_disk_is_no_apps_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tandem_venv, "make", full)
    with pytest.raises(OSError, match="No space left"):
        tandem_venv.fault_of("a-1.tar", str(tmp_path / "a"), [], sys.executable)


def test_what_does_not_fit_is_named_unless_it_is_known(broken: str) -> None:
    tandem_venv.check(broken, ["lonely"])
    with pytest.raises(subprocess.CalledProcessError) as caught:
        tandem_venv.check(broken, [])
    assert caught.value.stdout == "lonely 1.0 requires nobody-has-this, which is not installed."

"""Archives of wheels: what is pinned is collected, what is not pinned or cannot be had is named."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import tandem_wheels as wheels


def test_comments_and_blank_lines_are_no_requirements() -> None:
    assert wheels.requirement_lines("# all\n\nsix==1.16.0  # small\n") == ["six==1.16.0"]


@pytest.mark.parametrize("line", ["six", "six>=1", "-r other.txt"])
def test_a_line_that_pins_nothing_is_refused_by_number(line: str) -> None:
    with pytest.raises(wheels.WheelError, match=rf"^line 2 \({line}\) does not pin"):
        wheels.requirement_lines(f"six==1.16.0\n{line}\n")


def test_platform_words_name_interpreter_and_processor() -> None:
    words = wheels.platform_words("3.12", "aarch64")
    assert "--python-version=3.12" in words
    assert "--abi=cp312" in words
    assert "--platform=manylinux2014_aarch64" in words


def test_archive_is_made_once_and_again_only_for_other_requirements(tmp_path: Path) -> None:
    pinned = tmp_path / "requirements.txt"
    pinned.write_text("packaging==25.0\n")
    asked = {"requirements": str(pinned), "name": "demo", "python_version": "3.11", "machine": "x86_64",
             "into": str(tmp_path / "wheels")}
    assert wheels.bundle(asked, check_mode=True)["changed"] is True
    first = wheels.bundle(asked, check_mode=False)
    assert first["changed"] is True
    with tarfile.open(first["path"]) as archive:
        assert archive.getnames() == ["packaging-25.0-py3-none-any.whl"]
    assert wheels.bundle(asked, check_mode=False) == {"changed": False, "path": first["path"]}
    other = wheels.bundle({**asked, "python_version": "3.13"}, check_mode=True)
    assert other["path"] != first["path"]


def test_a_version_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(wheels.WheelError, match=r"^packaging==0\.0\.0 has no wheel for Python 3\.11 on x86_64"):
        wheels.collect(["packaging==0.0.0"], str(tmp_path), "3.11", "x86_64")


def test_apps_are_collected_together_and_a_bad_one_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("packaging==25.0\n")
    bad.write_text("packaging\n")
    asked = {"python_version": "3.11", "machine": "x86_64", "into": str(tmp_path / "wheels")}
    made = wheels.bundles({**asked, "apps": {"one": str(good), "two": str(good)}}, check_mode=False)
    assert made["changed"] is True
    assert [archive["app"] for archive in made["archives"]] == ["one", "two"]
    assert all(Path(archive["path"]).name == archive["name"] for archive in made["archives"])
    with pytest.raises(wheels.WheelError, match=r"bad\.txt: line 1 \(packaging\) does not pin"):
        wheels.bundles({**asked, "apps": {"one": str(good), "bad": str(bad)}}, check_mode=False)

"""Archives of wheels: what is pinned is collected, what is not pinned or cannot be had is named."""

from __future__ import annotations

import platform
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
    apps = {"one": str(good), "bad": str(bad), "none": str(tmp_path / "none.txt")}
    mixed = wheels.bundles({**asked, "apps": apps}, check_mode=False)
    assert [archive["app"] for archive in mixed["archives"]] == ["one"]
    assert mixed["refused"] == {
        "bad": "bad cannot be installed: requirements.txt: line 1 (packaging) does not pin a version with ==",
        "none": f"none cannot be installed: {tmp_path}/none.txt: No such file or directory",
    }


def test_a_full_disk_is_no_apps_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    pinned = tmp_path / "good.txt"
    pinned.write_text("packaging==25.0\n")
    monkeypatch.setattr(wheels, "collect", full)
    asked = {"python_version": "3.11", "machine": "x86_64", "into": str(tmp_path / "wheels")}
    with pytest.raises(OSError, match="No space left"):
        wheels.bundles({**asked, "apps": {"one": str(pinned)}}, check_mode=False)


def test_a_wheel_that_was_built_here_fits_a_machine_like_this_one() -> None:
    version, glibc = ".".join(platform.python_version().split(".")[:2]), platform.libc_ver()[1]
    assert wheels.unfit(version, platform.machine(), glibc) is None
    assert wheels.unfit(version, platform.machine(), "2.999") is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"machine": "riscv64"}, "the machine's processor is riscv64 where this one is"),
        ({"version": "3.99"}, "the machine's Python is 3.99 where this one is"),
        ({"glibc": "2.9"}, "the machine's glibc is 2.9 where this one is"),
        ({"glibc": ""}, "the machine's glibc is not known where this one is"),
    ],
)
def test_what_keeps_it_from_another_machine_is_said(changes: dict[str, str], sentence: str) -> None:
    version, glibc = ".".join(platform.python_version().split(".")[:2]), platform.libc_ver()[1]
    like = {"version": version, "machine": platform.machine(), "glibc": glibc}
    assert (wheels.unfit(**{**like, **changes}) or "").startswith(sentence)


def write_package(folder: Path, name: str, setup: str) -> str:
    """A source archive of a package; its path."""
    (folder / name).mkdir()
    (folder / name / "setup.py").write_text(setup)
    (folder / name / "PKG-INFO").write_text(f"Metadata-Version: 1.0\nName: {name}\nVersion: 1.0\n")
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder / name, arcname=f"{name}-1.0")
    return str(path)


def test_a_package_whose_build_needs_others_is_built_beside_them(tmp_path: Path) -> None:
    source = write_package(
        tmp_path,
        "needy",
        "import six\nfrom setuptools import setup\nsetup(name='needy', version='1.0', py_modules=[])\n",
    )
    built = tmp_path / "wheels"
    built.mkdir()
    assert not wheels.build_beside(source, str(built))[0]
    wheels.collect(["six==1.16.0"], str(built), "3.11", "x86_64")
    assert wheels.build_beside(source, str(built)) == (True, "pip gave no reason")
    assert sorted(path.name.split("-")[0] for path in built.iterdir()) == ["needy", "six"]

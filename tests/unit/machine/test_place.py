"""Many small files in one call: what differs is written, what is left over goes, and a second time nothing changes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import tandem_place as place

from plugins.action.tandem_place import contents


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An app's folder on the controller."""
    folder = tmp_path / "here"
    (folder / "sub" / "__pycache__").mkdir(parents=True)
    (folder / "app.py").write_text("print(1)\n")
    (folder / "sub" / "data.bin").write_bytes(b"\x00\xff")
    (folder / "sub" / "__pycache__" / "app.pyc").write_bytes(b"old")
    return folder


def wanted(source: Path, there: Path) -> dict[Path, bytes]:
    return {Path(path): base64.b64decode(text) for path, text in contents({str(there): str(source)}).items()}


def test_a_folder_arrives_as_it_is_without_what_python_made(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    assert place.place([str(there)], wanted(source, there), check=False)["changed"] is True
    assert (there / "sub" / "data.bin").read_bytes() == b"\x00\xff"
    assert (there / "app.py").stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in there.rglob("*")) == ["app.py", "data.bin", "sub"]
    assert place.place([str(there)], wanted(source, there), check=False)["changed"] is False


def test_old_code_and_links_are_removed_and_changed_files_written(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    place.place([str(there)], wanted(source, there), check=False)
    (there / "old.py").write_text("")
    (there / "link").symlink_to("/etc/hostname")
    (there / "app.py").chmod(0o600)
    result = place.place([str(there)], wanted(source, there), check=False)
    assert result["written"] == [str(there / "app.py")]
    assert result["removed"] == [str(there / "link"), str(there / "old.py")]
    assert not (there / "old.py").exists()
    assert Path("/etc/hostname").exists()


def test_a_check_writes_nothing(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    assert place.place([str(there)], wanted(source, there), check=True)["changed"] is True
    assert not there.exists()

"""Files of the lab, and folders that may have mounts in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import files, process
from lab.errors import LabError

TABLE = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /srv rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c
31 30 0:27 / /srv/with\\040space rw - tmpfs tmpfs rw
32 22 0:28 / /var/lib/lab rw - xfs /dev/vdb rw
33 32 0:29 / /var/lib/lab/base/proc rw - proc proc rw
34 32 0:30 / /var/lib/laboratory rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/home/somebody", "ext4", id="root file system"),
        pytest.param("/srv/lab", "overlay", id="overlay"),
        pytest.param("/srv/with space/lab", "tmpfs", id="escaped name"),
        pytest.param("/var/lib/lab/a/b/c", "xfs", id="not there yet"),
        pytest.param("/var/lib/labyrinth", "ext4", id="only the beginning of the name"),
    ],
)
def test_the_file_system_of_a_path_is_told(path: str, kind: str) -> None:
    assert files.file_system_of(Path(path), TABLE) == kind


def test_mounts_in_a_folder_are_found_innermost_first() -> None:
    assert files.mounts_below(Path("/var/lib/lab"), TABLE) == ["/var/lib/lab/base/proc", "/var/lib/lab"]
    assert files.mounts_below(Path("/var/lib/lab/upper"), TABLE) == []


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    files.write(path, "new", mode=0o600)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_somebody_elses_mount_in_a_folder_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious").write_text("x")
    monkeypatch.setattr(files, "mounts_below", lambda path: [str(path / "cache"), str(path)])
    with pytest.raises(LabError, match=r"cache is mounted, so .* was not removed: unmount it first"):
        files.remove_tree(tmp_path)
    assert (tmp_path / "precious").exists()


def test_a_folder_that_is_a_mount_point_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("/")
    monkeypatch.setattr(files, "mounts_below", lambda path: [str(path)])
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path)
    files.remove_tree(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "lab" / "deep").mkdir(parents=True)
    (tmp_path / "lab" / "file").write_text("x")
    (tmp_path / "lab" / "link").symlink_to(tmp_path)
    files.remove_tree(tmp_path / "lab")
    assert list(tmp_path.iterdir()) == []


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    files.remove_tree(tmp_path / "none")
    files.remove(tmp_path / "none")


def test_free_room_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert files.free_bytes(tmp_path / "a" / "b") > 0


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        pytest.param(["sh", "-c", "echo first >&2; echo last >&2; exit 3"], "last$", id="last words"),
        pytest.param(["sh", "-c", "echo out; exit 3"], "out$", id="said on the other stream"),
        pytest.param(["false"], "exit status 1", id="silent"),
        pytest.param(["no-such-program"], "the program no-such-program is not installed", id="missing"),
    ],
)
def test_a_failing_program_is_quoted(argv: list[str], sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        process.run(argv)
    assert not process.succeeds(argv)


def test_a_program_without_end_is_ended() -> None:
    with pytest.raises(LabError, match="no end after 0 s"):
        process.run(["sleep", "60"], timeout_s=0.1)


def test_waiting_ends_with_the_condition_or_the_deadline() -> None:
    answers = iter([False, False, True])
    assert process.wait_until(lambda: next(answers), timeout_s=10, step_s=0.001)
    assert not process.wait_until(lambda: False, timeout_s=0.01, step_s=0.001)

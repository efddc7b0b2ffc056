"""The generator's cage: what it may write, what of it is taken over, and under which name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible.module_utils import tandem_load as load

ASKED = {"user": "tandem", "deadline_s": 90.0, "nofile": 16384}


def test_the_command_runs_unprivileged_with_its_own_deadline_and_folder() -> None:
    argv = load.wrapped(["wrk", "-d5s", "http://h/a"], "/runs/1", **ASKED, out="")
    assert argv[argv.index("--") + 1:] == ["wrk", "-d5s", "http://h/a"]
    for word in ("--uid=tandem", "--property=RuntimeMaxSec=90", "--property=ReadWritePaths=/runs/1/work",
                 "--property=InaccessiblePaths=-/etc/tandem", "--property=LimitNOFILE=16384"):
        assert word in argv


@pytest.mark.parametrize("nofile", [None, 0])
def test_without_a_limit_the_machines_own_holds(nofile: int | None) -> None:
    argv = load.wrapped(["wrk"], "/runs/1", user="tandem", deadline_s=5, nofile=nofile, out="warmup-")
    assert not any("LimitNOFILE" in word for word in argv)
    assert "--property=StandardOutput=truncate:/runs/1/warmup-stdout.txt" in argv


def test_plain_files_are_taken_over_and_links_are_not(tmp_path: Path) -> None:
    work = tmp_path / load.WORK
    work.mkdir()
    (work / "load.json").write_text("{}")
    (work / "stop.json").symlink_to("/etc/hostname")
    os.mkfifo(work / "pipe")
    load.take_work(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["load.json"]


def test_the_exact_command_is_left_quoted(tmp_path: Path) -> None:
    load.record(["pacer", "-H", "a b"], str(tmp_path), {"schema_version": 1})
    assert (tmp_path / "command.txt").read_text() == "pacer -H 'a b'\n"

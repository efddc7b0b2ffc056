"""The steps of a run, sent as programs: what arrives runs alone, and what comes back is kept whole."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import tandem_main
from ansible.module_utils.tandem_profile import RestoredError

from plugins.action import tandem_run as action

ROOT = Path(__file__).resolve().parents[3]


def sent(params: dict[str, Any]) -> dict[str, Any]:
    """The answer of the program that a machine is sent, run as there: isolated, with nothing of this project."""
    done = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", action.LOADER], input=action.program(params),
                          capture_output=True, check=False, cwd="/")
    return action.answer_of({"stdout": done.stdout.decode(), "stderr": done.stderr.decode(), "rc": done.returncode})


def ending(base: Path, **more: Any) -> dict[str, Any]:
    return {"step": "end", "run": {"id": "0001-a"}, "machine": "client", "serves": False, "base": str(base), **more}


def test_the_program_needs_nothing_but_the_standard_library_and_brings_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "0001-a"
    (folder / "counters").mkdir(parents=True)
    (folder / "load.json").write_text("{}")
    answer = sent(ending(tmp_path))
    assert answer["ok"] is True
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(answer["archive"]))) as archive:
        assert {"./load.json", "./counters"} <= set(archive.getnames())


def test_a_step_on_a_machine_that_was_put_back_fails_with_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def begin(_: object) -> dict[str, Any]:
        raise RestoredError("this machine has no timer")

    monkeypatch.setitem(tandem_main.STEPS, "begin", begin)
    tandem_main.main({"step": "begin", "run": {"id": "0001-a"}})
    said = json.loads(capsys.readouterr().out)
    assert said == {"failed": True, "msg": "begin of run 0001-a: this machine has no timer"}


def test_what_came_is_kept_whole(tmp_path: Path) -> None:
    action.keep(base64.b64encode(b"packed").decode(), str(tmp_path), "0001-a", "server")
    assert (tmp_path / "runs/0001-a/server.tar.gz").read_bytes() == b"packed"
    assert [path.name for path in (tmp_path / "runs/0001-a").iterdir()] == ["server.tar.gz"]


def test_a_step_that_the_machine_cannot_do_fails_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "0001-a").write_text("a file where the folder should be")
    answer = sent(ending(tmp_path))
    assert answer["failed"] is True
    assert answer["msg"].startswith("end of run 0001-a: ")


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"stdout": "", "stderr": "sh: 1: python3: not found\n", "rc": 127}, "sh: 1: python3: not found"),
        ({"stdout": "", "stderr": "", "rc": 137}, "exit status 137, and nothing said"),
        ({"stdout": "{half", "stderr": "", "rc": 0}, "{half"),
    ],
)
def test_a_program_that_broke_off_is_a_failure(ended: dict[str, Any], said: str) -> None:
    assert action.answer_of(ended) == {"failed": True, "msg": f"the machine could not do it: {said}"}


def test_every_part_that_a_step_imports_is_sent_before_it() -> None:
    names = [name for name, _ in json.loads(action.program({}))["modules"]]
    for number, (_, source) in enumerate(json.loads(action.program({}))["modules"]):
        needed = {line.split()[1] for line in source.splitlines() if line.strip().startswith(f"from {action.PACKAGE}")}
        assert needed <= set(names[:number])

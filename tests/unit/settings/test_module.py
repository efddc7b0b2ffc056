"""The module as Ansible runs it, ad hoc on this machine against a made-up root."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.settings.fake_kernel import ansible_environment, state_of

KERNEL = {"net.core.somaxconn": 65535, "vm.nr_hugepages": {"value": 2},
          "net.ipv4.tcp_tw_recycle": {"value": 1, "optional": True}}

Ansible = Callable[..., dict[str, Any]]


@pytest.fixture
def ansible(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Calls the module with these parameters; what it answers, what was printed and the exit status."""
    answers = tmp_path_factory.mktemp("answers")

    def call(*options: str, **parameters: object) -> dict[str, Any]:
        argv = [str(Path(sys.executable).parent / "ansible"), "localhost", "--inventory", "localhost,",
                "--connection", "local", "--extra-vars", f"ansible_python_interpreter={sys.executable}",
                "--tree", str(answers), "--module-name", "tandem_settings", "--args",
                json.dumps({"root": str(root), "script_dir": str(root / "opt"), **parameters}), *options]
        done = subprocess.run(argv, capture_output=True, text=True, check=False,
                              env=ansible_environment(root))
        assert "Traceback" not in done.stdout + done.stderr
        answer: dict[str, Any] = json.loads((answers / "localhost").read_text())
        return {**answer, "printed": done.stdout, "exit_status": done.returncode}
    return call


def test_check_then_apply_then_again_then_restore(root: Path, ansible: Ansible) -> None:
    before = state_of(root)
    predicted = ansible("--check", "--diff", kernel=KERNEL)
    assert predicted["changed"] is True
    assert "-net.core.somaxconn = 4096\n" in predicted["printed"]
    assert "+net.core.somaxconn = 65535\n" in predicted["printed"]
    assert state_of(root) == before
    assert not (root / "var").exists()
    assert not (root / "opt").exists()

    done = ansible(kernel=KERNEL, full=True, machine="server")
    assert done["changed"] is True
    assert done["report"]["applied"] == predicted["report"]["applied"]
    assert [row["why"] for row in done["report"]["unavailable"]] == ["this kernel does not have it"]
    documents = {one["name"]: one["content"] for one in done["documents"]}
    assert set(documents) == {"before", "during", "report"}
    assert documents["before"]["values"] == before
    assert documents["during"]["values"]["net.core.somaxconn"] == "65535"
    assert (documents["during"]["machine"], documents["during"]["when"]) == ("server", "during")
    assert documents["report"]["report"] == done["report"]

    again = ansible(kernel=KERNEL)
    assert again["changed"] is False
    assert sorted(again["report"]["unchanged"]) == ["net.core.somaxconn", "vm.nr_hugepages"]

    restored = ansible(state="restored", full=True, machine="server")
    assert restored["changed"] is True
    assert restored["report"]["restored"] is True
    assert [one["name"] for one in restored["documents"]] == ["after", "restored"]
    assert restored["snapshot"]["values"] == state_of(root) == before
    assert ansible(state="restored")["changed"] is False


@pytest.mark.parametrize(("parameters", "sentence"), [
    pytest.param({"kernel": {"net.ipv4.tcp_mem": "30000000 30000000 30000000"}},
                 "refused before anything was written: net.ipv4.tcp_mem", id="nonsense"),
    pytest.param({"kernel": {}, "script_dir": "/proc/tandem"}, "/proc/tandem", id="folder-cannot-be-made"),
])
def test_failures_are_one_sentence(root: Path, ansible: Ansible, parameters: dict[str, Any],
                                   sentence: str) -> None:
    before = state_of(root)
    answer = ansible(**parameters)
    assert answer["exit_status"] != 0
    assert answer["msg"].startswith("Kernel settings: ")
    assert sentence in answer["msg"]
    assert state_of(root) == before


def test_a_snapshot_changes_nothing(root: Path, ansible: Ansible) -> None:
    answer = ansible(state="snapshot")
    assert answer["changed"] is False
    assert answer["snapshot"]["values"] == state_of(root)
    assert not (root / "var").exists()

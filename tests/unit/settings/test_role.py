"""The role as a play uses it, on this machine against a made-up root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.unit.settings.fake_kernel import ansible_environment, state_of


def play(root: Path, *tasks: dict[str, Any], **variables: object) -> subprocess.CompletedProcess[str]:
    """Run tasks in one play with the module pointed at the made-up root."""
    document = [{"name": "Play", "hosts": "localhost", "gather_facts": False, "vars": variables,
                 "module_defaults": {"tandem_settings": {"root": str(root)}}, "tasks": list(tasks)}]
    book = root / "play.yml"
    book.write_text(yaml.safe_dump(document))
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", "localhost,",
            "--connection", "local", str(book),
            "--extra-vars", f"ansible_python_interpreter={sys.executable}"]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=ansible_environment(root))


def role(tasks_from: str = "main") -> dict[str, Any]:
    return {"name": "Role", "ansible.builtin.include_role": {"name": "kernel", "tasks_from": tasks_from}}


def test_apply_and_restore_keep_their_files(root: Path) -> None:
    before = state_of(root)
    results = root / "results"
    done = play(root, role(), role("restore"),
                kernel_settings={"net.core.somaxconn": 7, "net.ipv4.tcp_tw_recycle": 1},
                kernel_unavailable="report", kernel_service_ports=[8000], kernel_script_dir=str(root / "opt"),
                kernel_results_dir=str(results), kernel_machine_name="server")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "net.ipv4.tcp_tw_recycle = 1: this kernel does not have it" in done.stdout
    files = {path.name: json.loads(path.read_text()) for path in (results / "machines").iterdir()}
    names = ("before", "during", "after", "report", "restored")
    assert set(files) == {f"settings-server-{name}.json" for name in names}
    assert {one["schema_version"] for one in files.values()} == {1}
    assert files["settings-server-before.json"]["values"] == before
    assert files["settings-server-during.json"]["values"] == {**before, "net.core.somaxconn": "7"}
    assert files["settings-server-after.json"]["values"] == state_of(root) == before
    assert files["settings-server-restored.json"]["report"]["restored"] is True


def test_wrong_variables_are_refused_by_name(root: Path) -> None:
    done = play(root, role(), kernel_script_dir=str(root / "opt"), kernel_unavailable="ignore")
    assert done.returncode != 0
    assert "value of kernel_unavailable must be one of: fail, report" in done.stdout + done.stderr
    assert not (root / "opt").exists()

"""The guard that restores machines when Ansible ends early, in real Ansible processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

Task = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
GUARD = ROOT / "plugins" / "callback" / "tandem_guard.py"

# A project in small: its own restore playbook leaves a file, its module only claims to apply settings.
MODULE = '''
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={"state": {"type": "str"}}).exit_json(changed=False)
'''
APPLY: Task = {"name": "Apply", "tandem_settings": {"state": "applied"}}
PUT_BACK: Task = {"name": "Put back", "tandem_settings": {"state": "restored"}}
WAIT: Task = {"name": "Wait", "ansible.builtin.wait_for": {"timeout": 60}}
FAIL: Task = {"name": "Fail", "ansible.builtin.fail": {"msg": "no"}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the guard, a module of the settings' name, and a restore playbook that leaves a trace."""
    for name in ("plugins/callback", "library", "playbooks"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "plugins/callback/tandem_guard.py").write_text(GUARD.read_text())
    (tmp_path / "library/tandem_settings.py").write_text(MODULE)
    (tmp_path / "ansible.cfg").write_text(
        f"[defaults]\nlibrary = library\ncallback_plugins = plugins/callback\ncallbacks_enabled = tandem_guard\n"
        f"local_tmp = {tmp_path}/tmp\n")
    trace: Task = {"name": "Trace", "ansible.builtin.copy": {"content": "{{ who | default('-') }}", "mode": "0600",
                                                       "dest": str(tmp_path / "restored")}}
    write(tmp_path / "playbooks/restore.yml", [trace])
    return tmp_path


def write(path: Path, tasks: list[Task]) -> None:
    path.write_text(repr([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks,
                           "vars": {"ansible_python_interpreter": sys.executable}}]).replace("False", "false"))


def command(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("ansible-playbook")), "bench.yml", *words]


def environment(project: Path) -> dict[str, str]:
    return {**os.environ, "ANSIBLE_CONFIG": str(project / "ansible.cfg"), "HOME": str(project)}


def play(project: Path, *tasks: Task) -> subprocess.CompletedProcess[str]:
    write(project / "bench.yml", list(tasks))
    return subprocess.run(command("-e", "who='a b'"), cwd=project, env=environment(project), text=True, check=False,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60)


def test_a_failed_step_restores_with_the_campaigns_own_variables(project: Path) -> None:
    ended = play(project, APPLY, FAIL)
    assert ended.returncode == 2
    assert "Putting the machines back" in ended.stdout
    assert (project / "restored").read_text() == "a b"


def test_a_campaign_that_restored_by_itself_is_left_alone(project: Path) -> None:
    assert play(project, APPLY, PUT_BACK, FAIL).returncode == 2
    assert not (project / "restored").exists()


def test_settings_applied_on_purpose_stay_and_it_is_said(project: Path) -> None:
    ended = play(project, APPLY)
    assert ended.returncode == 0
    assert "The settings stay applied" in ended.stdout
    assert not (project / "restored").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signals_restore_even_when_nobody_reads_any_more(project: Path, number: signal.Signals) -> None:
    """It hears the signal even where these tests run behind nohup, or in a shell's background, which ignore some."""
    write(project / "bench.yml", [APPLY, WAIT])
    reading, writing = os.pipe()
    with subprocess.Popen(command(), cwd=project, env=environment(project), stdin=subprocess.DEVNULL, stdout=writing,
                          stderr=writing, start_new_session=True,
                          preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)) as child:  # noqa: PLW1509 - no threads
        os.close(writing)
        said = b""
        while b"TASK [Wait]" not in said:
            said += os.read(reading, 65536)
        time.sleep(0.5)
        os.close(reading)
        os.kill(child.pid, number)
        child.wait(timeout=60)
    assert (project / "restored").exists()


DROPPED = """
import os, signal, sys
from tandem_guard import CallbackModule

class Dropping:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)     # what a signal raises here Python prints, and drops

guard = CallbackModule()
kept = Dropping()
del kept
print("went on")
try:
    guard.v2_playbook_on_task_start(None, False)
except KeyboardInterrupt:
    print("heeded")
"""


def test_a_signal_that_python_dropped_is_heeded_before_the_next_task() -> None:
    path = os.pathsep.join([str(GUARD.parent), *sys.path])
    ended = subprocess.run([sys.executable, "-c", DROPPED], env={**os.environ, "PYTHONPATH": path}, text=True,
                           capture_output=True, check=False, timeout=60,
                           preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert ended.stdout.split("\n") == ["went on", "heeded", ""], ended.stderr
    assert "KeyboardInterrupt" in ended.stderr

"""Puts the machines back when a campaign ends before its own restore: Ctrl-C, SIGTERM, a failed step.

Which machines are changed is read from the results of tandem_settings as they come in; when Ansible ends while
some are, playbooks/restore.yml is run for them. Without a controller the machines' own timers do the same, later.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: tandem_guard
    type: notification
    short_description: restores the machines when a campaign is interrupted
    description:
      - Runs the restore playbook at exit when settings were applied and not yet put back.
    requirements:
      - enabled in ansible.cfg
"""

ROOT = Path(__file__).resolve().parents[2]


def interrupt(_signal: int, _frame: Any) -> None:
    """Make SIGTERM and SIGHUP end Ansible the way Ctrl-C does, so that what must be put back is."""
    raise KeyboardInterrupt


def restore(command: list[str]) -> int:
    """Run the command and pass on what it says; its exit status.

    Its streams are its own: Ansible has made ours non-blocking, which another Ansible refuses.
    """
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, start_new_session=True) as child:
        for line in child.stdout or ():
            print(line, end="", flush=True)
        return child.wait()


class CallbackModule(CallbackBase):  # type: ignore[misc]   # Ansible has no types
    """Watches tandem_settings, restores at exit."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "tandem_guard"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._changed: set[str] = set()
        self._results_dir = ""
        self._main_pid = os.getpid()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        atexit.register(self._at_exit)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """A machine counts as changed from before the first write is tried."""
        if task.action == "tandem_settings" and task.args.get("state") == "applied" and not task.check_mode:
            self._changed.add(host.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note what was put back, where the results are, and whether the last step was reached."""
        if result.task.action == "tandem_settings" and result.task.args.get("state") == "restored":
            self._changed.discard(result.host.get_name())
        self._results_dir = result.result.get("ansible_facts", {}).get("results_dir", self._results_dir)

    def _at_exit(self) -> None:
        if os.getpid() != self._main_pid or not self._changed:
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        print("\nThe campaign ended early. Putting the machines back; this takes a few seconds ...", flush=True)
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "playbooks/restore.yml"]
        for inventory in context.CLIARGS.get("inventory") or ():
            command += ["--inventory", inventory]
        if self._results_dir:
            command += ["--extra-vars", f"results_dir={self._results_dir}"]
        if restore(command):
            print("Not every machine could be put back now; each puts itself back by its own timer."
                  " Try again with: ansible-playbook playbooks/restore.yml", flush=True)
        if self._results_dir:
            print(f"Finished runs are kept in {self._results_dir}\n"
                  f"Go on with: ansible-playbook bench.yml -e resume={self._results_dir}", flush=True)

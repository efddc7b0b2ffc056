"""Puts the machines back when a campaign ends before its own restore: Ctrl-C, SIGTERM, a lost terminal, a failed step.

Which machines are changed is read from the results of tandem_settings as they come in; when Ansible ends while
some are, playbooks/restore.yml is run for them. Without a controller the machines' own timers do the same, later.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shlex
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
      - A password that Ansible asked for is not known here; then the machines' own timers restore them.
    requirements:
      - enabled in ansible.cfg
"""

ROOT = Path(__file__).resolve().parents[2]
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# What reaches the machines in the campaign must reach them in its restore.
PASSED_ON = {
    "remote_user": "--user", "private_key_file": "--private-key", "connection": "--connection",
    "become_method": "--become-method", "become_user": "--become-user",
    "become_password_file": "--become-password-file", "connection_password_file": "--connection-password-file",
    "ssh_common_args": "--ssh-common-args", "ssh_extra_args": "--ssh-extra-args",
}


def say(text: str) -> None:
    """Print, if anybody can still read: a terminal that is gone must not keep a machine from being put back."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def connection_words() -> list[str]:
    """The words of this campaign's command line that say which machines and how to reach them."""
    words = [word for name in context.CLIARGS.get("inventory") or () for word in ("--inventory", str(name))]
    for key, option in PASSED_ON.items():
        if context.CLIARGS.get(key):
            words += [option, str(context.CLIARGS[key])]
    for given in context.CLIARGS.get("extra_vars") or ():
        words += ["--extra-vars", str(given)]
    return words + (["--become"] if context.CLIARGS.get("become") else [])


def restore(words: list[str]) -> int:
    """Run the restore playbook and pass on what it says; its exit status.

    Its streams are its own: Ansible has made ours non-blocking, which another Ansible refuses.
    """
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "playbooks/restore.yml", *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True) as child:
        for line in child.stdout or ():
            say(line.rstrip("\n"))
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
        self._finished = False
        self._interrupted = False
        self._main_pid = os.getpid()
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:    # nohup means it
                signal.signal(number, self._interrupt)
        atexit.register(self._at_exit)

    def _interrupt(self, _signal: int, _frame: Any) -> None:
        """Make SIGTERM and SIGHUP end Ansible the way Ctrl-C does, so that what must be put back is."""
        self._interrupted = True
        raise KeyboardInterrupt

    def _heed(self) -> None:
        """Interrupt again where the first time had no effect: Python drops what a signal raises within its own hooks,
        such as those around a fork, and the campaign would go on."""
        if self._interrupted and os.getpid() == self._main_pid:
            raise KeyboardInterrupt

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible's
        """Begin nothing more once interrupted."""
        self._heed()

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """A machine counts as changed from before the first write is tried."""
        self._heed()
        if task.action == "tandem_settings" and task.args.get("state") == "applied" and not task.check_mode:
            self._changed.add(host.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note what was put back, and where the results are."""
        if result.task.action == "tandem_settings" and result.task.args.get("state") == "restored":
            self._changed.discard(result.host.get_name())
        self._results_dir = result.result.get("ansible_facts", {}).get("results_dir", self._results_dir)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Ansible came to its end; whether nothing failed on the way."""
        self._finished = not stats.failures and not stats.dark

    def _at_exit(self) -> None:
        if os.getpid() != self._main_pid or not self._changed:
            return
        if self._finished:
            say("\nThe settings stay applied, as asked: playbooks/restore.yml puts the machines back,"
                " and so does their own timer.")
            return
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        say("\nThe campaign ended early. Putting the machines back; this takes a few seconds ...")
        words = connection_words()
        where = ["--extra-vars", json.dumps({"results_dir": self._results_dir})] if self._results_dir else []
        if restore([*words, *where]):
            again = shlex.join(["ansible-playbook", "playbooks/restore.yml", *words])
            say(f"Not every machine could be put back now; each puts itself back by its own timer. Try again: {again}")
        if self._results_dir:
            resume = ["--extra-vars", f"resume={shlex.quote(self._results_dir)}"]
            say(f"Finished runs are kept in {self._results_dir}")
            say(f"Go on with: {shlex.join(['ansible-playbook', 'bench.yml', *words, *resume])}")

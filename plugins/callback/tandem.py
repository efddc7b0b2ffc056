"""What a campaign shows while it runs: each play, each change, each finding, and what a long task is doing.

With -v and more it shows everything that Ansible's default does. It displays and never stores.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from ansible import constants as C
from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = """
    name: tandem
    type: stdout
    short_description: progress of a campaign
    description:
      - One line for each play, change and finding; a line that stays alive while a task is long.
    extends_documentation_fragment:
      - default_callback
      - result_format_callback
    requirements:
      - set as stdout callback in ansible.cfg
"""

QUIET_S = 5.0           # a task that takes longer is named while it runs
TERMINAL_EVERY_S = 1.0  # how often that line is renewed on a terminal
LOG_EVERY_S = 30.0      # and in a log
ANNOUNCED = "Run "      # tasks whose names begin so are named at once
SPEAKING = {"ansible.builtin.debug", "tandem_run"}    # what they have to say is shown


def clock(seconds: float) -> str:
    """Minutes and seconds, such as 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def sentence_of(result: dict[str, Any]) -> str:
    """The one thing to say of a failed result: a program's own words before Ansible's."""
    said = str(result.get("stderr") or "").strip() or str(result.get("stdout") or "").strip()
    if said and "rc" in result:
        return said
    return str(result.get("msg") or result.get("reason") or said or "failed without a word").strip()


class Ticker:
    """A thread that says what a long task is doing, written straight to the terminal so no lock outlives a fork."""

    def __init__(self) -> None:
        self._task: tuple[str, float] | None = None
        self._next = 0.0
        self._shown = False
        self._terminal = sys.stdout.isatty()
        threading.Thread(target=self._loop, daemon=True).start()

    def begin(self, name: str) -> None:
        """A task starts."""
        self.end()
        now = time.monotonic()
        self._next = now + QUIET_S
        self._task = (name, now)

    def end(self) -> None:
        """The task ended, or something else is about to be printed."""
        self._task = None
        if self._shown:
            self._shown = False
            os.write(1, b"\r\x1b[K")

    def _loop(self) -> None:
        while True:
            time.sleep(0.5)
            task, now = self._task, time.monotonic()
            if task is None or now < self._next:
                continue
            line = f"  … {task[0]} ({clock(now - task[1])})"
            if self._terminal:
                width = os.get_terminal_size(1).columns - 1
                os.write(1, f"\r\x1b[K{line[:width]}".encode())
                self._shown = True
            else:
                os.write(1, f"{line}\n".encode())
            self._next = now + (TERMINAL_EVERY_S if self._terminal else LOG_EVERY_S)


class CallbackModule(Default):  # type: ignore[misc]    # Ansible has no types
    """Ansible's default display, made short."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "tandem"

    def __init__(self) -> None:
        super().__init__()
        self._ticker = Ticker()
        self._play_title = ""
        self._titled = False
        self._play_begun = time.monotonic()
        self._ok = 0
        self._changed = 0

    @property
    def _verbose(self) -> bool:
        return bool(self._display.verbosity)

    def _say(self, text: str, color: str | None = None) -> None:
        self._ticker.end()
        if not self._titled and self._play_title:
            self._titled = True
            self._display.display(f"\n{self._play_title}", color=C.COLOR_HIGHLIGHT)
        self._display.display(text, color=color)

    def _close_play(self) -> None:
        if self._play_title and self._ok + self._changed:
            took = clock(time.monotonic() - self._play_begun)
            self._say(f"  {self._ok + self._changed} steps, {self._changed} changed ({took})", C.COLOR_OK)
        self._ok = self._changed = 0
        self._play_begun = time.monotonic()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Name the play, after what the one before it came to."""
        self._close_play()
        self._play_title = play.get_name().strip()
        if self._verbose:
            super().v2_playbook_on_play_start(play)
            return
        self._play = play
        self._titled = False

    def _task_start(self, task: Any, prefix: str | None = None) -> None:
        if self._verbose:
            super()._task_start(task, prefix)
            return
        name = task.get_name().strip()
        if name.startswith(ANNOUNCED) and task.action == "tandem_run":
            self._say(f"  {name}")
        self._ticker.begin(name.partition(" : ")[2] or name)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count it; show debug's words, and what changed."""
        changed = result.result.get("changed", False)
        self._changed += bool(changed)
        self._ok += not changed
        if self._verbose:
            super().v2_runner_on_ok(result)
        elif result.task.action in SPEAKING:
            for item in result.result.get("results") or [result.result]:
                said = item.get("msg", [])
                for line in said if isinstance(said, list) else [said]:
                    self._say(f"  {line}")
        elif changed:
            name = result.task.get_name().strip()
            self._say(f"  changed  {result.host.get_name()}: {name.partition(' : ')[2] or name}", C.COLOR_CHANGED)
        for warning in result.result.get("warnings", []) if not self._verbose else []:
            self._say(f"  warning  {result.host.get_name()}: {warning}", C.COLOR_WARN)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Say what went wrong in the program's own sentence."""
        if self._verbose:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        items = [item for item in result.result.get("results", []) if item.get("failed")] or [result.result]
        for item in items:
            self._say(f"  FAILED   {result.host.get_name()}: {sentence_of(item)}", C.COLOR_ERROR)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Name the lost machine and why."""
        if self._verbose:
            super().v2_runner_on_unreachable(result)
            return
        reason = str(result.result.get("msg", "")).strip().splitlines()
        self._say(f"  LOST     {result.host.get_name()}: {reason[-1] if reason else 'no answer'}", C.COLOR_UNREACHABLE)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Say nothing: what is skipped did not concern this machine."""
        if self._verbose:
            super().v2_runner_on_skipped(result)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Say nothing of files."""
        if self._verbose:
            super().v2_playbook_on_include(included_file)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Items are counted with their task."""
        if self._verbose:
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """The task names its failed items."""
        if self._verbose:
            super().v2_runner_item_on_failed(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Say nothing."""
        if self._verbose:
            super().v2_runner_item_on_skipped(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Close the last play; on failure, one line for each machine concerned."""
        self._close_play()
        if self._verbose:
            super().v2_playbook_on_stats(stats)
            return
        for host in sorted(stats.processed):
            counts = stats.summarize(host)
            if counts["failures"] or counts["unreachable"]:
                self._say(f"\n{host}: {counts['failures']} failed, {counts['unreachable']} unreachable", C.COLOR_ERROR)

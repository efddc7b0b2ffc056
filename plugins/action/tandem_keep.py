"""Keep evidence in the results folder on the controller: see plugins/modules/tandem_keep.py."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

SPEC = {"directory": {"type": "path", "required": True}, "files": {"type": "dict", "required": True}}


def keep(directory: Path, files: dict[str, Any]) -> None:
    """Write each file whole or not at all; raises OSError where the disk refuses."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, indent=4, sort_keys=True) + "\n"
        partial = directory / f".{name}.partial"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, directory / name)


class ActionModule(ActionBase):  # type: ignore[misc]    # Ansible has no types
    """Writes on the controller; no connection is made."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the files, or say which could not be written."""
        result = dict(super().run(tmp, task_vars))
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "a check keeps nothing"}
        try:
            keep(Path(params["directory"]), params["files"])
        except OSError as error:
            return {**result, "failed": True, "msg": f"{error.filename} cannot be written: {error.strerror}"}
        return {**result, "changed": False}

"""Reads folders on the controller for the module tandem_place: see plugins/modules/tandem_place.py."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

LEFT_OUT = {"__pycache__"}


def contents(trees: dict[str, str]) -> dict[str, str]:
    """The files of the folders, by their path on the machine, in base64; raises OSError where one cannot be read."""
    found = {}
    for there, here in trees.items():
        source = Path(here)
        for path in sorted(source.rglob("*")):
            relative = path.relative_to(source)
            if path.is_file() and not LEFT_OUT & set(relative.parts):
                found[str(Path(there) / relative)] = base64.b64encode(path.read_bytes()).decode("ascii")
    return found


class ActionModule(ActionBase):  # type: ignore[misc]    # Ansible has no types
    """Sends every file of the folders in one call."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read, then let the module place."""
        result = dict(super().run(tmp, task_vars))
        args = dict(self._task.args)
        try:
            args["contents"] = contents(args.get("trees") or {})
        except OSError as error:
            return {**result, "failed": True, "msg": f"{error.filename} cannot be read: {error.strerror}"}
        return {**result, **self._execute_module(module_name="tandem_place", module_args=args, task_vars=task_vars)}

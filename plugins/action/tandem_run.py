"""One step of one run, done on a machine or, to record it, on the controller: see plugins/modules/tandem_run.py."""

from __future__ import annotations

import base64
import json
import os
import shlex
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from collectors.errors import TandemError
from collectors.record import one_line, record
from collectors.results import ResultsFolder

# What a machine needs for a step, in the order of their imports.
PARTS = (
    "files", "http", "contract", "conduct", "connections", "counters", "telemetry", "sampler", "daemon", "load",
    "kernel", "kernel.keys", "kernel.journal", "kernel.report", "kernel.checks", "kernel.snapshot",
    "kernel.timer", "kernel.transaction", "profile", "steps", "verify", "main",
)
SOURCES = Path(__file__).resolve().parents[1] / "module_utils"
PACKAGE = "ansible.module_utils."

# Makes modules of the sources that come on standard input, then does the step; who starts the sampler needs them too.
LOADER = """
import json, sys, types
given = json.load(sys.stdin)
for name, source in given["modules"]:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__package__ = name if name.endswith("tandem_kernel") else name.rpartition(".")[0]
    exec(compile(source, name, "exec"), sys.modules[name].__dict__)
sys.modules[name].main({**given["params"], "modules": given["modules"]})
"""

SPEC = {
    "step": {"type": "str", "required": True, "choices": ["begin", "load", "end", "verify", "record"]},
    "run": {"type": "dict", "required": True},
    "results": {"type": "path", "default": ""},
    "service": {"type": "dict", "default": {}},
    "units": {"type": "list", "elements": "str", "default": []},
    "machine": {"type": "str", "required": True},
    "serves": {"type": "bool", "default": False},
    "workers": {"type": "int", "default": 1},
    "profile": {"type": "str", "default": "stock"},
    "user": {"type": "str", "default": "tandem"},
    "nofile": {"type": "int", "default": 0},
    "settings": {"type": "dict", "default": {}},
    "start_timeout_s": {"type": "int", "default": 30},
    "database_port": {"type": "int", "default": 5442},
    "base": {"type": "str", "default": "/var/lib/tandem/runs"},
}


def source_of(part: str) -> Path:
    """The file of a part: a module, or a package's own."""
    path = SOURCES / f"tandem_{part.replace('.', '/')}.py"
    return path if path.is_file() else path.with_suffix("") / "__init__.py"


def program(params: dict[str, Any]) -> bytes:
    """What the loader reads: the sources and the step's parameters."""
    modules = [(f"{PACKAGE}tandem_{part}", source_of(part).read_text()) for part in PARTS]
    return json.dumps({"modules": modules, "params": params}).encode()


def answer_of(ended: dict[str, Any]) -> dict[str, Any]:
    """The step's answer from its last line of output; a program that broke off has none."""
    lines = str(ended["stdout"]).strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        said = str(ended["stderr"]).strip().splitlines() or lines or [f"exit status {ended['rc']}, and nothing said"]
        return {"failed": True, "msg": f"the machine could not do it: {said[-1]}"}
    return dict(answer)


def keep(archive: str, results: str, run_id: str, machine: str) -> None:
    """Write a machine's archive into the run's folder on the controller, whole or not at all."""
    folder = Path(results) / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{machine}.tar.gz.partial"
    partial.write_bytes(base64.b64decode(archive))
    os.replace(partial, folder / f"{machine}.tar.gz")


class ActionModule(ActionBase):  # type: ignore[misc]    # Ansible has no types
    """Sends the step to the machine and reads its answer."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the step; raises AnsibleConnectionFailure where the machine does not answer."""
        result = dict(super().run(tmp, task_vars))
        _, params = self.validate_argument_spec(argument_spec=SPEC)
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "a check measures nothing"}
        if params["step"] == "record":
            return {**result, **self._record(params)}
        answer = self._remote(params, task_vars or {})
        archive = answer.pop("archive", None)
        if archive is not None:
            try:
                keep(archive, params["results"], params["run"]["id"], params["machine"])
            except OSError as error:
                return {**result, "failed": True, "msg": f"{error.filename} cannot be written: {error.strerror}"}
            answer["kept"] = True
        return {**result, "changed": True, **answer}

    def _remote(self, params: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        interpreter = str(task_vars.get("ansible_python_interpreter", ""))
        python = interpreter if interpreter.startswith("/") else "python3"
        command = f"{python} -I -B -c {shlex.quote(LOADER)}"
        return answer_of(self._low_level_execute_command(command, sudoable=True, in_data=program(params)))

    @staticmethod
    def _record(params: dict[str, Any]) -> dict[str, Any]:
        try:
            run = record(ResultsFolder(Path(params["results"])), params["run"]["id"])
        except TandemError as error:
            return {"failed": True, "msg": str(error)}
        return {"changed": False, "msg": one_line(run)}

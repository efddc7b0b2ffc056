#!/usr/bin/python
"""Ansible module: the steps of one run on one machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_run
short_description: One step of one measured run, on one machine
description:
  - C(begin) makes the run's folder; on the server it also starts the daemon alone and checks its contract.
  - C(load) generates the load, with counters of this machine before and after.
  - C(end) takes the last counters, stops the daemon, keeps its log and packs the folder for fetching.
  - A daemon or a generator that fails is a finding, written to the folder; the module fails only when the machine does.
options:
  step: {type: str, required: true, choices: [begin, load, end]}
  run: {type: dict, required: true, description: the run as the frozen plan holds it}
  service: {type: dict, default: {}, description: the service as the frozen plan holds it; only the server needs it}
  units: {type: list, elements: str, default: [], description: every daemon unit of the campaign}
  machine: {type: str, required: true, description: name of this machine's counter files, server or client}
  serves: {type: bool, default: false, description: whether the daemon runs on this machine}
  workers: {type: int, default: 1}
  profile: {type: str, default: stock, description: name of the machine settings in force}
  user: {type: str, default: tandem, description: unprivileged user that runs the load}
  nofile: {type: int, description: open files that the generator may have}
  start_timeout_s: {type: int, default: 30}
  base: {type: str, default: /var/lib/tandem/runs}
"""
EXAMPLES = r"""
- name: Start the daemon alone and check its contract
  tandem_run: {step: begin, run: "{{ run }}", service: "{{ service }}", machine: server, serves: true}
"""
RETURN = r"""
ok: {description: whether the next step makes sense, type: bool, returned: always}
message: {description: what went wrong in one sentence, type: str, returned: when ok is false}
archive: {description: path of the packed folder, type: str, returned: step end}
"""

import os
import shutil
import subprocess
import tarfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.tandem_contract import check
from ansible.module_utils.tandem_counters import snapshot
from ansible.module_utils.tandem_daemon import found_state, invocation_of, is_alive, log_of, start, stop
from ansible.module_utils.tandem_files import write_json
from ansible.module_utils.tandem_load import make_work, record, run, stop_leftover, take_work


def folder_of(params: dict[str, Any]) -> str:
    """This run's folder on this machine."""
    return os.path.join(str(params["base"]), str(params["run"]["id"]))


def fresh_folder(params: dict[str, Any]) -> str:
    """Make the folder anew. The ones before were fetched: the campaign stops at a run that was not."""
    stop_leftover()
    shutil.rmtree(params["base"], ignore_errors=True)
    folder = folder_of(params)
    os.makedirs(os.path.join(folder, "counters"), mode=0o755)
    return folder


def take_counters(params: dict[str, Any], when: str) -> None:
    """One snapshot into the run's folder."""
    unit = params["service"].get("unit") if params["serves"] else None
    machine = params["machine"]
    path = os.path.join(folder_of(params), "counters", f"{machine}-{when}.json")
    write_json(path, snapshot(machine, when, unit))


def checked(params: dict[str, Any]) -> dict[str, Any]:
    """Start the daemon and hold it against its contract; the dictionary is contract.json."""
    planned, service = params["run"], params["service"]
    sentence = start(unit=service["unit"], units=params["units"], bind=planned["bind"], port=service["port"],
                     workers=params["workers"])
    if sentence:
        return {"schema_version": 1, "ok": False, "failure": {"kind": "did-not-start", "message": sentence}}
    contract = planned["contract"]
    found: dict[str, Any] = check(
        planned["bind"], service["port"], contract, contract.get("body_bytes"), contract["requests"],
        params["start_timeout_s"], alive=lambda: is_alive(service["unit"]),
    )
    return found


def begin(params: dict[str, Any]) -> dict[str, Any]:
    """Folder, daemon, contract, counters."""
    folder = fresh_folder(params)
    write_json(os.path.join(folder, "settings.json"), {"schema_version": 1, "profile": params["profile"]})
    if not params["serves"]:
        return {"ok": True}
    contract = checked(params)
    write_json(os.path.join(folder, "contract.json"), contract)
    take_counters(params, "before")
    return {"ok": contract["ok"], "message": (contract.get("failure") or {}).get("message")}


def load(params: dict[str, Any]) -> dict[str, Any]:
    """Warm-up where the generator has none of its own, then the measured load."""
    planned, folder = params["run"], folder_of(params)
    options: dict[str, Any] = {"user": params["user"], "deadline_s": planned["deadline_s"], "nofile": params["nofile"]}
    make_work(folder, params["user"])
    if planned.get("warmup_argv"):
        run(planned["warmup_argv"], folder, out="warmup-", **options)
    take_counters(params, "before")
    result = run(planned["load_argv"], folder, **options)
    take_counters(params, "after")
    take_work(folder)
    record(planned["load_argv"], folder, result)
    done = result["exit_status"] is not None and not result["timed_out"]
    return {"ok": done, "message": None if done else f"{planned['load_argv'][0]} was ended at its deadline"}


def end(params: dict[str, Any]) -> dict[str, Any]:
    """Last counters, the daemon's end and log, everything in one archive."""
    folder = folder_of(params)
    os.makedirs(os.path.join(folder, "counters"), mode=0o755, exist_ok=True)
    if params["serves"]:
        unit = params["service"]["unit"]
        if not os.path.exists(os.path.join(folder, "counters", f"{params['machine']}-after.json")):
            take_counters(params, "after")
        write_json(os.path.join(folder, "stop.json"), found_state(unit))
        invocation = invocation_of(unit)
        stop(unit)
        with open(os.path.join(folder, "daemon.log"), "w", encoding="utf-8") as file:
            file.write(log_of(invocation))
    archive = f"{folder}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        packed.add(folder, arcname=".")
    return {"ok": True, "archive": archive}


def main() -> None:
    """Read the parameters, do the step, answer."""
    module = AnsibleModule(argument_spec={
        "step": {"type": "str", "required": True, "choices": ["begin", "load", "end"]},
        "run": {"type": "dict", "required": True},
        "service": {"type": "dict", "default": {}},
        "units": {"type": "list", "elements": "str", "default": []},
        "machine": {"type": "str", "required": True},
        "serves": {"type": "bool", "default": False},
        "workers": {"type": "int", "default": 1},
        "profile": {"type": "str", "default": "stock"},
        "user": {"type": "str", "default": "tandem"},
        "nofile": {"type": "int"},
        "start_timeout_s": {"type": "int", "default": 30},
        "base": {"type": "str", "default": "/var/lib/tandem/runs"},
    })
    step = {"begin": begin, "load": load, "end": end}[module.params["step"]]
    try:
        module.exit_json(changed=True, **step(module.params))
    except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        module.fail_json(msg=f"{module.params['step']} of run {module.params['run'].get('id')}: {error!r}")


if __name__ == "__main__":
    main()

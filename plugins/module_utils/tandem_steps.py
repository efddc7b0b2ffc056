"""The steps of one run on one machine; the action plugin tandem_run sends them there and calls main()."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import tarfile
from typing import Any

from ansible.module_utils.tandem_contract import check
from ansible.module_utils.tandem_counters import snapshot
from ansible.module_utils.tandem_daemon import end_now, found_state, is_alive, listening, log_of, properties, start
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
    service = params["service"] if params["serves"] else {}
    unit = (service.get("front") or {}).get("slice") or service.get("unit")    # with the front, where there is one
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
    if found["ok"] and "answers" in contract:       # the check took them all, and the load is to meet them
        sentence = start(unit=service["unit"], units=params["units"], bind=planned["bind"], port=service["port"],
                         workers=params["workers"])
        sentence = sentence or listening(planned["bind"], service["port"], params["start_timeout_s"])
        if sentence:
            return {**found, "ok": False, "failure": {"kind": "did-not-start", "message": f"again: {sentence}"}}
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
    """Last counters, the daemon's end and log, and the whole folder as one archive."""
    folder = folder_of(params)
    os.makedirs(os.path.join(folder, "counters"), mode=0o755, exist_ok=True)
    if params["serves"]:
        unit = params["service"]["unit"]
        if not os.path.exists(os.path.join(folder, "counters", f"{params['machine']}-after.json")):
            take_counters(params, "after")
        state = properties(unit)
        write_json(os.path.join(folder, "stop.json"), found_state(state))
        end_now(unit)
        with open(os.path.join(folder, "daemon.log"), "w", encoding="utf-8") as file:
            file.write(log_of(state.get("InvocationID", "")))
    return {"ok": True, "archive": packed(folder)}


def packed(folder: str) -> str:
    """The folder as a compressed archive in base64."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        tar.add(folder, arcname=".")
    return base64.b64encode(archive.getvalue()).decode("ascii")


def main(params: dict[str, Any]) -> None:
    """Do the step and print what came of it as one line of JSON; a machine that cannot is `failed`."""
    step = {"begin": begin, "load": load, "end": end}[params["step"]]
    try:
        answer = step(params)
    except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        answer = {"failed": True, "msg": f"{params['step']} of run {params['run'].get('id')}: {error!r}"}
    print(json.dumps(answer))   # noqa: T201 - the action plugin reads it

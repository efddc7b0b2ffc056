"""The steps of one run on one machine; the action plugin tandem_run sends them there."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import tarfile
from typing import Any

from ansible.module_utils.tandem_conduct import hold, sessions_at
from ansible.module_utils.tandem_counters import snapshot, unit_processes
from ansible.module_utils.tandem_daemon import end_now, found_state, is_alive, listening, log_of, properties, start
from ansible.module_utils.tandem_files import write_json
from ansible.module_utils.tandem_load import make_work, record, run, stop_leftover, take_work
from ansible.module_utils.tandem_profile import open_files, require_timer, settle, values
from ansible.module_utils.tandem_sampler import end_watch, start_watch


def folder_of(params: dict[str, Any]) -> str:
    """This run's folder on this machine."""
    return os.path.join(str(params["base"]), str(params["run"]["id"]))


def fresh_folder(params: dict[str, Any]) -> str:
    """Make the folder anew. The ones before were fetched: the campaign stops at a run that was not."""
    stop_leftover()
    end_watch()
    shutil.rmtree(params["base"], ignore_errors=True)
    folder = folder_of(params)
    os.makedirs(os.path.join(folder, "counters"), mode=0o755)
    return folder


def unit_of(service: dict[str, Any]) -> str | None:
    """What holds all of a daemon: its unit, or where there is a front the slice of both."""
    return (service.get("front") or {}).get("slice") or service.get("unit")


def take_counters(params: dict[str, Any], when: str) -> None:
    """One snapshot into the run's folder."""
    unit = unit_of(params["service"]) if params["serves"] else None
    machine = params["machine"]
    path = os.path.join(folder_of(params), "counters", f"{machine}-{when}.json")
    write_json(path, snapshot(machine, when, unit))


def checked(
    params: dict[str, Any], contract: dict[str, Any], *, running: bool = False, database: str | None = None
) -> dict[str, Any]:
    """Start the daemon, unless it runs, and hold it against a contract; the dictionary is contract.json."""
    service, bind = params["service"], params["run"]["bind"]
    sentence = None if running else started(params, database)
    if sentence:
        return {"schema_version": 1, "ok": False, "failure": {"kind": "did-not-start", "message": sentence}}
    found: dict[str, Any] = hold(
        contract, (bind, service["port"]), params["start_timeout_s"], alive=lambda: is_alive(service["unit"]),
        processes=lambda: set(unit_processes(service["unit"])), sessions=lambda: own_sessions(params),
    )
    if found["ok"] and "answers" in contract:       # the check took them all, and the load is to meet them
        sentence = started(params, database) or listening(bind, service["port"], params["start_timeout_s"])
        if sentence:
            return {**found, "ok": False, "failure": {"kind": "did-not-start", "message": f"again: {sentence}"}}
    return found


def started(params: dict[str, Any], database: str | None = None) -> str | None:
    """Start the daemon alone; a sentence when that failed, else None. Others' sessions are counted into `params`.

    Raises RestoredError on a machine that was put back meanwhile.
    """
    require_timer()
    sentence: str | None = start(
        alone=lambda: params.update(others=sessions_at(params["database_port"])),
        unit=params["service"]["unit"], units=params["units"], bind=params["run"]["bind"],
        port=params["service"]["port"], workers=params["workers"], database=database,
    )
    return sentence


def own_sessions(params: dict[str, Any]) -> int:
    """The database sessions that are there now beyond those that others had open when the daemon was started."""
    return max(0, int(sessions_at(params["database_port"])) - int(params.get("others", 0)))


def settings_file(params: dict[str, Any]) -> str:
    """Where this machine says which settings held in the run."""
    return os.path.join(folder_of(params), f"settings-{params['machine']}.json")


def look_again(params: dict[str, Any]) -> None:
    """Read the settings once more: what held before the load may have been changed under it."""
    try:
        with open(settings_file(params), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return      # the run did not come so far
    write_json(settings_file(params), {**found, "kernel_after": values(found["kernel"])})


def begin(params: dict[str, Any]) -> dict[str, Any]:
    """Folder, settings, daemon, contract, counters; a run that measures memory is watched from here on."""
    folder = fresh_folder(params)
    write_json(os.path.join(folder, "settings.json"), {"schema_version": 1, "profile": params["profile"]})
    settled = settle(params)
    write_json(settings_file(params), settled)
    if not params["serves"]:
        return {"ok": True}
    contract = checked(params, params["run"]["contract"])
    write_json(settings_file(params), {**settled, "nofile": open_files(params["service"]["unit"])})
    write_json(os.path.join(folder, "contract.json"), contract)
    take_counters(params, "before")
    if contract["ok"] and params["run"].get("measures") == "memory":
        start_watch(params, folder, str(unit_of(params["service"])))
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
    look_again(params)
    if params["serves"]:
        if params["run"].get("measures") == "memory":
            end_watch()
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

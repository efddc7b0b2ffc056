"""The frozen plan: campaign.json in a folder of its own, and `latest` pointing at it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collectors import VERSION
from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.model import Plan, PlannedRun, Round, Service, Versions

PLAN_FILE = "campaign.json"


def find_versions(root: Path) -> Versions:
    """Our version, and the commit of the checkout at root; None for both of git's where there is none."""
    commit = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain") if commit else None
    return Versions(tandem=VERSION, commit=commit, dirty=None if status is None else bool(status))


def as_document(plan: Plan, *, versions: Versions, created: datetime) -> dict[str, Any]:
    """The plan as campaign.json holds it; durations in seconds."""
    campaign = plan.campaign
    return {
        "schema_version": c.SCHEMA_VERSION,
        "campaign": campaign.name,
        "description": campaign.description,
        **_kind(plan),
        "created_utc": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seed": campaign.seed,
        "blocks": campaign.blocks,
        "workers": campaign.workers,
        "dataset": campaign.dataset,
        "database": c.DATASETS[campaign.dataset],
        **_profiles(plan),
        "versions": asdict(versions),
        "services": [service_document(service) for service in plan.services],
        "rounds": {load.name: _round(load) for load in campaign.rounds},
        "runs": [_run(run) for run in plan.runs],
        "cost": {"runs": len(plan.runs), "seconds": plan.seconds, **_least_cost(plan)},
        "feasibility": [asdict(finding) for finding in plan.findings],
    }


def _least_cost(plan: Plan) -> dict[str, Any]:
    """What a campaign costs that stops at its first look; nothing where its number of blocks is fixed."""
    if plan.campaign.until is None:
        return {}
    return {"least": {"runs": len(plan.least), "seconds": sum(run.expected_s for run in plan.least)}}


def _profiles(plan: Plan) -> dict[str, Any]:
    """The settings in full: `profile` where there is one, `profiles` where the campaign goes between several."""
    if len(plan.profiles) == 1:
        return {"profile": asdict(plan.profile)}
    return {"profiles": [asdict(profile) for profile in plan.profiles]}


def _kind(plan: Plan) -> dict[str, Any]:
    """What only some campaigns have: the rungs of a ladder by their services' ids, the name of published figures, that
    it is for the noise floor, when it stops."""
    campaign = plan.campaign
    extra: dict[str, Any] = {}
    if campaign.ladder:
        rungs = zip(campaign.ladder, plan.services, strict=True)
        extra |= {
            "kind": "ladder",
            "ladder": [{"service": service.id, "factor": rung.factor} for rung, service in rungs],
        }
    if campaign.published is not None:
        extra["published"] = campaign.published
    if campaign.noise:
        extra["noise"] = True
    if campaign.until is not None:
        extra["until"] = asdict(campaign.until)
    return extra


def freeze(document: dict[str, Any], results: Path, created: datetime) -> Path:
    """Make RESULTS/<campaign>-<UTC>/campaign.json, repoint RESULTS/latest, and return the folder.

    Raises PlanError when the folder cannot be made or `latest` is something else than a link.
    """
    latest = results / "latest"
    if latest.exists() and not latest.is_symlink():
        raise PlanError(f"{latest}: this is not a link; allowed: a link that tandem made, or nothing")
    try:
        folder = _new_folder(results, f"{document['campaign']}-{created.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        write_json(folder / PLAN_FILE, document)
        _point(latest, folder.name)
    except OSError as error:
        raise PlanError(
            f"{error.filename or results}: the results folder cannot be written: {error.strerror}"
        ) from None
    return folder


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write whole or not at all: a temporary name, flushed to the disk, then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _new_folder(results: Path, name: str) -> Path:
    results.mkdir(parents=True, exist_ok=True)
    for number in range(1, 100):
        folder = results / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise PlanError(f"{results / name}: 99 folders of this name exist already; remove some")


def _point(latest: Path, target: str) -> None:
    temporary = latest.with_name(f".latest.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(latest)


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def service_document(service: Service) -> dict[str, Any]:
    """A service as campaign.json holds it."""
    return {
        "id": service.id,
        "app": service.app,
        "variant": service.variant,
        "unit": service.unit,
        "description": service.description,
        "argv": list(service.argv),
        "env": dict(service.env),
        "port": service.port,
        "keep_alive": service.keep_alive,
        "pool_size": service.pool_size,
        "code": service.code,
        "launcher": service.launcher,
        "options": dict(service.options),
        "kind": service.kind,
        "why": service.why,
        "conditions": dict(service.conditions),
        "packages": list(service.packages),
        "python": service.python,
        "conflicts": list(service.conflicts),
        "upstream": service.upstream,
        "front": None if service.front is None else _front(service),
    }


def _front(service: Service) -> dict[str, Any]:
    return {
        "program": service.front,
        "protocol": service.protocol,
        "socket": service.socket,
        "unit": service.front_unit,
        "slice": service.slice,
    }


def _round(load: Round) -> dict[str, Any]:
    fields = asdict(load)
    del fields["name"]
    for key in ("streams", "protocol", "measures"):
        if fields[key] is None:
            del fields[key]
    return {**fields, "endpoints": list(load.endpoints), "loop": load.loop}


def _run(run: PlannedRun) -> dict[str, Any]:
    cell = run.cell
    return {
        "id": run.id,
        "index": run.index,
        "block": run.block,
        "service": cell.service.id,
        "endpoint": cell.endpoint.name,
        "round": cell.round.name,
        "profile": cell.profile,
        "label": run.label,
        "bind": run.bind,
        "url": run.url,
        "load_on": run.load_on,
        "load_argv": list(run.load_argv),
        "warmup_argv": None if run.warmup_argv is None else list(run.warmup_argv),
        "contract": dict(run.contract),
        **({"measures": cell.round.measures} if cell.round.measures else {}),
        "expected_s": run.expected_s,
        "deadline_s": run.deadline_s,
    }

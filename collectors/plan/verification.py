"""What `playbooks/verify.yml` checks: every endpoint of the asked services on every data set, without a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.document import unknown
from collectors.plan.freeze import service_document
from collectors.plan.installable import not_installable
from collectors.plan.load import load
from collectors.plan.model import Service
from collectors.plan.ports import taken, used_ports
from collectors.plan.profile import read_profile
from collectors.plan.project import Project, app_names
from collectors.plan.runs import full_contract
from collectors.plan.services import Catalogue, expand, read_catalogue

WORKERS: Final = 2
"""Few enough to start at once, and more than one, so that what workers share is seen."""
PROFILE: Final = "tuned"
"""Its settings of PostgreSQL hold for the check: the distribution's own allow fewer sessions than pools hold."""


def verification(
    project: Project, names: Sequence[str], *, python: str | None = None, system_python: str | None = None
) -> dict[str, Any]:
    """The services to check, each with its contracts on each data set, and those refused with the sentence why.

    A name is an app, for all its variants, or app:variant; none means every app. `python` and `system_python` are the
    server's interpreters, None where they are not known yet. Raises PlanError for a name that there is not, and for
    what is wrong in the files that all apps share.
    """
    catalogue = read_catalogue(project.apps_dir)
    services: dict[str, Service] = {}
    refused: dict[str, str] = {}
    ports = used_ports(project.apps_dir)
    for name in _expanded(project, names, refused):
        try:
            (service,) = expand(catalogue, [(name, "apps")])
        except PlanError as error:
            if str(error) not in refused.values():      # what is wrong for all variants is said once
                refused[name] = str(error)
            continue
        holder = next((app for app in ports[service.port] if app != service.app), None)
        sentence = None if python is None else not_installable(service.python, installed=python, system=system_python)
        if holder is not None:
            refused[service.app] = taken(service.app, service.port, holder)
        elif sentence:
            refused[service.app] = f"{service.app} cannot be installed: {sentence}"
        else:
            services[service.id] = service
    profile = read_profile(PROFILE, project.profile_file(PROFILE, "verification"))
    return {
        "schema_version": c.SCHEMA_VERSION,
        "workers": WORKERS,
        "postgresql": dict(profile.postgresql),
        "services": [_checked(service, catalogue) for service in services.values()],
        "refused": refused,
    }


def _expanded(project: Project, names: Sequence[str], refused: dict[str, str]) -> list[str]:
    """Each app's name as those of its variants; an app whose file cannot be read far enough is refused."""
    known, found = app_names(project.apps_dir), []
    for name in names or known:
        app, colon, _ = name.partition(":")
        if app not in known:
            raise unknown("app", app, known, "apps")
        try:
            variants = _variants(project, app)
        except PlanError as error:
            refused[name] = str(error)
            continue
        found += [name] if colon else [f"{app}:{variant}" for variant in variants]
    return list(dict.fromkeys(found))


def _variants(project: Project, app: str) -> Mapping[str, object]:
    """The app's variants; raises PlanError where the file has none."""
    entries = load(project.apps_dir / app / "app.yml", f"{project.apps_dir.name}/{app}/app.yml").entries()
    return entries["variants"].named_entries("a variant") if "variants" in entries else {"default": None}


def _checked(service: Service, catalogue: Catalogue) -> dict[str, Any]:
    endpoints = [catalogue.endpoints[name] for name in service.endpoints]
    checks = [
        {
            "dataset": dataset,
            "database": database,
            "contracts": [full_contract(service, endpoint, dataset, WORKERS) for endpoint in endpoints],
        }
        for dataset, database in c.DATASETS.items()
    ]
    return {**service_document(service), "checks": checks}

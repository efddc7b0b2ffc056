"""From a campaign file to a frozen plan: which runs, in which order, with which commands, at what cost.

Pure functions over files: nothing here talks to a machine. `build_plan` reads and checks everything, `freeze`
writes the results folder's campaign.json, `pending_runs` says what is left of it, `expand_services` turns app
folders into services.
"""

from collectors.plan.build import Request, build_plan
from collectors.plan.freeze import as_document, find_versions, freeze
from collectors.plan.pending import pending_runs
from collectors.plan.project import find_project
from collectors.plan.services import expand_services, resolve_argv

__all__ = [
    "Request",
    "as_document",
    "build_plan",
    "expand_services",
    "find_project",
    "find_versions",
    "freeze",
    "pending_runs",
    "resolve_argv",
]

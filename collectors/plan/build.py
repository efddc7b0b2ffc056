"""Put a plan together: every file read, every name checked, nothing touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.campaign import override, read_campaign, wanted_apps, wanted_profiles
from collectors.plan.cells import check_endpoints, check_protocols, check_services, make_cells
from collectors.plan.document import Item
from collectors.plan.feasibility import findings
from collectors.plan.ladder import check_offers
from collectors.plan.ladder import findings as ladder_findings
from collectors.plan.left_out import without_wrong
from collectors.plan.model import Campaign, Cell, Finding, Plan, Profile, Service
from collectors.plan.order import in_blocks
from collectors.plan.ports import check_ports
from collectors.plan.profile import read_profile, reserve_ports
from collectors.plan.project import Project
from collectors.plan.runs import check_address, make_runs
from collectors.plan.services import expand, read_catalogue
from collectors.plan.until import override_until


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for: a campaign, and what differs from its file.

    `leave_out`: an app whose own file is wrong is left out and named, instead of refusing the campaign.
    """

    campaign: str
    apps: str | None = None
    settings: Sequence[str] = ()
    link_address: str | None = None
    link_mbit: float = c.LINK_MBIT
    leave_out: bool = False
    until: str | None = None
    at_most_blocks: str | None = None


def build_plan(project: Project, request: Request) -> Plan:
    """The plan; raises PlanError, one sentence, for the first thing that is wrong in any file or option."""
    document = override(project.campaign_file(request.campaign), request.settings, request.apps)
    document = override_until(document, request.until, request.at_most_blocks)
    campaign = read_campaign(request.campaign, document)
    fields = document.entries()
    catalogue = read_catalogue(project.apps_dir)
    wanted, left_out = wanted_apps(document), tuple[Finding, ...]()
    if request.leave_out and not campaign.ladder:
        wanted, left_out = without_wrong(catalogue, wanted)
    services = expand(catalogue, wanted)
    check_ports(services)
    check_endpoints(
        campaign.rounds,
        catalogue.endpoints,
        services,
        _places(fields["rounds"]),
        narrowed=request.apps is not None or bool(left_out),
    )
    check_protocols(campaign.rounds, services, _places(fields["rounds"]))
    cells = make_cells(campaign, services, catalogue.endpoints)
    check_services(services, cells, [place for _, place in wanted])
    check_offers(campaign, services, [place for _, place in wanted])
    _check_count(campaign, cells, fields["blocks"].where)
    profiles = tuple(_profile(project, item, services) for item in wanted_profiles(document))
    address = check_address(request.link_address) if request.link_address else c.LINK_ADDRESS_UNKNOWN
    runs = make_runs(campaign, in_blocks(cells, blocks=campaign.most_blocks, seed=campaign.seed), address)
    seconds = sum(run.expected_s for run in runs)
    found = (
        *left_out,
        *findings(campaign, profiles, cells, seconds=seconds, link_mbit=request.link_mbit),
        *ladder_findings(campaign),
    )
    return Plan(campaign=campaign, profiles=profiles, services=services, runs=runs, findings=found)


def _profile(project: Project, item: Item, services: Sequence[Service]) -> Profile:
    name = item.text()
    profile = read_profile(name, project.profile_file(name, item.where))
    upstream = [c.UPSTREAM_PORT] if any(service.upstream for service in services) else []
    return reserve_ports(profile, [c.DATABASE_PORT, *upstream, *(service.port for service in services)])


def _places(rounds: Item) -> Mapping[str, str]:
    return {name: item.entries()["endpoints"].where for name, item in rounds.entries().items()}


def _check_count(campaign: Campaign, cells: Sequence[Cell], where: str) -> None:
    count = len(cells) * campaign.most_blocks
    if count > c.RUNS_MAX:
        raise PlanError(
            f"{where}: {campaign.most_blocks} blocks of {len(cells)} cells are {count} runs; "
            f"allowed: at most {c.RUNS_MAX}"
        )

"""Which cells a campaign consists of: a cell exists where an app offers an endpoint of a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collectors.errors import PlanError
from collectors.plan.document import listed, unknown
from collectors.plan.model import Campaign, Cell, Endpoint, Round, Service


def check_endpoints(
    rounds: Sequence[Round],
    endpoints: Mapping[str, Endpoint],
    services: Sequence[Service],
    places: Mapping[str, str],
    *,
    narrowed: bool,
) -> None:
    """Refuse an endpoint that the contract lacks, and one that no app offers.

    `places` says for each round where its endpoints stand. A campaign narrowed to some of its apps may name
    endpoints of the others.
    """
    for load in rounds:
        for name in load.endpoints:
            if name not in endpoints:
                raise unknown("endpoint", name, endpoints, places[load.name])
            offered = [key for key in endpoints if any(key in service.endpoints for service in services)]
            if name not in offered and not narrowed:
                apps = listed(service.id for service in services)
                raise PlanError(
                    f"{places[load.name]}: no app of the campaign ({apps}) offers the endpoint {name!r}; "
                    f"allowed: {listed(offered)}"
                )


def check_protocols(rounds: Sequence[Round], services: Sequence[Service], places: Mapping[str, str]) -> None:
    """Refuse what h2load cannot measure and does not say so: HTTP/2 of an app that does not speak it (no reply
    and no error), HTTP/1.1 of one that closes its connections (1.52 may never end)."""
    for load in rounds:
        for service in services if load.protocol is not None else ():
            if not any(name in service.endpoints for name in load.endpoints):
                continue
            if load.protocol == "h2" and not service.http2:
                able = [each.id for each in services if each.http2]
                others = f", or apps that do: {listed(able)}" if able else ""
                raise PlanError(
                    f"{places[load.name]}: the round {load.name!r} asks HTTP/2 of {service.id}, whose launcher does "
                    f"not speak it; allowed: protocol h1{others}"
                )
            if load.protocol == "h1" and not service.keep_alive:
                raise PlanError(
                    f"{places[load.name]}: the round {load.name!r} runs h2load in HTTP/1.1 against {service.id}, which "
                    "closes its connections, and may never end; allowed: apps that keep them open, or generator wrk"
                )


def make_cells(
    campaign: Campaign, services: Sequence[Service], endpoints: Mapping[str, Endpoint]
) -> tuple[Cell, ...]:
    """All cells in the files' order: round by round, app by app, endpoint by endpoint, profile by profile."""
    return tuple(
        Cell(service=service, endpoint=endpoints[name], round=load, profile=profile)
        for load in campaign.rounds
        for service in services
        for name in load.endpoints
        if name in service.endpoints
        for profile in campaign.profiles
    )


def check_services(services: Sequence[Service], cells: Sequence[Cell], places: Sequence[str]) -> None:
    """Refuse an app that offers none of the campaign's endpoints: it would silently be left out."""
    measured = {cell.service.id for cell in cells}
    for service, place in zip(services, places, strict=True):
        if service.id not in measured:
            raise PlanError(
                f"{place}: {service.id} offers none of the campaign's endpoints, nothing of it would be "
                f"measured; it offers: {listed(service.endpoints)}"
            )

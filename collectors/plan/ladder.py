"""Ladders: campaigns whose daemons each change one factor of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from collectors.errors import PlanError
from collectors.limits import REPLICATES_FOR_INTERVAL
from collectors.plan.document import Item
from collectors.plan.model import Campaign, Finding, Round, Rung, Service

RUNGS_MIN = 2


def read_ladder(item: Item) -> tuple[Rung, ...]:
    """The rungs in order; raises PlanError for fewer than two, a service twice, or a rung that names no factor.

    The first rung has none before it: its factor may be left out, and says what the ladder starts from.
    """
    rungs: list[Rung] = []
    for index, entry in enumerate(item.items()):
        required = ("service",) if index == 0 else ("service", "factor")
        fields = entry.fields(required=required, optional=("factor",) if index == 0 else ())
        rung = Rung(
            service=fields["service"].text(),
            factor=fields["factor"].text() if "factor" in fields else None,
        )
        for earlier in rungs:
            if rung.service == earlier.service:
                raise PlanError(
                    f"{entry.where}: {item.name} names the service {rung.service!r} twice; allowed: each once"
                )
            if rung.factor is not None and rung.factor == earlier.factor:
                raise PlanError(
                    f"{entry.where}: {item.name} names the factor {rung.factor!r} twice; allowed: one factor for each "
                    "rung"
                )
        rungs.append(rung)
    if len(rungs) < RUNGS_MIN:
        raise item.refuse("has one rung", "at least two, since each is held against the one before it")
    return tuple(rungs)


def check_rounds(rounds: Sequence[Round], places: Mapping[str, str]) -> None:
    """Refuse a round with several endpoints: a rung is one figure in each round."""
    for load in rounds:
        if len(load.endpoints) > 1:
            raise PlanError(
                f"{places[load.name]}: rounds.{load.name}.endpoints names {len(load.endpoints)} endpoints in a ladder; "
                "allowed: one, and a round of its own for each other"
            )


def check_offers(campaign: Campaign, services: Sequence[Service], places: Sequence[str]) -> None:
    """Refuse a rung that lacks the endpoint of a round: the ladder would have a gap there."""
    for service, place in zip(services, places, strict=True):
        for load in campaign.rounds if campaign.ladder else ():
            if load.endpoints[0] not in service.endpoints:
                raise PlanError(
                    f"{place}: the rung {service.id} does not offer the endpoint {load.endpoints[0]!r} of the round "
                    f"{load.name!r}; allowed: services that offer it"
                )


def findings(campaign: Campaign) -> Iterator[Finding]:
    """Say that a ladder of few blocks gives ratios without intervals."""
    if campaign.ladder and campaign.least_blocks < REPLICATES_FOR_INTERVAL:
        yield Finding(
            kind="ladder-blocks", where=campaign.name, value=campaign.blocks, limit=REPLICATES_FOR_INTERVAL,
            advice=f"{campaign.blocks} block{'s' if campaign.blocks > 1 else ''} give the ratios of a ladder and no "
            f"intervals, which take {REPLICATES_FOR_INTERVAL}",
        )  # fmt: skip

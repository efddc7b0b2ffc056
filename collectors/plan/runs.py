"""From ordered cells to planned runs: id, address, commands, contract, expected time and deadline."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.commands import deadline_s, load_argv, load_words, warmup_argv
from collectors.plan.contract import resolved
from collectors.plan.model import Campaign, Cell, Endpoint, PlannedRun, Service


def check_address(text: str) -> str:
    """The server's address on the link; raises PlanError for what no client could send its load to."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise PlanError(
            f"--link-address {text}: this is no IPv4 address; allowed: the server's address on the bench "
            "link, as in 10.99.10.1"
        ) from None
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        raise PlanError(
            f"--link-address {text}: no machine can have this address; allowed: the server's own on the link"
        )
    return str(address)


def make_runs(
    campaign: Campaign, ordered: Iterable[tuple[int, Cell]], link_address: str
) -> tuple[PlannedRun, ...]:
    """The runs in the order they are carried out, numbered from 1."""
    runs: list[PlannedRun] = []
    profile = campaign.profiles[0]      # in force when the first run begins
    for index, (block, cell) in enumerate(ordered, 1):
        runs.append(_run(campaign, index, block, cell, link_address, switched=cell.profile != profile))
        profile = cell.profile
    return tuple(runs)


def contract_requests(service: Service, endpoint: str, workers: int) -> int:
    """Sequential requests of the contract check: one more than all workers' pools hold together.

    With that many, at least one worker is asked once more than its pool is large, so a pool that loses what
    it hands out shows before the load. Without a pool, CONTRACT_REQUESTS_MIN; never more than
    CONTRACT_REQUESTS_MAX. Where workers are known to give errors after some answers, enough to see both.
    """
    if (answers := service.endpoints[endpoint].answers_per_worker) is not None:
        return c.CONTRACT_REQUESTS_PER_ANSWER * workers * answers
    pooled = workers * service.endpoints[endpoint].pool_size + 1
    return min(max(pooled, c.CONTRACT_REQUESTS_MIN), c.CONTRACT_REQUESTS_MAX)


def contract_of(service: Service, endpoint: Endpoint, dataset: str, workers: int) -> dict[str, Any]:
    """What the check holds this service's replies against on a data set: the contract with the service's own content
    type, exact total length and number of good answers, where it states them."""
    offer = service.endpoints[endpoint.name]
    found = resolved(endpoint, dataset)
    if offer.content_type is not None:
        found["content_type"] = offer.content_type
    if dataset in offer.reply_bytes:
        found["reply_bytes"] = offer.reply_bytes[dataset]
    if offer.answers_per_worker is not None:
        found["answers"] = workers * offer.answers_per_worker
    return found


def sessions_most(service: Service, workers: int) -> int:
    """The most database connections that the service may hold between requests, over all its workers."""
    return workers * max(offer.pool_size for offer in service.endpoints.values())


def full_contract(service: Service, endpoint: Endpoint, dataset: str, workers: int) -> dict[str, Any]:
    """All that a machine needs to hold the service's replies on one endpoint against their contract."""
    return {
        "name": endpoint.name,
        **contract_of(service, endpoint, dataset, workers),
        "body_bytes": service.endpoints[endpoint.name].body_bytes.get(dataset),
        "requests": contract_requests(service, endpoint.name, workers),
        "sessions": sessions_most(service, workers),
    }


def _run(
    campaign: Campaign, index: int, block: int, cell: Cell, link_address: str, *, switched: bool
) -> PlannedRun:
    """One run; of several profiles its id and label name its own."""
    several = len(campaign.profiles) > 1
    service, endpoint, load = cell.service, cell.endpoint, cell.round
    bind = link_address if load.path == "link" else c.LOCALHOST
    url = f"http://{bind}:{service.port}{endpoint.path}"
    return PlannedRun(
        id=f"{index:04d}-{service.id}-{endpoint.name}-{load.name}-{cell.profile + '-' if several else ''}b{block}",
        index=index,
        block=block,
        cell=cell,
        label=f"{service.id} {endpoint.path}, {load.name} ({load_words(load)}){', ' + cell.profile if several else ''}",
        bind=bind,
        url=url,
        load_on="client" if load.path == "link" else "server",
        load_argv=load_argv(load, url),
        warmup_argv=warmup_argv(load, url),
        contract=full_contract(cell.service, endpoint, campaign.dataset, campaign.workers),
        expected_s=load.warmup_s + load.duration_s + c.RUN_OVERHEAD_S + (c.PROFILE_SWITCH_S if switched else 0),
        deadline_s=deadline_s(load),
    )

"""The endpoints of one service: the app's own, restricted and overridden by the variant's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from collectors.plan import constants as c
from collectors.plan.document import Item, unknown
from collectors.plan.model import BodyBytes, Endpoint, Offer

KEYS: Final = ("body_bytes", "pool_size", "content_type", "reply_bytes", "answers_per_worker")

_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")


def read_offers(
    item: Item, variant: Item | None, endpoints: Mapping[str, Endpoint], pool_size: int
) -> Mapping[str, Offer]:
    """The endpoints that are offered, by name.

    `variant` is the variant's own `endpoints`: a list of names, or a mapping whose values lie over the app's. Either
    leaves out the endpoints that it does not name. `pool_size` holds for those that name none.
    """
    entries = item.entries()
    for name, entry in entries.items():
        if name not in endpoints:
            raise unknown("endpoint", name, endpoints, entry.where)
    layers = {name: [entry.fields(required=(), optional=KEYS)] for name, entry in entries.items()}
    if variant is not None:
        layers = _restricted(layers, variant)
    return {name: _offer(parts, pool_size) for name, parts in layers.items()}


def read_pool_size(item: Item) -> int:
    """The most pooled things that one worker holds."""
    return item.integer(0, 100_000)


def largest(size: BodyBytes | None) -> int | None:
    """The most bytes that a body may have; None where nothing is stated."""
    return size[1] if isinstance(size, tuple) else size


def _restricted(
    layers: Mapping[str, list[Mapping[str, Item]]], variant: Item
) -> dict[str, list[Mapping[str, Item]]]:
    if isinstance(variant.value, tuple):
        chosen: dict[str, Mapping[str, Item]] = {name: {} for name in variant.distinct("endpoint")}
    else:
        chosen = {name: entry.fields(required=(), optional=KEYS) for name, entry in variant.entries().items()}
    for name in chosen:
        if name not in layers:
            raise unknown("endpoint of the app", name, layers, variant.where)
    if not chosen:
        raise variant.refuse("is empty", "at least one of the app's endpoints")
    return {name: [*layers[name], own] for name, own in chosen.items()}


def _offer(parts: list[Mapping[str, Item]], pool_size: int) -> Offer:
    fields = {key: item for part in parts for key, item in part.items()}
    sizes = fields["body_bytes"].fields(required=(), optional=c.DATASETS) if "body_bytes" in fields else {}
    totals = fields["reply_bytes"].fields(required=(), optional=c.DATASETS) if "reply_bytes" in fields else {}
    answers = fields.get("answers_per_worker")
    return Offer(
        body_bytes={dataset: _size(size) for dataset, size in sizes.items()},
        pool_size=read_pool_size(fields["pool_size"]) if "pool_size" in fields else pool_size,
        content_type=_content_type(fields["content_type"]) if "content_type" in fields else None,
        reply_bytes={dataset: total.integer(1, 2**40) for dataset, total in totals.items()},
        answers_per_worker=None if answers is None else answers.integer(1, 1000),
    )


def _size(item: Item) -> BodyBytes:
    """One length, or the least and the most."""
    if not isinstance(item.value, tuple):
        return item.integer(0, 2**40)
    ends = [entry.integer(0, 2**40) for entry in item.items()]
    if len(ends) != 2 or ends[0] > ends[1]:
        raise item.refuse(f"is {ends}", "one length, or the least and the most, as in [13092, 13301]")
    return ends[0], ends[1]


def _content_type(item: Item) -> str:
    text = item.text()
    if not _MEDIA_TYPE.fullmatch(text):
        raise item.refuse(f"is {text!r}", "a media type in small letters without parameters, as in text/html")
    return text

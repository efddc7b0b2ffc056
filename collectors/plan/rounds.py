"""One round of a campaign: generator, load, durations and endpoints, checked against what the generators
can do.
"""

from __future__ import annotations

from typing import cast

from collectors.plan import constants as c
from collectors.plan.document import Item
from collectors.plan.model import Generator, Measures, Path, Protocol, Round
from collectors.plan.shapes import MEASURES, ONLY_FOR, check_keys, check_shape, threads_of

GENERATORS = ("wrk", "wrk2", "pacer", "h2load")
PATHS = ("localhost", "link")
PROTOCOLS = ("h2", "h1")
REQUIRED = ("generator", "path", "connections", "warmup_s", "duration_s", "timeout_s", "endpoints")


def read_round(name: str, item: Item) -> Round:
    """The round that item describes; raises PlanError with the place of the first wrong value."""
    fields = item.fields(required=REQUIRED, optional=tuple(ONLY_FOR))
    generator = fields["generator"].choice(GENERATORS, "generator")
    check_keys(fields, generator)
    connections = fields["connections"].integer(1, c.CONNECTIONS_MAX)
    is_h2load = generator == "h2load"
    result = Round(
        name=name,
        generator=cast(Generator, generator),
        path=cast(Path, fields["path"].choice(PATHS, "path")),
        rate_per_s=fields["rate_per_s"].number(c.RATE_MAX) if "rate_per_s" in fields else None,
        connections=connections,
        threads=threads_of(fields.get("threads"), connections, generator) if generator in ONLY_FOR["threads"] else None,
        streams=_streams(fields.get("streams")) if is_h2load else None,
        protocol=_protocol(fields.get("protocol")) if is_h2load else None,
        warmup_s=fields["warmup_s"].number(c.DURATION_MAX_S, zero=True),
        duration_s=fields["duration_s"].number(c.DURATION_MAX_S),
        timeout_s=fields["timeout_s"].number(c.TIMEOUT_MAX_S),
        endpoints=fields["endpoints"].distinct("endpoint"),
        measures=_measures(fields.get("measures")),
    )
    check_shape(result, fields)
    return result


def _streams(item: Item | None) -> int:
    return 1 if item is None else item.integer(1, c.STREAMS_MAX)


def _measures(item: Item | None) -> Measures | None:
    return None if item is None else cast(Measures, item.choice(MEASURES, "thing to measure beside the load"))


def _protocol(item: Item | None) -> Protocol:
    return cast(Protocol, PROTOCOLS[0] if item is None else item.choice(PROTOCOLS, "protocol"))

"""One round of a campaign: generator, load, durations and endpoints, checked against what the generators
can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from collectors.errors import PlanError
from collectors.plan import constants as c
from collectors.plan.document import Item
from collectors.plan.model import Generator, Path, Round

GENERATORS = ("wrk", "pacer")
PATHS = ("localhost", "link")
REQUIRED = ("generator", "path", "connections", "warmup_s", "duration_s", "timeout_s", "endpoints")
ONLY_FOR = {"threads": "wrk", "rate_per_s": "pacer"}
"""Keys that one generator alone understands."""


def read_round(name: str, item: Item) -> Round:
    """The round that item describes; raises PlanError with the place of the first wrong value."""
    fields = item.fields(required=REQUIRED, optional=tuple(ONLY_FOR))
    generator = fields["generator"].choice(GENERATORS, "generator")
    for key, owner in ONLY_FOR.items():
        if key in fields and generator != owner:
            raise PlanError(
                f"{fields[key].where}: {fields[key].name} belongs to {owner} and means nothing to "
                f"{generator}; allowed: leave it out, or generator {owner}"
            )
    connections = fields["connections"].integer(1, c.CONNECTIONS_MAX)
    result = Round(
        name=name,
        generator=cast(Generator, generator),
        path=cast(Path, fields["path"].choice(PATHS, "path")),
        rate_per_s=fields["rate_per_s"].number(c.RATE_MAX) if "rate_per_s" in fields else None,
        connections=connections,
        threads=_threads(fields.get("threads"), connections) if generator == "wrk" else None,
        warmup_s=fields["warmup_s"].number(c.DURATION_MAX_S, zero=True),
        duration_s=fields["duration_s"].number(c.DURATION_MAX_S),
        timeout_s=fields["timeout_s"].number(c.TIMEOUT_MAX_S),
        endpoints=fields["endpoints"].distinct("endpoint"),
    )
    _check_times(result, fields)
    return result


def _threads(item: Item | None, connections: int) -> int:
    """Threads that share the connections without a remainder.

    wrk gives each thread connections // threads and drops the rest: `-t12 -c400` opens 396. Such a round is
    refused.
    """
    if item is None:
        return c.WRK_THREADS if connections % c.WRK_THREADS == 0 else 1
    threads = item.integer(1, connections)
    if connections % threads:
        divisors = [n for n in range(1, 65) if connections % n == 0]
        opened = connections // threads * threads
        raise item.refuse(
            f"is {threads}, and wrk would open {opened} of the {connections} connections",
            f"a number that divides {connections}: {', '.join(map(str, divisors))}",
        )
    return threads


def _check_times(result: Round, items: Mapping[str, Item]) -> None:
    if result.generator == "wrk":
        for key in ("warmup_s", "duration_s", "timeout_s"):
            if not isinstance(items[key].value, int):
                raise items[key].refuse(items[key].shown(), "whole seconds, wrk takes no fractions")
    if result.rate_per_s is not None and result.rate_per_s * result.duration_s < 1:
        rate = items["rate_per_s"]
        raise rate.refuse(
            f"{rate.shown()}, which schedules no request in {result.duration_s} s",
            "a rate and a duration whose product is at least 1",
        )

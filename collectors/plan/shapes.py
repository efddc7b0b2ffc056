"""What a round may ask of each load generator: shapes in which its numbers mean something.

A shape in which a generator is known to print nonsense is refused before anything runs, with one sentence.
Where wrk2's limits come from is in collectors.readers.wrk2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from collectors.errors import PlanError
from collectors.limits import samples_needed
from collectors.plan import constants as c
from collectors.plan.commands import plain
from collectors.plan.document import Item
from collectors.plan.model import Round
from collectors.readers.wrk2 import calibration_s

ONLY_FOR: Final = {
    "threads": ("wrk", "wrk2", "h2load"),
    "rate_per_s": ("pacer", "wrk2", "h2load"),
    "streams": ("h2load",),
    "protocol": ("h2load",),
    "measures": ("pacer",),
}
"""Keys that not every generator understands, and the generators that do."""
MEASURES: Final = ("memory",)
"""What may be looked at beside a load. Only pacer opens all connections before the load, and those that were closed
again when they are needed."""
WHOLE_SECONDS: Final = {
    "wrk": ("warmup_s", "duration_s", "timeout_s"),
    "wrk2": ("warmup_s", "duration_s", "timeout_s"),
    "h2load": ("warmup_s", "duration_s"),
}
"""Times that a generator's own options take no fractions of."""
DIVIDES: Final = frozenset({"wrk", "wrk2"})
"""Generators that give each thread connections // threads and drop the rest: `-t12 -c400` opens 396."""


def check_keys(fields: Mapping[str, Item], generator: str) -> None:
    """Refuse a key that means nothing to the generator."""
    for key, owners in ONLY_FOR.items():
        if key in fields and generator not in owners:
            raise PlanError(
                f"{fields[key].where}: {fields[key].name} belongs to {_joined(owners, 'and')} and means nothing to "
                f"{generator}; allowed: leave it out, or generator {_joined(owners, 'or')}"
            )


def _joined(names: Sequence[str], word: str) -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]


def threads_of(item: Item | None, connections: int, generator: str) -> int:
    """Threads of a generator that has them; for wrk and wrk2 only a number that shares the connections without
    a remainder."""
    divides = generator in DIVIDES
    if item is None:
        usual = min(c.WRK_THREADS, connections)
        return usual if not divides or connections % usual == 0 else 1
    threads = item.integer(1, connections)
    if divides and connections % threads:
        divisors = [n for n in range(1, 65) if connections % n == 0]
        opened = connections // threads * threads
        raise item.refuse(
            f"is {threads}, and {generator} would open {opened} of the {connections} connections",
            f"a number that divides {connections}: {', '.join(map(str, divisors))}",
        )
    return threads


def check_shape(load: Round, items: Mapping[str, Item]) -> None:
    """Refuse a round that its generator cannot measure."""
    for key in WHOLE_SECONDS.get(load.generator, ()):
        if not isinstance(items[key].value, int):
            raise items[key].refuse(items[key].shown(), f"whole seconds, {load.generator} takes no fractions")
    if load.rate_per_s is not None and load.rate_per_s * load.duration_s < 1:
        rate = items["rate_per_s"]
        raise rate.refuse(
            f"{rate.shown()}, which schedules no request in {load.duration_s} s",
            "a rate and a duration whose product is at least 1",
        )
    if load.measures and load.duration_s < c.MEMORY_DURATION_MIN_S:
        raise items["duration_s"].refuse(
            f"{items['duration_s'].shown()}, too short for samples of one second to tell what is held",
            f"at least {c.MEMORY_DURATION_MIN_S}",
        )
    if load.generator == "wrk2":
        _check_wrk2(load, items)
    if load.generator == "h2load" and load.protocol == "h1" and load.streams != 1:
        raise items["streams"].refuse(
            f"{items['streams'].shown()}, and HTTP/1.1 answers one request at a time on a connection",
            "1, or protocol h2",
        )


def _check_wrk2(load: Round, items: Mapping[str, Item]) -> None:
    if load.rate_per_s is None:
        raise PlanError(
            f"{items['generator'].where}: wrk2 runs at a constant rate; allowed: give rate_per_s, or generator wrk "
            "for a closed loop"
        )
    if load.path != "link":
        raise items["path"].refuse(
            f"{items['path'].shown()}, where wrk2 would take the daemon's own cores and its timers would be late",
            "link",
        )
    least_rate = c.WRK2_RATE_PER_CONNECTION * load.connections
    if load.rate_per_s < least_rate:
        raise items["rate_per_s"].refuse(
            f"{items['rate_per_s'].shown()}, and below {plain(c.WRK2_RATE_PER_CONNECTION)} requests a second on each "
            f"of {load.connections} connections wrk2 counts waiting ones as timeouts",
            f"at least {plain(least_rate)}, or at most {int(load.rate_per_s / c.WRK2_RATE_PER_CONNECTION)} connections",
        )
    _check_wrk2_duration(load, load.rate_per_s, items["duration_s"])


def _check_wrk2_duration(load: Round, rate: float, item: Item) -> None:
    lost = calibration_s(load.connections)
    shortest = lost + c.WRK2_RECORDED_MIN_S
    if load.duration_s < shortest:
        raise item.refuse(
            f"{item.shown()}, of which wrk2 leaves the first {plain(lost)} s out of its latencies",
            f"at least {-int(-shortest // 1)}, so that {plain(c.WRK2_RECORDED_MIN_S)} s are left",
        )
    least = samples_needed("99")
    recorded = int(rate * (load.duration_s - lost))
    if recorded < least:
        raise item.refuse(
            f"{item.shown()}, which leaves {recorded} latencies after wrk2's calibration of {plain(lost)} s, and a p99 "
            f"needs {least}",
            f"at least {-int(-(lost + least / rate) // 1)} at this rate",
        )

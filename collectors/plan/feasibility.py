"""What arithmetic says about a campaign before anything runs.

Each check is a pure function from a plan's parts to findings. A finding is fatal only where the load
certainly cannot be generated; everything else is pointed out, because to see it happen may be what the
campaign is for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from collectors.plan import constants as c
from collectors.plan.advice import TEXTS
from collectors.plan.commands import plain
from collectors.plan.model import Campaign, Cell, Finding, Profile, Round, Service
from collectors.plan.offers import largest
from collectors.plan.profile import client_ports, kernel_integer
from collectors.readers.wrk2 import calibration_s


def findings(
    campaign: Campaign, profiles: Sequence[Profile], cells: Sequence[Cell], *, seconds: float, link_mbit: float
) -> tuple[Finding, ...]:
    """All findings, the fatal ones first.

    `seconds` is the expected duration of all runs, `link_mbit` the link's nominal speed. What depends on a profile is
    asked of each, the rest once.
    """
    cells = [cell for cell in cells if cell.profile == profiles[0].name]
    found = [
        *(each for profile in profiles for each in _ports(profile, cells)),
        *(each for profile in profiles for each in _open_files(profile, cells)),
        *(each for profile in profiles for each in _sessions(campaign, profile, cells)),
        *_samples(cells),
        *_generators(cells),
        *_rates_per_connection(cells),
        *_idle(cells),
        *_link(campaign, cells, link_mbit),
        *_contracts(campaign, cells),
        *_duration(campaign, seconds),
    ]
    return tuple(sorted(found, key=lambda finding: not finding.fatal))


def ports_and_rest(profile: Profile, load: Round) -> tuple[int, int]:
    """Client ports for one target, and the seconds that each rests after its connection.

    A closed connection's port rests for 60 s in TIME_WAIT, at the end that closed first; with tcp_tw_reuse (1
    everywhere, 2, the kernel's default, on the loopback only) and timestamps it may be taken again after 1 s.
    The quotient is the number of new connections per second that can go on for ever.
    """
    reuse = kernel_integer(profile, "net.ipv4.tcp_tw_reuse", c.TW_REUSE_DEFAULT)
    stamps = kernel_integer(profile, "net.ipv4.tcp_timestamps", 1)
    again = stamps != 0 and (reuse == 1 or (reuse == 2 and load.path == "localhost"))
    return client_ports(profile), c.TW_REUSE_DELAY_S if again else c.TIME_WAIT_S


def _finding(
    text: str,
    where: str,
    value: float | None,
    limit: float,
    words: Mapping[str, object],
    *,
    kind: str = "",
    fatal: bool = False,
) -> Finding:
    """One finding; `text` names its sentence, and its kind too unless told."""
    advice = TEXTS[text].format(limit=math.floor(limit), **words)
    shown = None if value is None else round(value, 1)
    return Finding(
        kind=kind or text, where=where, value=shown, limit=round(limit, 1), advice=advice, fatal=fatal
    )


def _ports(profile: Profile, cells: Sequence[Cell]) -> Iterator[Finding]:
    for load in _rounds(cells):
        ports, rest = ports_and_rest(profile, load)
        words = {"ports": ports, "profile": profile.name, "connections": load.connections, "rest": rest}
        closing = ", ".join(service.id for service in _services(cells, load) if not service.keep_alive)
        if load.connections > ports:
            yield _finding("ports-few", load.name, load.connections, ports, words, kind="ports", fatal=True)
        elif closing and (text := _port_case(load, ports, rest)):
            needed = plain(round(_waiting(load, rest)))
            words |= {"rate": plain(load.rate_per_s or 0), "needed": needed}
            where = f"{load.name}: {closing}"
            yield _finding(text, where, load.rate_per_s, ports / rest, words, kind="ports")


def _port_case(load: Round, ports: int, rest: int) -> str | None:
    """Which finding applies where a daemon closes every connection; None where the ports last."""
    if load.rate_per_s is None:
        return "ports-closed" if rest == c.TIME_WAIT_S else None
    if _waiting(load, rest) <= ports:
        return None
    return "ports-open" if rest == c.TIME_WAIT_S else "ports-reused"


def _waiting(load: Round, rest: int) -> float:
    """Most ports at rest at one time, if every request takes a connection of its own."""
    return (load.rate_per_s or 0) * min(rest, load.warmup_s + load.duration_s)


def _open_files(profile: Profile, cells: Sequence[Cell]) -> Iterator[Finding]:
    limit = profile.limits.get("nofile", c.NOFILE_DEFAULT)
    for load in _rounds(cells):
        needed = load.connections + c.NOFILE_BESIDES
        if needed > limit:
            words = {"connections": load.connections, "besides": c.NOFILE_BESIDES, "profile": profile.name}
            yield _finding("nofile", load.name, needed, limit, words, fatal=True)


def _sessions(campaign: Campaign, profile: Profile, cells: Sequence[Cell]) -> Iterator[Finding]:
    """Database sessions: a full pool in each worker, at least one session per worker."""
    most = int(profile.postgresql.get("max_connections", c.POSTGRESQL_CONNECTIONS_DEFAULT))
    limit = most - int(profile.postgresql.get("superuser_reserved_connections", c.POSTGRESQL_RESERVED))
    for service in {cell.service.id: cell.service for cell in cells}.values():
        pool = max(1, service.pool_size, *(offer.pool_size for offer in service.endpoints.values()))
        needed = campaign.workers * pool
        if needed > limit:
            words = {"workers": campaign.workers, "pool": pool, "needed": needed, "profile": profile.name}
            yield _finding("sessions", service.id, needed, limit, words)


def _samples(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Percentiles that one run cannot support, p50 to p99.9."""
    for load in _rounds(cells):
        count = recorded(load)
        missing = [] if count is None else [name for name, least in c.SAMPLES_FOR.items() if count < least]
        if count is not None and missing:
            least = c.SAMPLES_FOR[missing[0]]
            words = {"missing": " or ".join(missing), "first": missing[0], "least": least, "count": count}
            yield _finding("samples", load.name, count, least, words)


def _generators(cells: Sequence[Cell]) -> Iterator[Finding]:
    """What a generator is known to get wrong in a round, and yet can be asked."""
    for load in _rounds(cells):
        closing = ", ".join(service.id for service in _services(cells, load) if not service.keep_alive)
        if load.generator == "wrk2" and closing:
            yield _finding("wrk2-closing", f"{load.name}: {closing}", None, 0, {})
        if load.generator == "h2load" and load.rate_per_s is not None:
            yield _finding("h2load-paced", load.name, load.rate_per_s, 0, {})
        if load.generator == "h2load" and load.duration_s > c.H2LOAD_LOG_MAX_S:
            words = {"seconds": plain(load.duration_s)}
            yield _finding("h2load-log", load.name, load.duration_s, c.H2LOAD_LOG_MAX_S, words)


def _rates_per_connection(cells: Sequence[Cell]) -> Iterator[Finding]:
    """More requests per connection than round trips allow, or fewer requests than connections."""
    for load in _rounds(cells):
        count = _scheduled(load)
        if load.rate_per_s is None or count is None:
            continue
        trips = 1 if all(service.keep_alive for service in _services(cells, load)) else 2
        limit = 1 / (c.LINK_ROUND_TRIP_S * trips)
        each = load.rate_per_s / load.connections / (load.streams or 1)
        if load.path == "link" and each > limit:
            words = {"each": plain(round(each)), "trips": trips, "trip_ms": plain(c.LINK_ROUND_TRIP_S * 1000)}
            words["enough"] = math.ceil(load.rate_per_s / limit)
            yield _finding("rate-high", load.name, each, limit, words, kind="rate-per-connection")
        if load.connections > count:
            counts = {"scheduled": count, "connections": load.connections}
            yield _finding("rate-low", load.name, load.connections, count, counts, kind="rate-per-connection")


def _idle(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Connections that a daemon closes for being idle between two requests of a round that counts open ones."""
    for load in _rounds(cells):
        if not load.measures or load.rate_per_s is None:
            continue
        each_s = load.connections / load.rate_per_s
        limits = {service.id: service.options.get("keep_alive_s", "") for service in _services(cells, load)}
        for service, text in limits.items():
            if text.isdigit() and each_s >= int(text):
                words = {"service": service, "each": plain(round(each_s, 2)), "connections": load.connections}
                yield _finding("idle", f"{load.name}: {service}", each_s, int(text), words)


def _link(campaign: Campaign, cells: Sequence[Cell], link_mbit: float) -> Iterator[Finding]:
    limit = link_mbit * c.LINK_PAYLOAD_SHARE * c.LINK_BUSY_SHARE
    for cell in cells:
        load = cell.round
        size = largest(cell.service.endpoints[cell.endpoint.name].body_bytes.get(campaign.dataset))
        if load.path != "link" or load.rate_per_s is None or size is None:
            continue
        mbit = load.rate_per_s * size * 8 / 1e6
        if mbit > limit:
            words = {"size": size, "rate": plain(load.rate_per_s), "mbit": plain(round(mbit))}
            where = f"{load.name}: {cell.service.id} {cell.endpoint.path}"
            yield _finding("link", where, mbit, limit, words)


def _contracts(campaign: Campaign, cells: Sequence[Cell]) -> Iterator[Finding]:
    pools = {(cell.service.id, cell.service.endpoints[cell.endpoint.name].pool_size) for cell in cells}
    for service, pool in sorted(pools):
        needed = campaign.workers * pool + 1
        if needed > c.CONTRACT_REQUESTS_MAX:
            words = {"needed": needed, "workers": campaign.workers, "pool": pool}
            yield _finding("contract", service, needed, c.CONTRACT_REQUESTS_MAX, words)


def _duration(campaign: Campaign, seconds: float) -> Iterator[Finding]:
    if seconds > c.LONG_CAMPAIGN_S:
        words = {"hours": f"{seconds / 3600:.1f}"}
        yield _finding("duration", campaign.name, seconds, c.LONG_CAMPAIGN_S, words)


def _scheduled(load: Round) -> int | None:
    """Requests that one run schedules; None in a closed loop, where replies decide."""
    return None if load.rate_per_s is None else int(load.rate_per_s * load.duration_s)


def recorded(load: Round) -> int | None:
    """Latencies that one run records; wrk2 throws those of its calibration away."""
    if load.rate_per_s is None or load.generator != "wrk2":
        return _scheduled(load)
    return int(load.rate_per_s * max(0.0, load.duration_s - calibration_s(load.connections)))


def _rounds(cells: Iterable[Cell]) -> list[Round]:
    return list({cell.round.name: cell.round for cell in cells}.values())


def _services(cells: Iterable[Cell], load: Round) -> list[Service]:
    return list({cell.service.id: cell.service for cell in cells if cell.round.name == load.name}.values())

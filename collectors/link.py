"""The link gate: is the wire between the machines what it should be, and what is the most it can carry?

Limits follow the link's nominal speed; they are those of the measurement rules' section 5, in
collectors.limits.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors import limits
from collectors.codec import from_json
from collectors.errors import ReadError
from collectors.jsonio import read_object, read_text
from collectors.model import Finding
from collectors.readers.iperf3 import Direction, Iperf3Result, read_iperf3
from collectors.readers.ping import PingResult, read_ping
from collectors.units import DASH

SCHEMA_VERSION: Final = 1
FATAL: Final = "fatal"


@dataclass(frozen=True, kw_only=True)
class LinkFigures:
    """What was measured of the link, in megabits (10^6) per second of payload. None: not measured.

    `forward` is client to server. Medians are of whole seconds, the first omitted; `spread` is the larger
    interquartile range over its median of the two directions alone; `retransmits_share` the larger of the
    two.
    """

    schema_version: int = SCHEMA_VERSION
    nominal_mbit: float
    forward_mbit: float | None = None
    reverse_mbit: float | None = None
    bidir_forward_mbit: float | None = None
    bidir_reverse_mbit: float | None = None
    spread: float | None = None
    retransmits_share: float | None = None
    ping_p99_ms: float | None = None
    ping_max_ms: float | None = None
    ping_loss_share: float | None = None
    ping_echoes: int | None = None
    ok: bool
    findings: tuple[Finding, ...] = ()

    @property
    def sentence(self) -> str:
        """Return the figures in one line."""
        both = f"{_mbit(self.bidir_forward_mbit)} and {_mbit(self.bidir_reverse_mbit)} at once"
        ping = DASH if self.ping_p99_ms is None else f"{self.ping_p99_ms:.3g} ms"
        return (
            f"{_mbit(self.forward_mbit)} Mb/s to the server, {_mbit(self.reverse_mbit)} back, {both} "
            f"(nominal {self.nominal_mbit:g}); ping p99 {ping}"
        )

    @property
    def faults(self) -> tuple[str, ...]:
        """Return why the gate is closed."""
        return tuple(finding.advice for finding in self.findings if finding.kind.startswith(FATAL))


def measure_link(folder: Path, *, nominal_mbit: float) -> LinkFigures:
    """Return the figures and the judgement of link/before or link/after from its raw files.

    A raw file that is absent or damaged closes the gate with its sentence.
    """
    findings: list[Finding] = []
    one, other, both = (_iperf(folder / f"{name}.json", findings) for name in ("forward", "reverse", "bidir"))
    forward = one.forward if one else None
    reverse = other.reverse if other else None
    bidir = (both.forward, both.reverse) if both else (None, None)
    ping = _ping(folder / "ping.txt", findings)
    ways = ("to the server", "back from the server")
    busy = [f"{way} while both ways are busy" for way in ways]
    directions = dict(zip((*ways, *busy), (forward, reverse, *bidir), strict=True))
    findings += _judge_rates(nominal_mbit, directions)
    spread = _largest([_spread(direction) for direction in (forward, reverse)])
    retransmits = _largest([each.retransmits_share if each else None for each in (forward, reverse)])
    findings += _judge_quality(spread, retransmits)
    p99 = _nearest_rank(ping.round_trips_ms, 0.99) if ping else None
    findings += _judge_ping(ping, p99)
    return LinkFigures(
        nominal_mbit=nominal_mbit,
        forward_mbit=_median(forward),
        reverse_mbit=_median(reverse),
        bidir_forward_mbit=_median(bidir[0]),
        bidir_reverse_mbit=_median(bidir[1]),
        spread=spread,
        retransmits_share=retransmits,
        ping_p99_ms=p99,
        ping_max_ms=max(ping.round_trips_ms, default=None) if ping else None,
        ping_loss_share=None if ping is None or ping.loss_share is None else round(ping.loss_share, 6),
        ping_echoes=None if ping is None else ping.transmitted,
        ok=not any(finding.kind.startswith(FATAL) for finding in findings),
        findings=tuple(findings),
    )


def read_link(path: Path) -> LinkFigures | None:
    """Return link.json as it was written, None where there is none; ReadError where it is damaged."""
    return from_json(LinkFigures, read_object(path), file=path) if path.is_file() else None


def drift(before: LinkFigures, after: LinkFigures) -> tuple[Finding, ...]:
    """Return what changed on the link during the campaign by more than the limit."""
    found = []
    for name, was, now in (
        ("to the server", before.forward_mbit, after.forward_mbit),
        ("back from the server", before.reverse_mbit, after.reverse_mbit),
    ):
        if was and now is not None and abs(now - was) / was > limits.LINK_DRIFT_SHARE:
            change = (now - was) / was
            found.append(
                Finding(
                    kind="link-drift",
                    where=f"link, {name}",
                    value=round(change, 4),
                    limit=limits.LINK_DRIFT_SHARE,
                    advice=f"the link {name} went from {was:.1f} to {now:.1f} Mb/s ({change:+.1%}) during "
                    "the campaign: "
                    "look for other traffic, and measure again",
                )
            )
    return tuple(found)


def _iperf(path: Path, findings: list[Finding]) -> Iperf3Result | None:
    try:
        return read_iperf3(read_text(path), path)
    except ReadError as error:
        findings.append(Finding(kind=f"{FATAL}-unreadable", where=path.name, advice=str(error)))
        return None


def _ping(path: Path, findings: list[Finding]) -> PingResult | None:
    try:
        return read_ping(read_text(path), path)
    except ReadError as error:
        findings.append(Finding(kind=f"{FATAL}-unreadable", where=path.name, advice=str(error)))
        return None


def _judge_rates(nominal: float, directions: Mapping[str, Direction | None]) -> Iterable[Finding]:
    """Judge throughput; `directions` holds the two ways alone, then the two ways at once, by their words."""
    for index, (what, direction) in enumerate(directions.items()):
        if direction is None:
            continue
        alone = index < 2
        limit = nominal * (limits.LINK_SHARE_OF_NOMINAL if alone else limits.LINK_BOTH_SHARE_OF_NOMINAL)
        rate = _median(direction)
        if rate is not None and rate < limit:
            advice = f"the link carries {rate:.1f} Mb/s {what}, at least {limit:.0f} of {nominal:g} are needed"
            yield Finding(kind=f"{FATAL}-slow", where=what, value=rate, limit=round(limit, 1), advice=advice)
        if (seconds := len(direction.intervals_mbit)) < limits.LINK_LEAST_INTERVALS:
            advice = "too few seconds were measured to know the spread"
            yield Finding(
                kind="note-short", where=what, value=seconds, limit=limits.LINK_LEAST_INTERVALS, advice=advice
            )


def _judge_quality(spread: float | None, retransmits: float | None) -> Iterable[Finding]:
    where, limit = "one way alone", limits.LINK_SPREAD_SHARE
    if spread is not None and spread > limit:
        advice = f"the link's throughput spreads by {spread:.1%} from second to second, at most {limit:.0%} is allowed"
        yield Finding(kind=f"{FATAL}-unsteady", where=where, value=spread, limit=limit, advice=advice)
    limit = limits.LINK_RETRANSMITS_SHARE
    if retransmits is not None and retransmits > limit:
        advice = f"{retransmits:.2%} of the segments were sent again, at most {limit:.1%} is allowed"
        yield Finding(kind=f"{FATAL}-lossy", where=where, value=retransmits, limit=limit, advice=advice)


def _judge_ping(ping: PingResult | None, p99: float | None) -> Iterable[Finding]:
    if ping is None:
        return
    loss, limit = ping.loss_share, limits.LINK_PING_LOSS_SHARE
    if loss is None or loss > limit:
        advice = f"{ping.transmitted - ping.received} of {ping.transmitted} pings were lost, none may be"
        yield Finding(kind=f"{FATAL}-loss", where="ping", value=loss, limit=limit, advice=advice)
    limit = limits.LINK_PING_P99_MS
    if p99 is not None and p99 > limit:
        advice = f"the p99 of the pings is {p99:.3g} ms, at most {limit:g} ms is allowed"
        yield Finding(kind=f"{FATAL}-slow-ping", where="ping", value=p99, limit=limit, advice=advice)
    enough = limits.LINK_ECHOES_FOR_P99
    if p99 is not None and (echoes := len(ping.round_trips_ms)) < enough:
        advice = "with so few pings their p99 is little more than the slowest of them"
        yield Finding(kind="note-few-pings", where="ping", value=echoes, limit=enough, advice=advice)


def _median(direction: Direction | None) -> float | None:
    return None if direction is None else round(statistics.median(direction.intervals_mbit), 1)


def _spread(direction: Direction | None) -> float | None:
    if direction is None or len(direction.intervals_mbit) < limits.LINK_LEAST_INTERVALS:
        return None
    low, middle, high = statistics.quantiles(direction.intervals_mbit, n=4, method="inclusive")
    return (high - low) / middle if middle else None


def _largest(shares: list[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return round(max(known), 6) if known else None


def _nearest_rank(values: tuple[float, ...], share: float) -> float | None:
    if not values:
        return None
    rank = max(1, -(-len(values) * round(share * 100) // 100))
    return sorted(values)[rank - 1]


def _mbit(value: float | None) -> str:
    return DASH if value is None else f"{value:.1f}"

"""The JSON of `iperf3 -J`: one way, the other way (-R), or both at once (--bidir)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collectors.errors import ReadError
from collectors.jsonio import Fields, parse_object


@dataclass(frozen=True, kw_only=True)
class Direction:
    """One direction: throughput of each measured second in Mb/s (10^6 bits), segments sent and sent again.

    Retransmits are the sender's; None where iperf3 does not know them.
    """

    intervals_mbit: tuple[float, ...]
    omitted_intervals: int
    sent_bytes: int
    retransmits: int | None
    segments: int | None

    @property
    def retransmits_share(self) -> float | None:
        """Retransmitted over sent segments, None where one of them is not known."""
        if self.retransmits is None or not self.segments:
            return None
        return self.retransmits / self.segments


@dataclass(frozen=True, kw_only=True)
class Iperf3Result:
    """One run of iperf3. `forward` is client to server, `reverse` server to client; None where it did not
    run."""

    version: str
    forward: Direction | None
    reverse: Direction | None


def read_iperf3(text: str, file: Path | str) -> Iperf3Result:
    """Return the throughput of each direction.

    Seconds that iperf3 was told to omit (-O) do not count; where it was told nothing, the first second is
    left out. Raises ReadError where the JSON is broken or foreign, or iperf3 itself reports an error.
    """
    top = Fields(parse_object(text, file), file)
    if top.has("error"):
        raise ReadError(f"iperf3 failed: {top.text('error')}", file=file)
    start = top.inner("start")
    version = start.text("version")
    if not version.startswith("iperf"):
        raise start.fail("version", "one of iperf3")
    test = start.inner("test_start")
    if test.text("protocol") != "TCP":
        raise test.fail("protocol", "TCP")
    mss = start.optional_count("tcp_mss_default") or start.optional_count("tcp_mss")
    rows, end = top.rows("intervals"), top.inner("end")
    bidir = end.has("sum_sent_bidir_reverse")
    first = _direction(rows, "sum", end.inner("sum_sent"), mss)
    second = _direction(rows, "sum_bidir_reverse", end.inner("sum_sent_bidir_reverse"), mss) if bidir else None
    if test.optional_integer("reverse"):
        return Iperf3Result(version=version, forward=second, reverse=first)
    return Iperf3Result(version=version, forward=first, reverse=second)


def _direction(rows: list[Fields], key: str, sent: Fields, mss: int | None) -> Direction:
    sums = [row.inner(key) for row in rows]
    measured = [each for each in sums if each.raw("omitted") is not True]
    if len(measured) == len(sums):
        measured = measured[1:]
    if not measured:
        raise ReadError("no interval was measured after the first second", file=sent.file)
    longest = max(each.amount("seconds") for each in measured)
    whole = [each for each in measured if each.amount("seconds") >= 0.5 * longest]
    sent_bytes = sent.count("bytes")
    return Direction(
        intervals_mbit=tuple(round(each.amount("bits_per_second") / 1e6, 3) for each in whole),
        omitted_intervals=len(sums) - len(measured),
        sent_bytes=sent_bytes,
        retransmits=sent.optional_count("retransmits"),
        segments=None if not mss else -(-sent_bytes // mss),
    )

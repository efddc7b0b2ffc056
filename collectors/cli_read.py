"""`tandem read`: what one raw file says, in plain words or as JSON."""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from collectors.cells import ERROR_WORDS
from collectors.codec import to_json
from collectors.errors import one_line
from collectors.jsonio import dump
from collectors.model import Latency, LoadResult
from collectors.readers.detect import KNOWN, Read, read_any
from collectors.readers.fio import FioResult
from collectors.readers.floor import Floor
from collectors.readers.hlog import HistogramLog
from collectors.readers.iperf3 import Direction, Iperf3Result
from collectors.readers.sysbench import SysbenchResult
from collectors.units import DASH, show_latency, show_rate, show_share


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand `read`."""
    parser = subparsers.add_parser(
        "read",
        help="read one raw file of a load generator, iperf3, ping, sysbench or fio",
        description=f"Detect whose output a file is ({KNOWN}) and print what it says.",
        epilog=(
            "Exit status: 0 read, 2 the file is damaged, truncated or of no known tool (the sentence names the line)."
        ),
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print all that was read as JSON")
    parser.set_defaults(func=_read)


def _read(args: argparse.Namespace) -> int:
    tool, result = read_any(args.file)
    if args.json:
        print(dump({"schema_version": 1, "format": tool, "result": to_json(result)}), end="")
    else:
        print("\n".join(describe(tool, result)))
    return 0


def describe(tool: str, result: Read) -> list[str]:
    """Return what was read, in lines for a person; what a file holds besides text is shown by its code."""
    return [one_line(line) for line in _lines(tool, result)]


def _lines(tool: str, result: Read) -> list[str]:
    if isinstance(result, LoadResult):
        return _load(result)
    if isinstance(result, Floor):
        return _floor(result)
    if isinstance(result, Iperf3Result):
        directions = (("client to server", result.forward), ("server to client", result.reverse))
        return [tool, *(_direction(name, each) for name, each in directions if each is not None)]
    if isinstance(result, HistogramLog):
        return _log(result)
    if isinstance(result, SysbenchResult | FioResult):
        return _canary(result)
    loss = result.received if result.transmitted else 0
    lines = [f"{tool} {result.target}", f"echoes     {loss} of {result.transmitted} came back"]
    if result.round_trips_ms:
        times = result.round_trips_ms
        lines.append(f"round trip median {statistics.median(times):g} ms, max {max(times):g} ms")
    return lines


def _canary(result: SysbenchResult | FioResult) -> list[str]:
    if isinstance(result, FioResult):
        times = f"{show_latency(result.read_mean_us)} a read, {show_latency(result.write_mean_us)} a write"
        speed = f"{show_rate(result.read_per_s)} reads and {show_rate(result.write_per_s)} writes per second"
        return [f"{result.version}, {result.work}", f"speed      {speed}", f"mean time  {times}"]
    unit = "events" if result.test == "cpu" else "MiB"
    head = f"sysbench {result.test}, {result.threads} threads, {result.work}"
    return [head, f"speed      {result.speed:g} {unit}/s"]


def _log(log: HistogramLog) -> list[str]:
    seconds = max(each.start_s + each.length_s for each in log.intervals)
    lines = [f"histogram log, {len(log.intervals)} intervals over {seconds:g} s"]
    for total in log.totals:
        known = [f"p{name} {show_latency(value)}" for name, value in total.percentiles_us.items() if value is not None]
        figures = ["mean " + show_latency(total.mean_us), *known, "max " + show_latency(total.max_us)]
        lines.append(f"{total.tag or 'untagged':<10} {total.count} values, {', '.join(figures)}")
    return lines


def _direction(name: str, direction: Direction) -> str:
    rates = direction.intervals_mbit
    again = DASH if direction.retransmits is None else str(direction.retransmits)
    return (
        f"{name}: median {statistics.median(rates):.1f} Mb/s over {len(rates)} s ({min(rates):.1f} to "
        f"{max(rates):.1f}), "
        f"{again} segments sent again"
    )


def _floor(floor: Floor) -> list[str]:
    rows = (
        ("latency", floor.latency_p50_us, floor.latency_p99_us, "from the intended send time"),
        ("service", floor.service_p50_us, floor.service_p99_us, "from the send on"),
        ("lag", floor.lag_p50_us, floor.lag_p99_us, "the generator's own lateness"),
    )
    rate, seconds = show_rate(floor.rate_per_s), f"{floor.duration_s:g} s"
    return [
        "floor, pacer against a server that does nothing: nothing measured over this path can be below",
        f"load       {rate} requests per second over {floor.connections} connections, {seconds}: {floor.verdict}",
        *(f"{name:<10} p50 {show_latency(p50)}, p99 {show_latency(p99)} ({what})" for name, p50, p99, what in rows),
        f"cpu        {show_latency(floor.cpu_per_request_us)} of the generator a request",
        f"closed     {show_rate(floor.closed_loop_per_s)} requests per second: {floor.closed_verdict}",
    ]


def _load(result: LoadResult) -> list[str]:
    counts = result.counts
    asked = (
        "as fast as answers come" if result.rate_asked_per_s is None else f"{show_rate(result.rate_asked_per_s)} asked"
    )
    scheduled = DASH if counts.scheduled is None else str(counts.scheduled)
    unfinished = DASH if result.unfinished is None else str(result.unfinished)
    seen = ", ".join(f"{ERROR_WORDS[kind]} {count}" for kind, count in result.errors.seen().items()) or "none"
    kinds = ", ".join(ERROR_WORDS[kind] for kind in result.errors.share_kinds())
    lines = [
        f"{result.tool} {result.url}",
        f"load       {result.loop} loop, {result.connections} connections, {result.duration_s:g} s",
        f"rate       {asked}, {show_rate(result.completed_per_s)} got, requests per second",
        f"requests   {scheduled} scheduled, {counts.completed} completed, {unfinished} unfinished",
        f"errors     {seen}; {show_share(result.error_share)} of the requests failed (counting {kinds})",
        f"latency    {_latency(result.latency)}",
    ]
    if result.service is not None and result.service.kind != result.latency.kind:
        lines.append(f"service    {_latency(result.service)}")
    return lines + [f"note       {note}" for note in result.notes]


def _latency(latency: Latency) -> str:
    parts = [f"mean {show_latency(latency.mean_us, at_least='mean' in latency.at_least)}"]
    for name in latency.percentiles_us:
        value = latency.percentile_us(name)
        if value is not None:
            parts.append(f"p{name} {show_latency(value, at_least=name in latency.at_least)}")
    parts.append(f"max {show_latency(latency.max_us, at_least='max' in latency.at_least)}")
    kind = "service time" if latency.kind == "service" else "from the intended send time"
    return ", ".join(parts) + f" ({kind}{', truncated' if latency.truncated else ''})"

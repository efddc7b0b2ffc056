"""The command line's grammar, and how it becomes Options."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from pacer import __version__
from pacer.dispatch import DISPATCHES, PINNED
from pacer.errors import UsageError
from pacer.options import FORMATS, Options, check, draw_seed
from pacer.request import Request, build_request, expectation
from pacer.requests_file import read_requests
from pacer.schedule import ARRIVALS, UNIFORM, Stage
from pacer.target import Url, parse_url
from pacer.units import NS_PER_S, parse_count, parse_duration_ns, parse_rate

_EPILOG = """\
Times: 30, 30s, 500ms, 2m. Rates: 4000, 0.5, 4k.
Exit status: 0 ok; 1 usage; 2 target unreachable; 3 finished, but not valid by its own checks; 4 too many
errors.
Other commands: pacer selftest, pacer null-server, pacer merge; each has its own --help."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message} ({self.prog} --help lists all options)")


def reading(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Make a reader that raises ValueError into an argparse type that shows its sentence."""
    def convert(text: str) -> Any:      # noqa: ANN401 - an argparse type returns what it reads
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return convert


DURATION, RATE, COUNT = reading(parse_duration_ns), reading(parse_rate), reading(parse_count)


def parser() -> argparse.ArgumentParser:
    """Return the grammar of a run."""
    grammar = Parser(
        prog="pacer", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="HTTP/1.1 load at a constant rate, measured from the time each request was due.\n"
                    "Without a rate each connection sends as fast as it is answered (closed loop).")
    grammar.add_argument("url", metavar="URL", help="http://HOST[:PORT]/PATH or https://…")
    grammar.add_argument("-v", "--version", action="version", version=f"pacer {__version__}")
    _add_load(grammar.add_argument_group("load"))
    _add_request(grammar.add_argument_group("request"))
    _add_connection(grammar.add_argument_group("connection"))
    _add_process(grammar.add_argument_group("processes and machines"))
    _add_output(grammar.add_argument_group("output"))
    return grammar


def _add_load(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-R", "--rate", type=RATE, metavar="RATE", help="requests per second, in all")
    group.add_argument("--stages", type=reading(parse_stages), metavar="T@RATE,…",
                       help="several rates one after the other, such as 30s@100,60s@4000")
    group.add_argument("-c", "--connections", type=COUNT, default=10, metavar="N",
                       help="connections, in all (10)")
    group.add_argument("-d", "--duration", type=DURATION, metavar="T", help="length of the window (10s)")
    group.add_argument("--warmup", type=DURATION, default=0, metavar="T",
                       help="the same load before it, not recorded (0)")
    group.add_argument("--drain", type=DURATION, metavar="T",
                       help="longest wait for answers after it (until each is answered or timed out)")
    group.add_argument("--arrival", choices=ARRIVALS, default=UNIFORM, help="spacing of requests (uniform)")
    group.add_argument("--seed", type=int, metavar="N",
                       help="of Poisson arrivals and weighted requests (drawn; shown in the result)")
    group.add_argument("--dispatch", choices=DISPATCHES, default=PINNED,
                       help="request i on connection i mod N, or on any idle one (pinned)")
    group.add_argument("--search", metavar="LIMITS",
                       help="find the highest rate that holds these, such as 'p99<10ms,errors<0.1%%'")


def _add_request(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'",
                       help="add a header")
    group.add_argument("--method", metavar="NAME", help="GET, or POST with --body")
    group.add_argument("--body", metavar="TEXT", help="request body; @FILE reads it from a file")
    group.add_argument("--requests-file", type=Path, metavar="FILE",
                       help="requests as JSON lines: path, method, headers, body, weight, expect")
    group.add_argument("--expect-status", type=int, metavar="CODE", help="anything else is a failure")
    group.add_argument("--expect-length", type=int, metavar="BYTES", help="of the body")
    group.add_argument("--expect-sha256", metavar="HEX", help="of the body")
    group.add_argument("-s", "--script", help=argparse.SUPPRESS)


def _add_connection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-T", "--timeout", type=DURATION, default=10 * NS_PER_S, metavar="T",
                       help="from sending a request, and for connecting (10s)")
    group.add_argument("--no-keepalive", action="store_true", help="a new connection for each request")
    group.add_argument("--connect-rate", type=RATE, default=Fraction(1000), metavar="RATE",
                       help="connections opened per second before the load (1000)")
    group.add_argument("--source-ip", action="append", default=[], type=reading(parse_address), metavar="IP",
                       help="connect from this address; several take turns")
    group.add_argument("--unix-socket", metavar="PATH", help="connect to it instead of the URL's host")
    group.add_argument("-k", "--insecure", action="store_true", help="do not check the server's certificate")
    group.add_argument("--ca", type=Path, metavar="FILE", help="trust these certificates (PEM)")


def _add_process(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-t", "--threads", "--processes", type=COUNT, default=1, metavar="N", dest="processes",
                       help="processes that share the connections and the schedule (1)")
    group.add_argument("--cpu", type=reading(parse_cpus), default=(), metavar="LIST",
                       help="run on these CPUs only, such as 1 or 0,2-3; several processes take one each")
    group.add_argument("--spin", type=DURATION, default=0, metavar="T",
                       help="busy-wait for the last T before each request is due (0)")
    group.add_argument("--shard", type=reading(parse_shard), default=(0, 1), metavar="K/N",
                       help="of N machines this is number K, from 0: it sends requests K, K+N, …")
    group.add_argument("--t0", type=reading(parse_wall_time), metavar="TIME",
                       help="when the window opens: 2026-01-31T12:00:00Z or seconds since 1970")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", choices=FORMATS, default="text", help="of standard output (text)")
    group.add_argument("-L", "--latency", action="store_true", help="wrk2 format: show the distribution")
    group.add_argument("-U", "--u_latency", action="store_true",
                       help="wrk2 format: show times without correction too")
    group.add_argument("--json", type=Path, metavar="FILE", help="also write the result there, as JSON")
    group.add_argument("--hlog", type=Path, metavar="FILE",
                       help="write an HdrHistogram log, one interval a second")
    group.add_argument("--progress", action="store_true", help="one line per second on standard error")
    group.add_argument("--max-errors", type=reading(parse_percent), default=0.001, metavar="PERCENT",
                       help="above it the run is not valid and the exit status 4 (0.1%%)")


def parse_options(given: argparse.Namespace, command: Sequence[str]) -> Options:
    """Turn a parsed command line into Options. Raises UsageError with one sentence."""
    url = parse_url(given.url)
    stages, duration_ns = _stages(given)
    shard, shards = given.shard
    options = Options(
        command=tuple(command), url=url, requests=_requests(given, url), stages=stages, arrival=given.arrival,
        seed=draw_seed() if given.seed is None else given.seed, seed_given=given.seed is not None,
        connections=given.connections, processes=given.processes, duration_ns=duration_ns,
        warmup_ns=given.warmup, drain_ns=given.drain, timeout_ns=given.timeout,
        connect_rate_per_s=given.connect_rate, dispatch=given.dispatch, keepalive=not given.no_keepalive,
        unix_socket=given.unix_socket, sources=tuple(given.source_ip), tls_verify=not given.insecure,
        tls_ca_file=given.ca, shard=shard, shards=shards, t0_wall_ns=given.t0, spin_ns=given.spin,
        cpus=given.cpu, max_error_share=given.max_errors, format=given.format, latency=given.latency,
        uncorrected=given.u_latency, json_file=given.json, hlog_file=given.hlog, progress=given.progress)
    check(options)
    return options


def _stages(given: argparse.Namespace) -> tuple[tuple[Stage, ...], int]:
    if given.stages is not None:
        if given.rate is not None or given.duration is not None:
            raise UsageError("--stages says rates and durations itself: leave -R and -d out")
        return given.stages, sum(stage.duration_ns for stage in given.stages)
    duration_ns = 10 * NS_PER_S if given.duration is None else given.duration
    if given.rate is None:
        return (), duration_ns
    return (Stage(duration_ns=duration_ns, rate_per_s=given.rate),), duration_ns


def _requests(given: argparse.Namespace, url: Url) -> tuple[Request, ...]:
    if given.script is not None:
        raise UsageError("Lua scripts are not supported: describe several requests with --requests-file")
    headers = tuple(split_header(text) for text in given.header)
    expect = expectation(given.expect_status, given.expect_length, given.expect_sha256)
    if given.requests_file is None:
        body = None if given.body is None else read_body(given.body)
        method = (("GET" if body is None else "POST") if given.method is None else given.method).upper()
        return (build_request(url, method=method, headers=headers, body=body,
                              keepalive=not given.no_keepalive, expect=expect),)
    if given.method is not None or given.body is not None:
        raise UsageError("--requests-file says methods and bodies itself: leave --method and --body out")
    return read_requests(given.requests_file, url, headers=headers, keepalive=not given.no_keepalive,
                         expect=expect)


def split_header(text: str) -> tuple[str, str]:
    """Return name and value of "Name: value". Raises UsageError."""
    name, colon, value = text.partition(":")
    if not colon:
        raise UsageError(f"'{text}' is not a header: write 'Name: value'")
    return name.strip(), value.strip()


def read_body(text: str) -> bytes:
    """Return the bytes of --body: the text itself, or the file that @FILE names. Raises UsageError."""
    if not text.startswith("@"):
        return os.fsencode(text)        # the bytes that the shell handed over
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the body from {text[1:]}: {error.strerror}") from error


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Return the stages of "30s@100,60s@4000". Raises ValueError with one sentence."""
    stages = []
    for part in text.split(","):
        duration, at, rate = part.partition("@")
        if not at:
            raise ValueError(f"'{part}' is not a stage: write DURATION@RATE, such as 30s@100")
        stages.append(Stage(duration_ns=parse_duration_ns(duration), rate_per_s=parse_rate(rate)))
        if stages[-1].duration_ns <= 0:
            raise ValueError(f"'{part}' is not a stage: it takes no time")
    return tuple(stages)


def parse_cpus(text: str) -> tuple[int, ...]:
    """Return the CPUs of a list such as "0,2-3". Raises ValueError with one sentence."""
    allowed = os.sched_getaffinity(0)
    cpus: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"'{text}' is not a list of CPUs: write it like 1 or 0,2-3")
        wanted = range(int(first), int(last or first) + 1)
        if not wanted:
            raise ValueError(f"'{text}' is not a list of CPUs: {part.strip()} runs backwards")
        missing = next((cpu for cpu in wanted if cpu not in allowed), None)
        if missing is not None:
            raise ValueError(f"CPU {missing} cannot be used here: allowed are {', '.join(map(str, sorted(allowed)))}")
        cpus.update(dict.fromkeys(wanted))
    return tuple(cpus)


def parse_address(text: str) -> str:
    """Return an IP address as written. Raises ValueError with one sentence."""
    return str(ipaddress.ip_address(text))


def parse_shard(text: str) -> tuple[int, int]:
    """Return (K, N) of "K/N". Raises ValueError with one sentence."""
    match = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
    if match is None or int(match[1]) >= int(match[2]):
        raise ValueError(f"'{text}' is not a shard: write K/N with K from 0 to N-1")
    return int(match[1]), int(match[2])


def parse_wall_time(text: str) -> int:
    """Return nanoseconds since 1970 for seconds or ISO 8601 with a zone. Raises ValueError, one sentence."""
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text, re.ASCII):
        return int(Fraction(text) * NS_PER_S)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"'{text}' is not a time: write 2026-01-31T12:00:00Z or seconds since 1970")
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def parse_percent(text: str) -> float:
    """Return a share for "0.1%" or "0.1" (both per cent). Raises ValueError with one sentence."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%?", text.strip(), re.ASCII)
    if match is None or float(match[1]) > 100:
        raise ValueError(f"'{text}' is not a percentage: write 0 to 100, such as 0.1%")
    return float(Fraction(match[1]) / 100)

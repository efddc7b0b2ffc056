"""The other commands: `pacer selftest`, `pacer null-server`, `pacer merge`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pacer.arguments import COUNT, Parser, parse_cpus, reading
from pacer.cli import as_document, print_or_tell, write_or_tell
from pacer.errors import EXIT_ERRORS, EXIT_INVALID, EXIT_OK, EXIT_USAGE, UsageError
from pacer.files import AtomicFile
from pacer.merge_files import DESCRIPTION, add_arguments, merge_files
from pacer.nullserver import NullServer, fork_server
from pacer.selftest import selftest
from pacer.units import parse_duration_ns, seconds, show_ns, show_rate
from pacer.validity import VALID


def commands() -> dict[str, Callable[[Sequence[str]], int]]:
    """Return the commands by name."""
    return {"selftest": run_selftest, "null-server": run_null_server, "merge": run_merge}


def run_selftest(arguments: Sequence[str]) -> int:
    """Measure the floor; exit status 3 when the generator could not keep its schedule even here."""
    grammar = Parser(prog="pacer selftest", description="Measure what generator and path cost by themselves: "
                     "load a server that does nothing, at a rate and as fast as it answers.")
    grammar.add_argument("url", nargs="?", metavar="URL",
                         help="of a `pacer null-server` elsewhere (default: one of its own, on loopback)")
    grammar.add_argument("-R", "--rate", default="4000", metavar="RATE", help="(4000)")
    grammar.add_argument("-c", "--connections", type=COUNT, default=64, metavar="N", help="(64)")
    grammar.add_argument("-d", "--duration", default="5s", metavar="T", help="of each of the two runs (5s)")
    grammar.add_argument("--body-bytes", type=int, default=18, metavar="N", help="its server's answers (18)")
    grammar.add_argument("--cpu", metavar="LIST", help="CPUs of the generator")
    grammar.add_argument("--server-cpu", type=reading(parse_cpus), default=(), metavar="LIST",
                         help="CPUs of its own server")
    grammar.add_argument("--format", choices=("text", "json"), default="text")
    grammar.add_argument("--json", type=Path, metavar="FILE", help="also write the result there")
    given = grammar.parse_args(arguments)
    file = None if given.json is None else AtomicFile(given.json)
    load = {"rate": given.rate, "connections": given.connections, "duration": given.duration,
            "cpus": given.cpu}
    try:
        if given.url is not None:
            result = selftest(given.url, **load)
        else:
            with fork_server(body_bytes=given.body_bytes, cpus=given.server_cpu) as server:
                result = selftest(server.url, **load)
        document = as_document(result)
        written = write_or_tell(file, lambda: document)
        printed = print_or_tell(document if given.format == "json" else _show_floor(result))
        if not result["open"]["validity"]["valid"]:
            return EXIT_INVALID
        return EXIT_OK if written and printed else EXIT_USAGE
    finally:
        if file is not None:
            file.discard()


def _show_floor(result: dict[str, Any]) -> str:
    floor = result["floor"]
    paced, cpu = result["open"], floor["cpu_per_request_us"]
    lines = [f"floor at {show_rate(paced['load']['rate_per_s'])} req/s ({paced['validity']['verdict']})"]
    lines += [f"  {tag:<10} p50 {show_ns(floor[f'{tag}_p50_ns'])}  p99 {show_ns(floor[f'{tag}_p99_ns'])}"
              for tag in ("corrected", "service", "lag")]
    lines.append(f"  CPU        {show_ns(None if cpu is None else cpu * 1000)} a request")
    lines.append(f"closed loop  {show_rate(floor['closed_loop_per_s'])} req/s")
    return "\n".join(lines) + "\n"


def run_null_server(arguments: Sequence[str]) -> int:
    """Serve; the first line on standard output is the URL."""
    grammar = Parser(prog="pacer null-server", description="Answer every request with the same few bytes.")
    grammar.add_argument("--bind", default="127.0.0.1", metavar="IP", help="(127.0.0.1)")
    grammar.add_argument("--port", type=int, default=0, metavar="N", help="(one that is free)")
    grammar.add_argument("--body-bytes", type=int, default=18, metavar="N", help="(18)")
    grammar.add_argument("--seconds", type=reading(parse_duration_ns), metavar="T", help="end after it")
    given = grammar.parse_args(arguments)
    if not 0 <= given.port <= 65535 or given.body_bytes < 0:
        raise UsageError("a port lies between 0 and 65535, and a body has at least 0 bytes")
    server = NullServer(given.bind, given.port, body_bytes=given.body_bytes)
    print(server.url, flush=True)
    try:
        server.serve(None if given.seconds is None else seconds(given.seconds))
    except KeyboardInterrupt:
        server.close()
    return EXIT_OK


def run_merge(arguments: Sequence[str]) -> int:
    """Merge results; exit status 3 when the whole is not valid, 4 when it has too many errors."""
    grammar = Parser(prog="pacer merge", description=DESCRIPTION)
    add_arguments(grammar)
    grammar.add_argument("--json", type=Path, metavar="FILE", help="write there, not to standard output")
    given = grammar.parse_args(arguments)
    merged = merge_files(given.files, (given.json, given.hlog), command=["pacer", "merge", *arguments])
    document = as_document(merged.result)
    log = "" if given.hlog is None else merged.log()
    files = [(AtomicFile(path), text) for path, text in ((given.hlog, log), (given.json, document)) if path is not None]
    written = [write_or_tell(file, partial(str, text)) for file, text in files]
    if not all(written) or (given.json is None and not print_or_tell(document)):
        return EXIT_USAGE
    verdict = merged.result["validity"]["verdict"]
    return EXIT_OK if verdict == VALID else EXIT_ERRORS if verdict == "errors" else EXIT_INVALID

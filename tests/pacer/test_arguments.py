"""The command line: what is refused, with which sentence, before anything happens."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pacer import options as options_module
from pacer.arguments import parse_options, parse_percent, parse_stages, parse_wall_time, parser
from pacer.cli import main
from pacer.errors import UsageError
from pacer.options import Options
from pacer.request import chooser
from pacer.target import parse_url
from pacer.units import ABSENT, parse_count, parse_duration_ns, parse_rate, show_bytes, show_ns, show_rate

URL = "http://127.0.0.1:8000/agents"


def options(*arguments: str) -> Options:
    return parse_options(parser().parse_args([*arguments, URL]), ["pacer", *arguments, URL])


@pytest.mark.parametrize(("arguments", "says"), [
    (["-R", "0"], "not a rate"),
    (["-R", "-5"], "not a rate"),
    (["-R", "x"], "not a rate"),
    (["-R", "0.05"], "rate x duration has to be at least 1"),
    (["-R", "1", "-d", "0"], "the duration must be above 0"),
    (["-T", "0"], "the timeout must be above 0"),
    (["-d", "10 apples"], "not a duration"),
    (["-c", "0"], "not a whole number"),
    (["-c", "1.5"], "not a whole number"),
    (["-c", "1000M"], "file descriptors"),
    (["-c", "2", "-t", "3", "-R", "10"], "3 processes need at least as many connections"),
    (["--arrival", "poisson"], "needs a rate"),
    (["--arrival", "gaussian", "-R", "1"], "'uniform', 'poisson'"),
    (["--stages", "10s"], "not a stage"),
    (["--stages", "0s@5"], "takes no time"),
    (["--stages", "10s@5", "-R", "5"], "leave -R and -d out"),
    (["--body", "x", "--method", "GET"], "GET carries no body"),
    (["--body", "x", "--method", "head"], "HEAD carries no body"),
    (["--body", "@/nowhere/at/all"], "cannot read the body"),
    (["--method", "CON NECT"], "not an HTTP method"),
    (["--method", "CONNECT"], "tunnel"),
    (["-H", "no colon"], "not a header"),
    (["-H", "Bad Name: x"], "no header may hold"),
    (["-H", "X: a\r\nY: b"], "no header may hold"),
    (["-H", "Content-Length: 3"], "set by pacer itself"),
    (["-H", "Connection: close"], "--no-keepalive"),
    (["--requests-file", "/nowhere/at/all"], "cannot read requests"),
    (["--expect-status", "99"], "not a status"),
    (["--expect-status", "101"], "not a status"),
    (["--expect-length", "-1"], "must not be below 0"),
    (["--expect-sha256", "abc"], "64 hexadecimal digits"),
    (["--source-ip", "localhost"], "does not appear to be an IPv4 or IPv6 address"),
    (["--source-ip", "127.0.0.1", "--unix-socket", "/x"], "no source address"),
    (["--cpu", "4096"], "cannot be used here"),
    (["--cpu", "a"], "not a list of CPUs"),
    (["--shard", "2/2", "-R", "10"], "K from 0 to N-1"),
    (["--shard", "0/2", "-R", "10"], "needs --t0"),
    (["--shard", "0/2", "--t0", "0"], "a closed loop has none"),
    (["--shard", "0/2", "-R", "10", "--t0", "0", "--arrival", "poisson"], "needs --seed"),
    (["--t0", "tomorrow"], "not a time"),
    (["--t0", "2026-01-31T12:00:00"], "not a time"),
    (["--max-errors", "200%"], "not a percentage"),
    (["--format", "xml"], "'text', 'wrk2', 'json'"),
    (["-s", "script.lua"], "Lua scripts are not supported"),
    (["--no-such-option"], "unrecognized arguments"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_cannot_be_done_is_refused_in_one_sentence(arguments: list[str], says: str,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, URL]) == 1
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.startswith("pacer: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(("url", "says"), [
    ("127.0.0.1:8000/x", "not a URL"),
    ("ftp://host/x", "not a URL"),
    ("http:///x", "not a URL"),
    ("http://host:99999/", "not a URL"),
    ("http://host:0/", "port 0"),
    ("http://user:secret@host/", "user name or password"),
    ("http://host/a b", "percent-encode"),
    ("http://host/é", "percent-encode"),
    ("http://[::1/", "not a URL"),
])
def test_bad_urls(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_url(url)


@pytest.mark.parametrize(("url", "authority", "path"), [
    ("http://host", "host", "/"),
    ("http://host:80/a?b=c#d", "host", "/a?b=c"),
    ("http://host:8000?x", "host:8000", "/?x"),
    ("https://host:443/", "host", "/"),
    ("https://[::1]:8443/x", "[::1]:8443", "/x"),
])
def test_urls(url: str, authority: str, path: str) -> None:
    parsed = parse_url(url)
    assert (parsed.authority, parsed.path) == (authority, path)


def test_more_connections_than_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "range"
    file.write_text("40000\t40009\n")
    monkeypatch.setattr(options_module, "_PORT_RANGE", file)
    assert options("-c", "10").connections == 10
    assert options("-c", "20", "--source-ip", "127.0.0.1", "--source-ip", "127.0.0.2").connections == 20
    with pytest.raises(UsageError, match="11 connections need as many local ports, there are 10"):
        options("-c", "11")


def test_defaults() -> None:
    given = options()
    assert (given.open_loop, given.rate_per_s, given.connections, given.dispatch) == (False, None, 10, "pinned")
    assert (given.duration_ns, given.timeout_ns, given.warmup_ns) == (10**10, 10**10, 0)
    wire = given.requests[0].wire.decode()
    assert wire.startswith("GET /agents HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: pacer/")
    assert wire.endswith("\r\n\r\n")


def test_wrk2_flags_mean_what_they_mean_there() -> None:
    given = options("-t", "2", "-c", "100", "-d", "30s", "-R", "2k", "-T", "2s", "-L", "-U", "-H", "Host: other",
                    "-H", "X-Y: z")
    assert (given.processes, given.connections, given.duration_ns) == (2, 100, 30 * 10**9)
    assert given.rate_per_s == 2000
    assert (given.timeout_ns, given.latency, given.uncorrected) == (2 * 10**9, True, True)
    assert b"\r\nHost: other\r\n" in given.requests[0].wire
    assert b"\r\nX-Y: z\r\n" in given.requests[0].wire
    assert b"127.0.0.1" not in given.requests[0].wire


def test_bodies(tmp_path: Path) -> None:
    assert options("--body", "a=b").requests[0].wire.endswith(b"\r\nContent-Length: 3\r\n\r\na=b")
    file = tmp_path / "body"
    file.write_bytes(b"\x00\xff")
    request = options("--body", f"@{file}", "--method", "put").requests[0]
    assert request.wire.startswith(b"PUT ")
    assert request.wire.endswith(b"\r\nContent-Length: 2\r\n\r\n\x00\xff")
    assert (request.idempotent, request.plain) == (True, True)
    assert b"Content-Length: 0" in options("--method", "POST").requests[0].wire
    assert b"Connection: close" in options("--no-keepalive").requests[0].wire


def test_requests_file(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"path": "/a", "weight": 3, "headers": {"X": "1"}}\n\n'
                    '{"url": "http://127.0.0.1:8000/b", "method": "post", "body": "ü", "expect": {"status": 201}}\n')
    first, second = options("--requests-file", str(file), "-H", "All: yes", "--expect-status", "200").requests
    assert first.wire.startswith(b"GET /a HTTP/1.1\r\n")
    assert b"\r\nAll: yes\r\nX: 1\r\n" in first.wire
    assert second.wire.startswith(b"POST /b HTTP/1.1\r\n")
    assert second.wire.endswith(b"Content-Length: 2\r\n\r\n\xc3\xbc")
    assert (first.weight, second.weight) == (3, 1)
    assert [request.expect.status if request.expect else None for request in (first, second)] == [200, 201]


@pytest.mark.parametrize(("line", "says"), [
    ("[]", "not a JSON object"),
    ("{", "line 1"),
    ('{"paht": "/"}', "unknown key 'paht'; allowed are path, url"),
    ('{"path": 5}', "'path' has to be a text"),
    ('{"path": "x"}', "does not begin with /"),
    ('{"path": "/", "url": "http://127.0.0.1:8000/"}', "one of them is enough"),
    ('{"url": "http://elsewhere/"}', "another server"),
    ('{"weight": 0}', "at least 1"),
    ('{"weight": true}', "'weight' has to be a whole number"),
    ('{"body": "x", "method": "GET"}', "GET carries no body"),
    ('{"expect": {"code": 1}}', "unknown key 'code'"),
    ("", "holds no request"),
])
def test_bad_requests_files(line: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(UsageError, match=says):
        options("--requests-file", str(file))


def test_requests_are_chosen_by_weight_number_and_seed(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"path": "/a", "weight": 3}\n{"path": "/b"}\n')
    requests = options("--requests-file", str(file)).requests
    chosen = [chooser(requests, 9)(number) for number in range(4000)]
    assert chosen.count(requests[0]) == pytest.approx(3000, rel=0.05)
    assert chosen[1::2] == [chooser(requests, 9)(number) for number in range(1, 4000, 2)], "a shard chooses alike"
    assert chosen == [chooser(requests, 9)(number) for number in range(4000)]
    assert chosen != [chooser(requests, 10)(number) for number in range(4000)]


def test_weights_hold_by_chi_square(tmp_path: Path) -> None:
    """Of 20 seeds about one lies beyond the 95 % limit of chi-square with 3 degrees of freedom (7.815)."""
    file, weights, number = tmp_path / "requests.jsonl", (1, 2, 3, 10), 8000
    file.write_text("".join(f'{{"path": "/{weight}", "weight": {weight}}}\n' for weight in weights))
    requests = options("--requests-file", str(file)).requests
    beyond = 0
    for seed in range(20):
        choose = chooser(requests, seed)
        seen = [0] * len(weights)
        for i in range(number):
            seen[requests.index(choose(i))] += 1
        expected = [number * weight / sum(weights) for weight in weights]
        statistic = sum((n - e) ** 2 / e for n, e in zip(seen, expected, strict=True))
        assert statistic < 21.1, "one in 10,000 is larger"
        beyond += statistic > 7.815
    assert beyond <= 4


def test_stages() -> None:
    first, second = parse_stages("30s@100,1m@4k")
    assert (first.duration_ns, second.duration_ns) == (30 * 10**9, 60 * 10**9)
    assert [first.rate_per_s, second.rate_per_s] == [100, 4000]
    given = options("--stages", "30s@100,60s@4000")
    assert (given.duration_ns, given.rate_per_s) == (90 * 10**9, Fraction(243000, 90))


@pytest.mark.parametrize(("text", "ns"), [
    ("30", 30 * 10**9), ("30s", 30 * 10**9), ("500ms", 5 * 10**8), ("1.5h", 5400 * 10**9), ("2m", 120 * 10**9),
    ("10us", 10_000), ("7ns", 7), ("0.1", 10**8)])
def test_durations(text: str, ns: int) -> None:
    assert parse_duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "s", "-1", "1 2", "1e3", "1d", "٣"])
def test_what_is_no_duration_rate_or_count(text: str) -> None:
    for read in (parse_duration_ns, parse_rate, parse_count):
        with pytest.raises(ValueError, match=r"is not a"):
            read(text)


def test_rates_are_exact() -> None:
    assert [parse_rate("333.3"), parse_rate("4k"), parse_rate("1.5M")] == [Fraction(3333, 10), 4000, 1_500_000]
    assert parse_percent("0.1%") == parse_percent("0.1") == 0.001


@pytest.mark.parametrize(("text", "ns"), [
    ("0", 0), ("1.5", 1_500_000_000), ("1970-01-02T00:00:00Z", 86_400 * 10**9),
    ("1970-01-01T01:00:00.25+01:00", 250_000_000)])
def test_wall_times(text: str, ns: int) -> None:
    assert parse_wall_time(text) == ns


@pytest.mark.parametrize(("ns", "shown"), [
    (None, ABSENT), (0, "0.00 ns"), (999, "999 ns"), (1000, "1.00 us"), (81_234, "81.2 us"), (999_700, "1.00 ms"),
    (12_345_678, "12.3 ms"), (61e9, "61.0 s"), (1e12, "1000 s")])
def test_times_for_people(ns: float | None, shown: str) -> None:
    assert show_ns(ns) == shown


def test_rates_and_sizes_for_people() -> None:
    assert [show_rate(rate) for rate in (None, 0.25, 9.5, 4000.04)] == [ABSENT, "0.25", "9.5", "4000.0"]
    assert [show_bytes(size) for size in (0, 1023, 2048, 5 * 2**40)] == ["0.00B", "1023.00B", "2.00KB", "5.00TB"]

"""collectors/readers/ping.py: the text of ping."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.ping import read_ping
from tests.fuzz.target import Target, check_figures, golden, read_twice

WORDS = (
    b"PING h (10.0.0.1) 56(84) bytes of data.\n",
    b"64 bytes from h: icmp_seq=1 ttl=64 time=0.4 ms\n",
    b" (DUP!)",
    b"icmp_seq=",
    b"From 10.0.0.1 icmp_seq=1 Destination Host Unreachable\n",
    b"no answer yet for icmp_seq=3\n",
    b"ping: sendmsg: No buffer\n",
    b"--- h ping statistics ---\n",
    b"3 packets transmitted, 2 received, +1 errors, 33.3% packet loss, time 20ms\n",
    b"rtt min/avg/max/mdev = 0.1/0.2/0.3/0.0 ms, pipe 2, ipg/ewma 1.0/2.0 ms\n",
    b"pipe 4\n",
    b", ipg/ewma ",
    b" ms",
    b": ",
    b"\r\n",
)


def check(data: bytes) -> bool:
    """A result in order, or a ReadError."""
    text = data.decode("utf-8", "replace")
    result = read_twice(lambda: read_ping(text, "x"), ReadError)
    if result is None:
        return False
    check_figures(result)
    check_figures(result.loss_share)
    assert len(result.round_trips_ms) in (0, result.received)
    dump(to_json(result)).encode("utf-8")
    assert all(line.isprintable() for line in describe("ping", result))
    return True


TARGET = Target(check=check, seeds=lambda: golden("ping/*.txt", "ping/broken/*.txt"), shape="lines", words=WORDS)

"""pacer/requests_file.py: requests described one JSON object a line."""

from __future__ import annotations

from pacer.errors import UsageError
from pacer.request import Expectation, chooser
from pacer.requests_file import read_requests
from pacer.target import parse_url
from tests.fuzz.target import Target, in_a_file, read_twice

_URL = parse_url("http://h:8000/x")
_SEEDS = (
    b'{"path": "/agents", "weight": 9}\n{"body": "{}", "headers": {"X-Type": "a/b"}, "expect": {"status": 201}}\n',
    b'{"url": "http://h:8000/y?q=1"}\n\n{}\n',
    b'{"method": "HEAD", "expect": {"length": 0, "sha256": "' + b"0" * 64 + b'"}}',
    b'{"path": "/a", "url": "http://h:8000/a"}',
    b'{"body": "\\u2028"}\r\n{"headers": {"Host": "other", "X-A": "\\u00e9"}}\n',
    '{"method": "put", "body": "\N{LINE SEPARATOR}"}\n'.encode(),
)
_WORDS = (
    b'"path"',
    b'"url"',
    b'"method"',
    b'"headers"',
    b'"body"',
    b'"weight"',
    b'"expect"',
    b'"status"',
    b'"length"',
    b'"sha256"',
    b'"GET"',
    b'"HEAD"',
    b'"http://h:8000/',
    b'"https://h:8000/',
    b'"/a',
    b"\\r\\n",
    b"\\ud800",
    b"\\t",
    b"%20",
    b"?",
    b"#",
    b"@",
    b"[::1]",
    b"true",
    b"null",
    b"NaN",
    b"1e400",
    b'"Content-Length"',
    b'"Connection"',
    b"\n",
    b"\r\n",
    "\N{LINE SEPARATOR}".encode(),
    b"[",
    b"{",
    b'{"a":',
)


def check(data: bytes) -> bool:
    """Requests as they can go on the wire, or a UsageError."""
    path = in_a_file(data)
    expect = Expectation(status=200)
    requests = read_twice(
        lambda: read_requests(path, _URL, headers=(("X-All", "1"),), keepalive=True, expect=expect), UsageError
    )
    if requests is None:
        return False
    for request in requests:
        head, separator, body = request.wire.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert separator
        assert len(lines[0].split(b" ")) == 3
        assert lines[0].endswith(b" HTTP/1.1")
        assert not any(byte in line for line in lines for byte in (b"\r", b"\n", b"\x00"))
        assert sum(line.lower().startswith(b"host:") for line in lines) == 1
        stated = [line for line in lines if line.lower().startswith(b"content-length:")]
        assert [int(line.split(b":")[1]) for line in stated] == ([len(body)] if body or stated else [])
        assert request.weight >= 1
        assert request.size == len(request.wire)
    assert sum(request.weight for request in requests) < 2**64, "the choice among the weights takes 64 bits"
    choose = chooser(requests, 1)
    assert all(choose(number) in requests for number in range(5))
    return True


TARGET = Target(check=check, seeds=lambda: _SEEDS, shape="lines", words=_WORDS)

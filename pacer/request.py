"""The requests to send: their bytes, ready made, and what is expected of the answers."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from pacer import __version__
from pacer.errors import UsageError
from pacer.target import Url

#: Methods whose requests may be sent again when a reused connection dies unanswered (RFC 9110, 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = {
    "connection": "use --no-keepalive",
    "content-length": "it follows from --body",
    "transfer-encoding": "bodies are sent with Content-Length",
    "expect": "interim answers are not waited for",
    "upgrade": "only HTTP/1.1 is spoken",
}


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What an answer must be to count as ok; None: anything. A status above 399 is ok only when expected."""

    status: int | None = None
    length: int | None = None           # bytes of the body
    sha256: str | None = None           # of the body, lower-case hexadecimal


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it goes on the wire."""

    wire: bytes
    method: str = "GET"
    weight: int = 1
    expect: Expectation | None = None
    size: int = field(init=False)
    idempotent: bool = field(init=False)        # sending it twice does what sending it once does
    plain: bool = field(init=False)             # its answer has a body, and the body is not hashed

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", len(self.wire))
        object.__setattr__(self, "idempotent", self.method in IDEMPOTENT)
        hashed = self.expect is not None and self.expect.sha256 is not None
        object.__setattr__(self, "plain", self.method != "HEAD" and not hashed)


def build_request(url: Url, *, method: str = "GET", headers: tuple[tuple[str, str], ...] = (),
                  body: bytes | None = None, keepalive: bool = True, weight: int = 1,
                  expect: Expectation | None = None) -> Request:
    """Put a request together. Raises UsageError with one sentence when a part cannot be sent."""
    if not _TOKEN.fullmatch(method):
        raise UsageError(f"'{method}' is not an HTTP method")
    if method == "CONNECT":
        raise UsageError("CONNECT asks for a tunnel, which cannot be measured as a request")
    if body is not None and method in ("GET", "HEAD", "TRACE"):
        raise UsageError(f"{method} carries no body: leave --body out or choose --method POST")
    lines = {"host": f"Host: {url.authority}", "user-agent": f"User-Agent: pacer/{__version__}"}
    extra: list[str] = []
    for name, value in headers:
        check_header(name, value)
        line = f"{name}: {value}"
        if name.lower() in lines:
            lines[name.lower()] = line
        else:
            extra.append(line)
    if body is not None or method in ("POST", "PUT", "PATCH"):
        extra.append(f"Content-Length: {len(body or b'')}")
    if not keepalive:
        extra.append("Connection: close")
    head = "\r\n".join([f"{method} {url.path} HTTP/1.1", *lines.values(), *extra, "", ""])
    return Request(wire=head.encode("latin-1") + (body or b""), method=method, weight=weight, expect=expect)


def expectation(status: int | None, length: int | None, sha256: str | None) -> Expectation | None:
    """Return what is expected of answers, None for nothing. Raises UsageError."""
    if status is None and length is None and sha256 is None:
        return None
    if status is not None and not 200 <= status <= 599:
        raise UsageError(f"{status} is not a status that a response ends with: 200 to 599")
    if length is not None and length < 0:
        raise UsageError("the expected length must not be below 0")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise UsageError(f"'{sha256}' is not a SHA-256: 64 hexadecimal digits")
    return Expectation(status=status, length=length, sha256=None if sha256 is None else sha256.lower())


def check_header(name: str, value: str) -> None:
    """Raise UsageError when a header cannot be sent as it is."""
    if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise UsageError(f"the header {f'{name}: {value}'!r} holds characters that no header may hold")
    if name.lower() in _OURS:
        raise UsageError(f"the header {name} is set by pacer itself: {_OURS[name.lower()]}")


def chooser(requests: tuple[Request, ...], seed: int) -> Callable[[int], Request]:
    """Return the function that says which request number i sends: by weight, from the seed and i alone."""
    if len(requests) == 1:
        only = requests[0]
        return lambda _number: only
    bounds = list(accumulate(request.weight for request in requests))
    total = bounds[-1]
    return lambda number: requests[bisect_right(bounds, mix64(seed, number) % total)]


def mix64(seed: int, number: int) -> int:
    """Return 64 well mixed bits of two numbers: the output of SplitMix64 (Steele, Lea, Flood 2014)."""
    mask = 0xFFFF_FFFF_FFFF_FFFF
    z = (seed + (number + 1) * 0x9E37_79B9_7F4A_7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & mask
    return z ^ (z >> 31)

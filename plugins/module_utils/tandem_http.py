"""A client for one HTTP/1.1 reply after another that counts every byte it receives.

http.client hides how long the head was and how the body was framed; the contract needs both.
"""

from __future__ import annotations

import socket
import string
import time
from dataclasses import dataclass

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024
RECEIVE_BYTES = 64 * 1024
BODILESS = {204, 304}


class NotHttpError(Exception):
    """What came is no HTTP/1 reply; the message says what was found."""


class ClosedError(Exception):
    """The connection ended before the reply did; `received_bytes` had come until then."""

    def __init__(self, received_bytes: int) -> None:
        super().__init__(f"the connection closed after {received_bytes} bytes of the reply")
        self.received_bytes = received_bytes


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply; `wire_bytes` counts status line, headers, body and the framing of chunks.

    `closes` is true when the reply announces the end of the connection or was ended by it.
    """

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    wire_bytes: int
    closes: bool

    def header(self, name: str) -> str:
        """The header's value whatever the case of its name, or the empty string."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


class Connection:
    """One TCP connection to the server.

    Every method raises OSError (TimeoutError past the deadline, a time.monotonic() instant), ClosedError or
    NotHttpError.
    """

    def __init__(self, host: str, port: int, deadline_s: float) -> None:
        self.host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.socket = socket.create_connection((host, port), timeout=_left_s(deadline_s))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.received_bytes = 0

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def exchange(self, method: str, path: str, deadline_s: float) -> Reply:
        """Send a request without a body and read the whole reply."""
        self.received_bytes = len(self.buffer)
        self.socket.settimeout(_left_s(deadline_s))
        request = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: */*\r\n\r\n"
        self.socket.sendall(request.encode("ascii"))
        return self._reply(method, deadline_s)

    def _reply(self, method: str, deadline_s: float) -> Reply:
        version, status, reason, headers = _parse_head(self._until(b"\r\n\r\n", HEAD_BYTES_MAX, deadline_s))
        lower = {name.lower(): value.lower() for name, value in headers.items()}
        connection = lower.get("connection", "")
        closes = "close" in connection or (version == "HTTP/1.0" and "keep-alive" not in connection)
        length = lower.get("content-length")
        if method == "HEAD" or status in BODILESS:
            body = b""
        elif "chunked" in lower.get("transfer-encoding", ""):
            body = self._chunks(deadline_s)
        elif length is not None:
            body = self._exactly(_number(length, 10, "Content-Length"), deadline_s)
        else:
            body, closes = self._until_closed(deadline_s), True
        return Reply(
            status=status,
            reason=reason,
            headers=headers,
            body=body,
            wire_bytes=self.received_bytes - len(self.buffer),
            closes=closes,
        )

    def _receive(self, deadline_s: float) -> bool:
        """Receive once; false when the server has closed."""
        self.socket.settimeout(_left_s(deadline_s))
        data = self.socket.recv(RECEIVE_BYTES)
        self.buffer += data
        self.received_bytes += len(data)
        return bool(data)

    def _until(self, mark: bytes, limit_bytes: int, deadline_s: float) -> bytes:
        """What comes before the mark; the mark is consumed too."""
        while mark not in self.buffer:
            if len(self.buffer) > limit_bytes:
                found = f"{len(self.buffer)} bytes without {mark!r}, beginning with {self.buffer[:40]!r}"
                raise NotHttpError(found)
            if not self._receive(deadline_s):
                raise ClosedError(self.received_bytes)
        before, _, self.buffer = self.buffer.partition(mark)
        return before

    def _exactly(self, count: int, deadline_s: float) -> bytes:
        if count > BODY_BYTES_MAX:
            raise NotHttpError(f"a body of {count} bytes")
        parts, missing = [self.buffer[:count]], count - len(self.buffer)
        self.buffer = self.buffer[count:]
        while missing > 0:
            if not self._receive(deadline_s):
                raise ClosedError(self.received_bytes)
            parts.append(self.buffer[:missing])
            received, self.buffer = len(self.buffer), self.buffer[missing:]
            missing -= received
        return b"".join(parts)

    def _chunks(self, deadline_s: float) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            size_line = self._until(b"\r\n", HEAD_BYTES_MAX, deadline_s).partition(b";")[0].strip()
            size = _number(size_line.decode("latin-1"), 16, "size of a chunk")
            total += size
            if total > BODY_BYTES_MAX:
                raise NotHttpError(f"a body of more than {BODY_BYTES_MAX} bytes")
            if size == 0:
                break
            parts.append(self._exactly(size, deadline_s))
            if self._exactly(2, deadline_s) != b"\r\n":
                raise NotHttpError("a chunk that does not end where its size says")
        while self._until(b"\r\n", HEAD_BYTES_MAX, deadline_s):
            pass  # trailers
        return b"".join(parts)

    def _until_closed(self, deadline_s: float) -> bytes:
        while self._receive(deadline_s):
            if len(self.buffer) > BODY_BYTES_MAX:
                raise NotHttpError(f"a body of more than {BODY_BYTES_MAX} bytes")
        body, self.buffer = self.buffer, b""
        return body


def _left_s(deadline_s: float) -> float:
    """Seconds until the deadline; raises TimeoutError when it has passed."""
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _number(text: str, base: int, what: str) -> int:
    """The number that text spells without sign or blanks; raises NotHttpError."""
    digits = string.hexdigits if base == 16 else string.digits
    if not text or len(text) > 16 or text.strip(digits):
        raise NotHttpError(f"{text[:40]!r} as {what}")
    return int(text, base)


def _parse_head(head: bytes) -> tuple[str, int, str, dict[str, str]]:
    """Version, status, reason and headers of a reply's head; raises NotHttpError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, reason = rest.partition(" ")
    if version not in {"HTTP/1.0", "HTTP/1.1"} or not (len(code) == 3 and code.isdecimal()):
        raise NotHttpError(f"{first[:60]!r} as status line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise NotHttpError(f"{line[:60]!r} as header")
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return version, int(code), reason, headers

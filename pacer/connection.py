"""One connection: opened, used for one request after another, closed and opened again.

Nothing here calls back. `open`, `start`, `advance` and `expire` return what came of it: None while it goes
on, ANSWERED, OPENED, or the name of a failure class; the event loop acts on that. All times are nanoseconds
of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from errno import EINPROGRESS
from typing import TYPE_CHECKING

from pacer.clock import now_ns
from pacer.errors import connect_failure
from pacer.head import ParseError
from pacer.request import Request
from pacer.response import ResponseParser

if TYPE_CHECKING:
    import hashlib

    from pacer.recorder import Recorder
    from pacer.recording import ConnectionCounts
    from pacer.target import Target

ANSWERED = "answered"
OPENED = "opened"

#: States; up to IDLE nothing is under way.
CLOSED, IDLE, READING, WRITING, CONNECTING, HANDSHAKE = range(6)

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
READ_SIZE = 65536
_IP_BIND_ADDRESS_NO_PORT = 24

_NO_REQUEST = Request(wire=b"")


@dataclass(kw_only=True, slots=True)
class Surroundings:
    """What all connections of an engine share."""

    epoll: select.epoll
    target: Target
    recorder: Recorder
    counts: ConnectionCounts
    by_descriptor: dict[int, Connection]
    keepalive: bool


class Connection:
    """A place for one request at a time, with a socket when it is open."""

    __slots__ = ("_around", "_digest", "_opening_ns", "_opening_took", "_receive", "_rest", "_send",
                 "_socket", "_source", "_unused", "due_ns", "ended_ns", "free_ns", "number", "parser",
                 "request", "sent_ns", "state", "twice")

    #: What a socket raises instead of waiting.
    would_block: tuple[type[OSError], ...] = (BlockingIOError,)

    def __init__(self, number: int, around: Surroundings, source: str | None = None) -> None:
        self.number = number
        self.state = CLOSED
        self.parser = ResponseParser()
        self.request = _NO_REQUEST      # the request under way, or the last one
        self.due_ns = 0                 # its intended time
        self.sent_ns = 0                # when it was first sent, 0 before
        self.ended_ns = 0               # when the last event of it was seen
        self.free_ns = 0                # when the request before it ended
        self.twice = False              # it is being sent a second time
        self._unused = False            # the socket was opened for this very request
        self._opening_ns = 0            # when opening the socket began
        self._opening_took = 0          # how long this request had to wait for that
        self._rest = b""                # of the request, not yet written
        self._digest: hashlib._Hash | None = None       # of the body, where an answer is judged by it
        self._socket: socket.socket | None = None
        self._receive: Callable[[int], bytes] = _no_receive
        self._send: Callable[[bytes], int] = _no_send
        self._around = around
        self._source = source

    @property
    def busy(self) -> bool:
        """A request, or opening the socket, is under way."""
        return self.state > IDLE

    def open(self) -> str | None:
        """Connect without a request, ahead of use."""
        self.request = _NO_REQUEST
        self.sent_ns = 0
        return self._open()

    def start(self, due_ns: int, request: Request) -> str | None:
        """Send a request now, after connecting if need be."""
        self.due_ns = due_ns
        self.request = request
        self.twice = False
        self._opening_took = 0
        if self.state == IDLE:
            self._unused = False
            return self._begin()
        self._unused = True
        self.sent_ns = 0
        self.parser.begin()
        return self._open()

    def advance(self, events: int) -> str | None:
        """Go on after the socket became readable or writable."""
        state = self.state
        if state == READING:
            return self._read()
        if state == IDLE:
            self._read_idle()
            return None
        if state == CONNECTING:
            return self._finish_connecting()
        if state == HANDSHAKE:
            return self._connected()
        outcome = self._read() if events & ~WRITABLE else None
        return self._write_rest() if outcome is None and self.state == WRITING else outcome

    def expire(self, before_ns: int) -> str | None:
        """Give up when the request was sent, or else connecting began, before this time."""
        if self.state <= IDLE or (self.sent_ns or self._opening_ns) >= before_ns:
            return None
        self._end(now_ns())
        return "timeout" if self.sent_ns else "connect_timeout"

    def close(self) -> None:
        """Close the socket, if there is one."""
        self.state = CLOSED
        if self._socket is not None:
            self._around.by_descriptor.pop(self._socket.fileno(), None)
            self._socket.close()
            self._socket = None
            self._receive, self._send = _no_receive, _no_send

    def wait_ns(self) -> int:
        """Return for how long after the intended time the connection was busy or being opened."""
        busy = self.free_ns - self.due_ns
        return self._opening_took + busy if busy > 0 else self._opening_took

    def judge(self) -> tuple[bool, bool]:
        """Return whether the complete response is an HTTP error, and whether it is not what was expected."""
        expect, parser = self.request.expect, self.parser
        if expect is None:
            return parser.status >= 400, False
        http_error = parser.status >= 400 and parser.status != expect.status
        wrong = ((expect.status is not None and parser.status != expect.status)
                 or (expect.length is not None and parser.body_bytes != expect.length)
                 or (expect.sha256 is not None and self._sha256() != expect.sha256))
        return http_error, wrong and not http_error

    def _sha256(self) -> str | None:
        return None if self._digest is None else self._digest.hexdigest()

    # Opening.

    def _open(self) -> str | None:
        around = self._around
        self._opening_ns = now_ns()
        try:
            sock = socket.socket(around.target.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            return self._not_opened(connect_failure(error.errno))
        try:
            if around.target.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._source is not None:
                sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((self._source, 0))
            number = sock.connect_ex(around.target.address)
        except OSError as error:
            number = error.errno or -1
        self._socket = sock
        around.by_descriptor[sock.fileno()] = self
        if number not in (0, EINPROGRESS):
            return self._not_opened(connect_failure(number))
        around.epoll.register(sock.fileno(), WRITABLE)
        self.state = CONNECTING
        return None if number else self._finish_connecting()

    def _finish_connecting(self) -> str | None:
        number = self._open_socket().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            return self._not_opened(connect_failure(number))
        self._around.counts.opened += 1
        return self._connected()

    def _connected(self) -> str | None:
        """The connection stands; nothing else is needed without TLS."""
        return self._ready()

    def _ready(self) -> str | None:
        """The socket can carry a request."""
        sock = self._open_socket()
        self._around.epoll.modify(sock.fileno(), READABLE)
        self._receive, self._send = sock.recv, sock.send
        if self.request is _NO_REQUEST:
            self.state = IDLE
            return OPENED
        self._opening_took = now_ns() - self._opening_ns
        return self._begin()

    def _not_opened(self, failure: str) -> str:
        self._end(now_ns())
        return failure

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("the connection is closed")
        return self._socket

    # Sending.

    def _begin(self) -> str | None:
        request = self.request
        if request.plain:
            self.parser.begin()
        else:
            self._begin_unlike()
        self.state = READING
        if not self.twice:
            self.sent_ns = now_ns()
        failed = False
        try:
            written = self._send(request.wire)
            if written != request.size:
                self._write_later(request.wire[written:])
        except self.would_block:
            self._write_later(request.wire)
        except OSError:
            failed = True
        if not self.twice:
            self._around.recorder.sent(self)
        return self._died("write") if failed else None

    def _begin_unlike(self) -> None:
        """Expect an answer to HEAD, or one whose body is hashed."""
        from hashlib import sha256  # noqa: PLC0415 - loads OpenSSL; see pacer.engine

        self._digest = sha256()
        self.parser.begin(self.request.method == "HEAD", self._digest)

    def _write_later(self, rest: bytes) -> None:
        self._rest = rest
        self.state = WRITING
        self._around.epoll.modify(self._open_socket().fileno(), READABLE | WRITABLE)

    def _write_rest(self) -> str | None:
        try:
            written = self._send(self._rest)
        except self.would_block:
            return None
        except OSError:
            return self._died("write")
        self._rest = self._rest[written:]
        if not self._rest:
            self.state = READING
            self._around.epoll.modify(self._open_socket().fileno(), READABLE)
        return None

    # Receiving.

    def _read(self) -> str | None:
        try:
            data = self._receive(READ_SIZE)
        except OSError as error:
            return None if isinstance(error, self.would_block) else self._died("read_reset")
        self.ended_ns = now = now_ns()
        parser = self.parser
        try:
            complete = parser.feed(data) if data else parser.end()
        except ParseError:
            self._end(now)
            return "parse"
        if complete:
            self.free_ns = now
            if parser.keep_alive and not parser.excess and self.state == READING and self._around.keepalive:
                self.state = IDLE
            else:
                self._close_answered()
            return ANSWERED
        if data:
            return None
        return self._died("read_partial" if parser.received else "read_empty")

    def _close_answered(self) -> None:
        """The response is complete, and no other can come on this socket."""
        parser = self.parser
        if parser.excess:
            self._around.counts.stray += 1
        elif not parser.keep_alive:
            self._around.counts.closed_after_response += 1
        self.close()

    def _read_idle(self) -> None:
        """Something came that belongs to no request: the server's end of the connection, as a rule."""
        try:
            data = self._receive(READ_SIZE)
        except self.would_block:
            return
        except OSError:
            data = b""
        if data:
            self._around.counts.stray += 1
        else:
            self._around.counts.closed_idle += 1
        self.close()

    def _died(self, failure: str) -> str | None:
        """The socket broke: send the request once more, or give it up."""
        self._end(now_ns())
        if self._unused or self.twice or self.parser.received or not self.request.idempotent:
            return failure
        self.twice = True
        self._around.recorder.retried(self)
        return self._open()

    def _end(self, now: int) -> None:
        self.ended_ns = self.free_ns = now
        self.close()


def _no_receive(_size: int) -> bytes:
    return b""


def _no_send(_data: bytes) -> int:
    return 0

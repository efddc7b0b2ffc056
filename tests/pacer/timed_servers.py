"""Servers in one thread, where time matters. Each keeps a log of what it really did, by CLOCK_MONOTONIC.

GET /report answers with the log, so that what a generator says can be held against what an independent observer saw
in that very run, however late the machine let either of them wake up.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
import urllib.request
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pacer.clock import Timer, wake_exactly

BODY = b'{"hello": "world"}'


def response(body: bytes = BODY, *, status: str = "200 OK", extra: str = "") -> bytes:
    """Return a whole response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


OK = response()


@dataclass(kw_only=True)
class Log:
    """What a server saw and did (ns).

    connections[k] lists when the requests of the k-th connection came, and when each was answered;
    freezes: when it really began and ceased to be frozen.
    """

    connections: list[list[tuple[int, int]]] = field(default_factory=list)
    freezes: list[tuple[int, int]] = field(default_factory=list)

    @property
    def came(self) -> list[int]:
        """When requests came, sorted."""
        return sorted(came for connection in self.connections for came, _done in connection)

    def in_turn(self, connections: int) -> list[tuple[int, int]]:
        """Return when request i came and was answered, where request i went out on connection i mod `connections`.

        Raises ValueError when requests are missing.
        """
        of_each = self.connections[:connections]
        total = sum(map(len, of_each))
        if any(len(one) != (total - number + connections - 1) // connections for number, one in enumerate(of_each)):
            raise ValueError("not every request was answered")
        return [of_each[number % connections][number // connections] for number in range(total)]


def fetch_log(url: str) -> Log:
    """Ask a server for its log."""
    with urllib.request.urlopen(f"{url}/report") as answer:
        found = json.load(answer)
    return Log(connections=[[(came, done) for came, done in connection] for connection in found["connections"]],
               freezes=[(begin, end) for begin, end in found["freezes"]])


class OneThread:
    """All connections in one loop. Subclasses say what happens to a request."""

    def __init__(self, listener: socket.socket) -> None:
        wake_exactly()
        self.listener = listener
        self.connections: list[socket.socket] = []
        self.by_descriptor: dict[int, tuple[int, socket.socket]] = {}
        self.came: list[list[int]] = []
        self.done: list[list[int]] = []
        self.freezes: list[tuple[int, int]] = []
        self.epoll = select.epoll()
        self.epoll.register(listener, select.EPOLLIN)
        self.timer = Timer()
        self.epoll.register(self.timer.fd, select.EPOLLIN | select.EPOLLET)

    def run(self) -> None:
        while True:
            patience = self.patience()
            if patience > 0:            # by a timer: epoll's own patience is in whole milliseconds
                self.timer.arm(time.monotonic_ns() + round(patience * 1e9))
            for descriptor, _mask in self.epoll.poll(0 if patience == 0 else -1):
                if descriptor == self.listener.fileno():
                    self.accept()
                elif descriptor in self.by_descriptor:
                    number, connection = self.by_descriptor[descriptor]
                    self.readable(number, connection)
            self.between()

    def accept(self) -> None:
        connection, _address = self.listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.by_descriptor[connection.fileno()] = (len(self.connections), connection)
        self.connections.append(connection)
        self.came.append([])
        self.done.append([])
        self.epoll.register(connection, select.EPOLLIN)

    def readable(self, number: int, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        if data.startswith(b"GET /report"):
            connection.sendall(response(json.dumps(self.report()).encode(), extra="Connection: close\r\n"))
        elif data:
            self.came[number].append(time.monotonic_ns())
            self.request(number, connection, data)
        else:
            self.epoll.unregister(connection)
            del self.by_descriptor[connection.fileno()]
            connection.close()

    def report(self) -> dict[str, Any]:
        pairs = [list(zip(came, done, strict=False)) for came, done in zip(self.came, self.done, strict=True)]
        return {"connections": pairs, "freezes": self.freezes}

    def request(self, number: int, connection: socket.socket, _data: bytes) -> None:
        self.answer(number, connection)

    def answer(self, number: int, connection: socket.socket) -> None:
        """Answer, and note when: just before, since the client may run at once when the answer is there."""
        self.done[number].append(time.monotonic_ns())
        with contextlib.suppress(OSError):
            connection.send(OK)

    def patience(self) -> float:
        """Return after how many seconds `between` is to be called at the latest, -1 when it need not be."""
        return -1

    def between(self) -> None:
        """Called after each turn."""


class Recording(OneThread):
    """Answers at once."""


class Freezing(OneThread):
    """Answers at once, except that every period_s, from first_s after the first request on, it freezes.

    With `share` 2 only the connections with an odd number freeze: one of two workers.
    """

    def __init__(self, listener: socket.socket, frozen_s: float, period_s: float, first_s: float,
                 share: float) -> None:
        super().__init__(listener)
        self.frozen_s, self.period_s, self.next_at, self.share = frozen_s, period_s, first_s, int(share)
        self.thaw_at: float | None = None
        self.begun = False
        self.frozen_since = 0

    def request(self, number: int, connection: socket.socket, data: bytes) -> None:
        if not self.begun:
            self.begun = True
            self.next_at += time.monotonic()
        super().request(number, connection, data)

    def patience(self) -> float:
        if not self.begun:
            return -1
        until = self.next_at if self.thaw_at is None else self.thaw_at
        return max(0.0, until - time.monotonic())

    def between(self) -> None:
        now = time.monotonic()
        if self.begun and self.thaw_at is None and now >= self.next_at:
            self.frozen_since = time.monotonic_ns()
            self.thaw_at = self.next_at + self.frozen_s
            self.next_at += self.period_s
            if self.share == 1:
                time.sleep(max(0.0, self.thaw_at - now))
                self.thaw()
            else:
                self.watch(0)
        elif self.thaw_at is not None and now >= self.thaw_at:
            self.watch(select.EPOLLIN)
            self.thaw()

    def thaw(self) -> None:
        self.thaw_at = None
        self.freezes.append((self.frozen_since, time.monotonic_ns()))

    def watch(self, mask: int) -> None:
        for number, connection in list(self.by_descriptor.values()):
            if number % self.share == 1:
                self.epoll.modify(connection, mask)


class Deterministic(OneThread):
    """Every request takes the same time, one after the other.

    When each is done is worked out, not slept through, so that waking up late does not make the server slower.
    """

    def __init__(self, listener: socket.socket, service_s: float) -> None:
        super().__init__(listener)
        self.service_s = service_s
        self.free_at = 0.0
        self.under_way: deque[tuple[float, int, socket.socket]] = deque()

    def request(self, number: int, connection: socket.socket, _data: bytes) -> None:
        self.free_at = max(time.monotonic(), self.free_at) + self.service_s
        self.under_way.append((self.free_at, number, connection))

    def patience(self) -> float:
        return max(0.0, self.under_way[0][0] - time.monotonic()) if self.under_way else -1

    def between(self) -> None:
        while self.under_way and time.monotonic() >= self.under_way[0][0]:
            _at, number, connection = self.under_way.popleft()
            self.answer(number, connection)


class Echo(OneThread):
    """Answers with the request, so that a test can see what was sent."""

    def request(self, _number: int, connection: socket.socket, data: bytes) -> None:
        if data.startswith(b"HEAD"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        else:
            connection.sendall(response(data))

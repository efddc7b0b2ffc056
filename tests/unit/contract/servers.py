"""Small real HTTP servers that do exactly what a test tells them, right or wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ROWS: list[dict[str, object]] = [
    {"number": str(number), "context": None, "status": "offline"} for number in range(300, 303)
]

Answer = Callable[[int], bytes | None]
"""The bytes for the n-th request, counted from 1 over all connections; None keeps the client waiting."""


class EndError(Exception):
    """Raised by an answer to end the whole server at once."""


def reply(
    body: bytes | object = ROWS,
    *,
    status: str = "200 OK",
    content_type: str = "application/json; charset=utf-8",
    headers: str = "",
) -> bytes:
    """A whole HTTP/1.1 reply; a body that is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n"
    return f"{head}{headers}\r\n".encode() + content


class Server:
    """Serves on a port of 127.0.0.1, one connection after another, until stopped."""

    def __init__(self, answer: Answer, *, closes: bool, port: int = 0) -> None:
        self.answer, self.closes = answer, closes
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def stop(self) -> None:
        """End the server; connections that wait in its queue are reset."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, EndError):
            while True:
                connection, _ = self.listener.accept()
                with connection, contextlib.suppress(ConnectionError):
                    self._talk(connection)
        self.listener.close()

    def _talk(self, connection: socket.socket) -> None:
        while _read_request(connection):
            self.requests += 1
            data = self.answer(self.requests)
            if data is None:
                connection.recv(1)  # until the client gives up
                return
            connection.sendall(data)
            if self.closes:
                return


def _read_request(connection: socket.socket) -> bool:
    """Whether a whole request came before the client closed."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        part = connection.recv(4096)
        if not part:
            return False
        data += part
    return True


@contextmanager
def serving(answer: Answer, *, closes: bool = True) -> Iterator[Server]:
    """A running server."""
    server = Server(answer, closes=closes)
    try:
        yield server
    finally:
        server.stop()

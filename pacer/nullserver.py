"""A server that gives one fixed answer: what is measured against it is the generator and the path."""

from __future__ import annotations

import os
import select
import signal
import socket
from dataclasses import dataclass

from pacer.clock import die_with_parent, now_ns
from pacer.errors import UsageError
from pacer.units import NS_PER_S

_HEAD_END = b"\r\n\r\n"
_BACKLOG = 4096
_MAX_BODY_BYTES = 100_000_000


class _Client:
    """A connection: what of its answers could not be sent yet, and the end of what it sent last."""

    __slots__ = ("rest", "socket", "tail")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.rest = b""
        self.tail = b""

    def requests_in(self, data: bytes) -> int:
        """Return how many requests end in data, also when the end comes in two pieces."""
        seen = self.tail + data
        self.tail = seen[-3:]
        return seen.count(_HEAD_END)


class NullServer:
    """Answers requests without a body, pipelined or not, with 200 and body_bytes bytes."""

    def __init__(self, host: str, port: int, *, body_bytes: int = 18) -> None:
        """Listen. Raises UsageError when the address cannot be had or the body is too large."""
        if not 0 <= body_bytes <= _MAX_BODY_BYTES:
            raise UsageError(f"a body of {body_bytes} bytes cannot be served: 0 to {_MAX_BODY_BYTES}")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((host, port))
        except OSError as error:
            self._listener.close()
            raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        self._listener.listen(_BACKLOG)
        self.host, self.port = self._listener.getsockname()[:2]
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {body_bytes}\r\n\r\n"
        self._answer = head.encode() + b"." * body_bytes

    @property
    def url(self) -> str:
        """Where it answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def serve(self, seconds: float | None = None) -> None:
        """Answer until the time is over, or for ever."""
        deadline = None if seconds is None else now_ns() + int(seconds * NS_PER_S)
        clients: dict[int, _Client] = {}
        with select.epoll() as epoll:
            epoll.register(self._listener, select.EPOLLIN)
            while deadline is None or now_ns() < deadline:
                left = -1 if deadline is None else max(0.0, (deadline - now_ns()) / NS_PER_S)
                for descriptor, mask in epoll.poll(left):
                    client = clients.get(descriptor)
                    if client is None:
                        self._accept(epoll, clients)
                    elif not (_send_rest(epoll, client) if mask & select.EPOLLOUT else self._answer_to(epoll, client)):
                        del clients[descriptor]
                        client.socket.close()
        for client in clients.values():
            client.socket.close()
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self, epoll: select.epoll, clients: dict[int, _Client]) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            client.setblocking(False)       # noqa: FBT003 - the standard library's signature
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            clients[client.fileno()] = _Client(client)
            epoll.register(client, select.EPOLLIN)

    def _answer_to(self, epoll: select.epoll, client: _Client) -> bool:
        """Answer every request that has come; return whether the client is still there."""
        try:
            data = client.socket.recv(65536)
            if not data:
                return False
            answers = self._answer * client.requests_in(data)
            sent = client.socket.send(answers)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if sent < len(answers):
            client.rest = answers[sent:]
            epoll.modify(client.socket, select.EPOLLOUT)
        return True


def _send_rest(epoll: select.epoll, client: _Client) -> bool:
    """Send more of an answer that did not fit into the socket; return whether the client is still there."""
    try:
        client.rest = client.rest[client.socket.send(client.rest):]
    except BlockingIOError:
        return True
    except OSError:
        return False
    if not client.rest:
        epoll.modify(client.socket, select.EPOLLIN)
    return True


@dataclass(frozen=True, kw_only=True)
class ServerProcess:
    """A null server in a process of its own. Use as a context manager."""

    pid: int
    url: str

    def __enter__(self) -> ServerProcess:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End the process."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def fork_server(*, body_bytes: int, cpus: tuple[int, ...] = ()) -> ServerProcess:
    """Start a null server on this machine's loopback."""
    server = NullServer("127.0.0.1", 0, body_bytes=body_bytes)
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            signal.signal(signal.SIGINT, signal.SIG_IGN)       # Ctrl-C is for the generator, which ends this one
            if cpus:
                os.sched_setaffinity(0, cpus)
            server.serve()
        finally:
            os._exit(0)
    server.close()
    return ServerProcess(pid=pid, url=server.url)

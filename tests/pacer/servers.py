"""Servers that behave in one particular way, each in a process of its own on loopback, for at most a minute."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.pacer.timed_servers import BODY, OK, Deterministic, Echo, Freezing, OneThread, Recording, response

__all__ = ["BODY", "OK", "response", "serving"]

LIFETIME_S = 60
HEAD_END = b"\r\n\r\n"


@contextlib.contextmanager
def serving(behaviour: str, *values: float, **files: Path) -> Iterator[str]:
    """Run a behaviour in a process of its own; yield its URL without a path."""
    if behaviour == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(files["path"]))
    else:
        listener = socket.create_server(("127.0.0.1", 0))
    url = "unix" if behaviour == "unix" else f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.listen(0 if behaviour in ("deaf", "goes-deaf") else 1024)
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(LIFETIME_S)
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, 0, -10)         # more of a busy machine's time
            serve(behaviour, listener, list(values), files)
        finally:
            os._exit(0)
    listener.close()
    try:
        yield url
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


# Behaviours with a thread for each connection: what becomes of one request.

Handler = Callable[[socket.socket, int], bool]      # (connection, number of its request) -> keep it open


def _reset(connection: socket.socket, _number: int) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _answer(data: bytes) -> Handler:
    def handle(connection: socket.socket, _number: int) -> bool:
        connection.sendall(data)
        return True
    return handle


def _answer_and_close(data: bytes) -> Handler:
    def handle(connection: socket.socket, _number: int) -> bool:
        connection.sendall(data)
        return False
    return handle


def _dribble(connection: socket.socket, _number: int) -> bool:
    for byte in response(extra="X-One: byte per packet\r\n"):
        connection.sendall(bytes([byte]))
        time.sleep(0.0002)
    return True


def _slow(seconds: float) -> Handler:
    def handle(connection: socket.socket, _number: int) -> bool:
        time.sleep(seconds)
        connection.sendall(OK)
        return True
    return handle


def _then_dies(after: int) -> Handler:
    """Answer some requests on each connection, then close without a word when the next one comes."""
    def handle(connection: socket.socket, number: int) -> bool:
        if number >= after:
            return False
        connection.sendall(OK)
        return True
    return handle


def _chunked(connection: socket.socket, _number: int) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n")
    time.sleep(0.001)
    connection.sendall(b"6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n")
    return True


def handlers(values: list[float]) -> dict[str, Handler]:
    """Return the behaviours by name; some take a number."""
    value = values[0] if values else 0.0
    return {
        "ok": _answer(OK),
        "status": _answer(response(status=f"{int(value)} Whatever")),
        "reset": _reset,
        "empty": lambda _connection, _number: False,
        "truncated": _answer_and_close(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all"),
        "garbage": _answer(b"SSH-2.0-OpenSSH_9.9\r\n"),
        "no-crlf": _answer(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        "dribble": _dribble,
        "slow": _slow(value),
        "closing": _answer_and_close(response(extra="Connection: close\r\n")),
        "until-close": _answer_and_close(b"HTTP/1.0 200 OK\r\n\r\nthe end is the end"),
        "chunked": _chunked,
        "then-dies": _then_dies(int(value)),
        "excess": _answer(OK + b"surprise"),
        "interim": _answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK),
    }


def serve_threads(listener: socket.socket, handle: Handler, *, idle_s: float | None = None,
                  accept_for_s: float = LIFETIME_S) -> None:
    """Serve each connection in a thread; close those that say nothing for idle_s.

    Accepts for accept_for_s after the first one.
    """
    def one(connection: socket.socket) -> None:
        connection.settimeout(idle_s)
        if is_tcp:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = 0
        with connection, contextlib.suppress(OSError):
            pending = bytearray()
            while True:
                data = connection.recv(65536)
                if not data:
                    return
                pending += data
                while (end := _request_end(pending)) >= 0:
                    del pending[:end]
                    if not handle(connection, number):
                        return
                    number += 1

    is_tcp = listener.family != socket.AF_UNIX
    deadline = None
    while deadline is None or time.monotonic() < deadline:
        connection, _address = listener.accept()
        deadline = deadline or time.monotonic() + accept_for_s
        threading.Thread(target=one, args=(connection,), daemon=True).start()


def _request_end(data: bytearray) -> int:
    """Return where the first request in data ends, -1 when it is not all there."""
    end = data.find(HEAD_END)
    if end < 0:
        return -1
    length = 0
    for line in data[:end].split(b"\r\n")[1:]:
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    whole = end + len(HEAD_END) + length
    return whole if len(data) >= whole else -1


def serve(behaviour: str, listener: socket.socket, values: list[float], files: dict[str, Path]) -> None:
    """Serve until killed."""
    kinds: dict[str, Callable[..., OneThread]] = {
        "record": Recording, "freeze": Freezing, "deterministic": Deterministic, "echo": Echo}
    if behaviour in kinds:
        kinds[behaviour](listener, *values).run()
    elif behaviour == "deaf":                           # its queue is full: further SYNs get no answer
        fill = [socket.socket() for _ in range(4)]
        for one in fill:
            one.settimeout(0)
            one.connect_ex(listener.getsockname())
        time.sleep(LIFETIME_S)
    elif behaviour == "goes-deaf":                      # accepts for a while, then no more
        serve_threads(listener, _answer(OK), accept_for_s=values[0])
        time.sleep(LIFETIME_S)
    elif behaviour == "answers-anything":               # in plain HTTP, whatever comes
        while True:
            connection = listener.accept()[0]
            connection.recv(65536)
            connection.sendall(response(status="400 Bad Request"))
            connection.close()
    elif behaviour == "accept-close":
        while True:
            listener.accept()[0].close()
    elif behaviour == "dies":                           # the whole server goes away after a while
        threading.Timer(values[0], lambda: os._exit(0)).start()
        serve_threads(listener, _answer(OK))
    elif behaviour == "idle-close":
        serve_threads(listener, _answer(OK), idle_s=values[0])
    elif behaviour == "unix":
        serve_threads(listener, _answer(OK))
    elif behaviour == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files["cert"], files["key"])
        serve_tls(listener, context)
    else:
        serve_threads(listener, handlers(values)[behaviour])


def serve_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Answer over TLS with a body of several records."""
    def one(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
            while connection.recv(65536):
                connection.sendall(response(b"x" * 100_000))

    while True:
        plain, _address = listener.accept()
        threading.Thread(target=one, args=(plain,), daemon=True).start()

"""Where the requests go: the URL taken apart, its name looked up once, before the start."""

from __future__ import annotations

import os
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pacer.errors import TargetError, UsageError

_DEFAULT_PORT = {"http": 80, "https": 443}
_PATH = re.compile(r"[!-~]+")
_PROBE_TIMEOUT_S = 5.0
_LONGEST_UNIX_PATH = 107        # of sockaddr_un, without its final zero

#: What socket.connect takes: (host, port), (host, port, flow, scope) or the path of a unix socket.
Address = tuple[str, int] | tuple[str, int, int, int] | str


@dataclass(frozen=True, kw_only=True)
class Url:
    """An http or https URL in parts. `path` includes the query."""

    text: str
    tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT["https" if self.tls else "http"] else f"{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One address to connect to."""

    family: int
    address: Address
    tls_name: str | None = None         # name for SNI and the certificate, None without TLS

    @property
    def is_ipv6(self) -> bool:
        """It is reached over IPv6."""
        return self.family == socket.AF_INET6

    def __str__(self) -> str:
        """Return host:port, [v6]:port or unix:PATH."""
        if isinstance(self.address, str):
            return f"unix:{self.address}"
        host, port = self.address[0], self.address[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_url(text: str) -> Url:
    """Take a URL apart. Raises UsageError with one sentence."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"'{text}' is not a URL: {error}") from error
    if parts.scheme not in _DEFAULT_PORT or not parts.hostname:
        raise UsageError(f"'{text}' is not a URL to load: write http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")
    if "@" in parts.netloc:
        raise UsageError("a user name or password in the URL is not sent: give -H 'Authorization: …'")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(path) or not _PATH.fullmatch(parts.netloc):
        raise UsageError(f"'{text}' holds a space, a control or a non-ASCII character: percent-encode it")
    if port == 0:
        raise UsageError(f"'{text}' names port 0, which nothing can listen on")
    return Url(text=text, tls=parts.scheme == "https", host=parts.hostname,
               port=port or _DEFAULT_PORT[parts.scheme], path=path)


def resolve(url: Url, *, unix_socket: str | None = None) -> Target:
    """Look the name up and choose its first address that accepts a connection.

    Raises TargetError when the name is unknown or no address of several accepts.
    """
    tls_name = url.host if url.tls else None
    if unix_socket is not None:
        _check_unix_socket(unix_socket)
        return Target(family=socket.AF_UNIX, address=unix_socket, tls_name=tls_name)
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TargetError(f"cannot look up the host name '{url.host}': {reason}") from error
    targets = []
    for family, _type, _protocol, _name, address in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            targets.append(Target(family=family, address=_as_address(address), tls_name=tls_name))
    return targets[0] if len(targets) == 1 else _first_that_accepts(targets, url)


def _check_unix_socket(path: str) -> None:
    """Raise TargetError with one sentence when there is no socket to connect to."""
    if len(os.fsencode(path)) > _LONGEST_UNIX_PATH:
        raise TargetError(f"cannot connect to unix:{path}: the path is longer than {_LONGEST_UNIX_PATH} bytes")
    try:
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            raise TargetError(f"cannot connect to unix:{path}: it is not a socket")
    except (OSError, ValueError) as error:
        raise TargetError(f"cannot connect to unix:{path}: {getattr(error, 'strerror', None) or error}") from error


def check_source(source: str, target: Target) -> None:
    """Raise UsageError with one sentence when connections to the target cannot come from this address."""
    if (":" in source) != target.is_ipv6:
        raise UsageError(f"the source address {source} and the target {target} are of different families")
    with socket.socket(target.family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((source, 0))
        except OSError as error:
            raise UsageError(f"the source address {source} cannot be used on this machine: {error.strerror}") from error


def _as_address(address: tuple[object, ...]) -> Address:
    host, port = str(address[0]), int(str(address[1]))
    return (host, port) if len(address) == 2 else (host, port, int(str(address[2])), int(str(address[3])))


def _first_that_accepts(targets: list[Target], url: Url) -> Target:
    reason = "it has no address"
    for target in targets:
        with socket.socket(target.family, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PROBE_TIMEOUT_S)
            try:
                probe.connect(target.address)
            except OSError as error:
                reason = f"{target}: {error.strerror or error}"
            else:
                return target
    raise TargetError(f"cannot connect to {url.host}:{url.port} at any of its {len(targets)} addresses "
                      f"({reason})")

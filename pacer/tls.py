"""Connections over TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

from pacer.connection import HANDSHAKE, READABLE, WRITABLE, Connection
from pacer.errors import UsageError


def client_context(*, verify: bool, ca_file: Path | None) -> ssl.SSLContext:
    """Return the settings for all connections: HTTP/1.1 by ALPN, certificates checked unless told otherwise.

    Raises UsageError when ca_file cannot be read as certificates.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"cannot read certificates from {ca_file}: {error.strerror or error}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsConnection(Connection):
    """A connection that shakes hands after connecting; the handshake's time counts as opening."""

    __slots__ = ("handshake_failure",)

    would_block = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
    context: ssl.SSLContext

    def _connected(self) -> str | None:
        around, sock = self._around, self._open_socket()
        self.state = HANDSHAKE
        try:
            if not isinstance(sock, ssl.SSLSocket):
                sock = self._socket = self.context.wrap_socket(
                    sock, server_hostname=around.target.tls_name, do_handshake_on_connect=False)
            sock.do_handshake()
        except ssl.SSLWantReadError:
            around.epoll.modify(sock.fileno(), READABLE)
            return None
        except ssl.SSLWantWriteError:
            around.epoll.modify(sock.fileno(), WRITABLE)
            return None
        except (OSError, ValueError) as error:
            self.handshake_failure = _reason(error)
            return self._not_opened("connect_tls")
        if around.counts.tls is None:
            cipher = sock.cipher()
            around.counts.tls = f"{cipher[1]} {cipher[0]}" if cipher else "unknown"
        return self._ready()

    def _read(self) -> str | None:
        """Read until nothing is left: what OpenSSL has decrypted already, epoll does not tell of."""
        while True:
            outcome = super()._read()
            sock = self._socket
            if outcome is not None or not isinstance(sock, ssl.SSLSocket) or not sock.pending():
                return outcome


def _reason(error: OSError | ValueError) -> str:
    """Return why a handshake failed, in OpenSSL's words without its codes."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message} (--ca FILE trusts it, --insecure does not look)"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)


def connection_type(context: ssl.SSLContext) -> type[Connection]:
    """Return the kind of connection that uses this context."""
    return type("ConnectionOverTls", (TlsConnection,), {"__slots__": (), "context": context})

"""Exit statuses, the sentences that end a run before load, and the names of the failure classes."""

from __future__ import annotations

import errno

EXIT_OK = 0
EXIT_USAGE = 1
EXIT_UNREACHABLE = 2
EXIT_INVALID = 3
EXIT_ERRORS = 4

#: Every way a request can fail. A request is in exactly one of them, or answered, or unfinished.
FAILURES = (
    "connect_refused",
    "connect_timeout",
    "connect_reset",
    "connect_unreachable",
    "connect_no_port",
    "connect_no_descriptor",
    "connect_tls",
    "write",
    "read_reset",
    "read_empty",
    "read_partial",
    "timeout",
    "parse",
    "validate",
)

_CONNECT = {
    errno.ECONNREFUSED: "connect_refused",
    errno.EAGAIN: "connect_refused",            # a unix socket whose queue is full
    errno.ETIMEDOUT: "connect_timeout",
    errno.ECONNRESET: "connect_reset",
    errno.ECONNABORTED: "connect_reset",
    errno.EPIPE: "connect_reset",
    errno.EADDRNOTAVAIL: "connect_no_port",
    errno.EADDRINUSE: "connect_no_port",
    errno.EMFILE: "connect_no_descriptor",
    errno.ENFILE: "connect_no_descriptor",
    errno.ENOBUFS: "connect_no_descriptor",
    errno.ENOMEM: "connect_no_descriptor",
}


_LONGEST_SENTENCE = 600


class PacerError(Exception):
    """Ends the run; the message is one sentence for the user.

    What it quotes may be of any length and hold anything: it is cut and made printable.
    """

    exit_status = EXIT_USAGE

    def __init__(self, sentence: str) -> None:
        cut = sentence if len(sentence) <= _LONGEST_SENTENCE else sentence[:_LONGEST_SENTENCE] + "…"
        super().__init__("".join(each if each.isprintable() else repr(each)[1:-1] for each in cut))


class UsageError(PacerError):
    """What was asked is impossible or not understood."""


class TargetError(PacerError):
    """The target does not answer."""

    exit_status = EXIT_UNREACHABLE


def connect_failure(number: int | None) -> str:
    """Return the failure class of an errno that ended an attempt to connect."""
    return _CONNECT.get(number or 0, "connect_unreachable")

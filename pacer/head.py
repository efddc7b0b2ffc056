"""Read the head of an HTTP/1.1 response, strictly (RFC 9112), into what the body's framing needs.

A pure function of bytes: `parse_head`. Servers repeat the same head thousands of times, so `read_head`
remembers the last ones; a head that differs only in its date is parsed once a second.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")
_DIGITS = re.compile(rb"[0-9]{1,18}")
_LONE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_REMEMBERED = 512
_LONGEST_REMEMBERED = 4096      # bytes; so the memory stays small whatever the server sends


class ParseError(Exception):
    """The bytes are not an HTTP/1.1 response; the message says why."""


class Head(NamedTuple):
    """What a response's head says about its status, its end and its connection."""

    status: int
    keep_alive: bool        # the connection may be used again after this response
    length: int | None      # Content-Length, None when absent
    chunked: bool


_memory: dict[bytes, Head] = {}


def read_head(raw: bytes) -> Head:
    """Return `parse_head(raw)`, remembered."""
    head = _memory.get(raw)
    if head is None:
        head = parse_head(raw)
        if len(raw) > _LONGEST_REMEMBERED:
            return head
        if len(_memory) >= _REMEMBERED:
            _memory.clear()
        _memory[raw] = head
    return head


def parse_head(raw: bytes) -> Head:
    """Return the head in raw: everything before the empty line. Raises ParseError."""
    lines = raw.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise ParseError(f"bad status line {lines[0][:60]!r}")
    minor, status = match[1], int(match[2])
    lengths: list[bytes] = []
    codings: list[bytes] = []
    options: list[bytes] = []
    wanted = {b"content-length": lengths, b"transfer-encoding": codings, b"connection": options}
    for line in lines[1:]:
        field = FIELD_LINE.fullmatch(line)
        if field is None:
            raise ParseError(f"bad header line {line[:60]!r}")
        values = wanted.get(field[1].lower())
        if values is not None:
            values.extend(part.strip(b"\t ").lower() for part in field[2].split(b","))
    keep_alive = b"close" not in options and (minor == b"1" or b"keep-alive" in options)
    length, chunked = _length(lengths), _chunked(codings, minor)
    if codings and length is not None:
        raise ParseError("both Content-Length and Transfer-Encoding")
    if codings and not chunked:
        keep_alive = False
    return Head(status, keep_alive, length, chunked)


def check_unfinished_head(raw: bytes) -> None:
    """Raise ParseError when bytes without an empty line can no longer become a head."""
    if not raw.startswith(b"HTTP/1."[: len(raw)]):
        raise ParseError(f"not HTTP/1.1: {raw[:40]!r}")
    if _LONE_LINE_FEED.search(raw):
        raise ParseError("a line of the head does not end in CR LF")


def _length(values: list[bytes]) -> int | None:
    if not values:
        return None
    if _DIGITS.fullmatch(values[0]) is None or any(value != values[0] for value in values):
        raise ParseError(f"bad Content-Length {b', '.join(values)[:60]!r}")
    return int(values[0])


def _chunked(codings: list[bytes], minor: bytes) -> bool:
    if not codings:
        return False
    if minor == b"0":
        raise ParseError("Transfer-Encoding in HTTP/1.0")
    if b"chunked" in codings[:-1]:
        raise ParseError("chunked is not the last Transfer-Encoding")
    return codings[-1] == b"chunked"

"""Take an HTTP/1.1 response in pieces of any size and know when it is complete.

Content-Length, chunked (with extensions and trailers), until-close, interim 1xx, 204, 304 and answers to
HEAD. The body is counted, and hashed when asked; it is never kept.
"""

from __future__ import annotations

import re
from typing import Protocol

from pacer.head import FIELD_LINE, Head, ParseError, check_unfinished_head, read_head

MAX_HEAD = 65536            # bytes of one head, and of all trailers
MAX_CHUNK_LINE = 16384      # bytes of a chunk's size with its extensions
MAX_INTERIM = 100           # 1xx responses before the real one

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?")

# What the parser expects next.
_HEAD, _BODY, _CHUNK_SIZE, _CHUNK_DATA, _CHUNK_END, _TRAILERS, _UNTIL_CLOSE, _DONE = range(8)


class Digest(Protocol):
    """What `hashlib.sha256()` returns, as far as it is used here."""

    def update(self, data: bytes, /) -> None:
        """Take more of the body."""


class ResponseParser:
    """One response after another. Call `begin`, then `feed` until it returns True; on end of file ask `end`.

    A response that has the head and the length of the one before it and comes in one piece, which is nearly
    every response of a benchmark, is recognised without being parsed: `_known` is that head, `_known_size`
    the size of the whole (-1 when there is none). While it is set, status, keep_alive and body_bytes are
    those of the known response and everything else is as before the first byte.
    """

    __slots__ = ("_at", "_data", "_digest", "_expects", "_interim", "_known", "_known_size", "_left",
                 "_no_body", "body_bytes", "excess", "keep_alive", "received", "status")

    def __init__(self) -> None:
        self._known = b""
        self._known_size = -1
        self.begin()

    def begin(self, no_body: bool = False, digest: Digest | None = None) -> None:  # noqa: FBT001, FBT002 - hot path
        """Expect a new response; no_body for an answer to HEAD; digest is fed with the body."""
        self.received = 0           # bytes fed since begin
        if self._known_size >= 0 and not no_body and digest is None:
            return
        self._known_size = -1
        self.status = 0             # of the final response, once its head is there
        self.keep_alive = False     # the connection may be used again
        self.body_bytes = 0
        self.excess = 0             # bytes fed beyond the end of the response
        self._expects = _HEAD
        self._no_body = no_body
        self._digest = digest
        self._data = b""            # fed, and not yet understood from _at on
        self._at = 0
        self._left = 0              # bytes of the body or chunk still to come; bytes of trailers seen
        self._interim = 0

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; return whether the response is complete. Raises ParseError."""
        size = len(data)
        if size == self._known_size and data.startswith(self._known):
            self.received = size
            return True
        if self._known_size >= 0:           # something else comes this time
            self._known_size = -1
            self.status, self.keep_alive, self.body_bytes = 0, False, 0
        self.received += size
        self._data = self._data[self._at:] + data
        self._at = 0
        while self._expects != _DONE and _STEPS[self._expects](self):
            pass
        if self._expects != _DONE:
            return False
        self.excess = len(self._data) - self._at
        if self.received == size:
            self._remember(data)
        return True

    def end(self) -> bool:
        """The server has closed: return whether that completes the response."""
        return self._expects in (_UNTIL_CLOSE, _DONE)

    def _remember(self, data: bytes) -> None:
        """Let a response that came in one piece be recognised when it comes again."""
        head_size = len(data) - self.body_bytes
        plain = not (self._no_body or self._digest or self._interim or self.excess)
        if plain and data.find(b"\r\n\r\n") + 4 == head_size:     # neither chunked nor preceded by 1xx
            self._known, self._known_size = data[:head_size], len(data)
            self._expects, self._data, self._at = _HEAD, b"", 0

    # Each step takes what it can from _data and returns whether it got anywhere.

    def _take_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n", self._at)
        if (end if end >= 0 else len(self._data) - 3) - self._at > MAX_HEAD:
            raise ParseError(f"head longer than {MAX_HEAD} bytes")
        if end < 0:
            check_unfinished_head(self._data[self._at:])
            return False
        head = read_head(self._data[self._at:end])
        self._at = end + 4
        if head.status < 200:
            self._interim += 1
            if head.status == 101 or self._interim > MAX_INTERIM:
                raise ParseError(f"unwanted interim response {head.status}")
        else:
            self._start_body(head)
        return True

    def _start_body(self, head: Head) -> None:
        self.status, self.keep_alive = head.status, head.keep_alive
        if self._no_body or head.status in (204, 304):
            self._expects = _DONE
        elif head.chunked:
            self._expects = _CHUNK_SIZE
        elif head.length is None:
            self.keep_alive = False
            self._expects = _UNTIL_CLOSE
        else:
            self._left = head.length
            self._expects = _BODY if head.length else _DONE

    def _take_counted(self) -> bool:
        """Take body bytes up to _left; return whether they are complete."""
        piece = min(len(self._data) - self._at, self._left)
        if self._digest is not None:
            self._digest.update(self._data[self._at:self._at + piece])
        self.body_bytes += piece
        self._left -= piece
        self._at += piece
        return self._left == 0

    def _take_body(self) -> bool:
        if not self._take_counted():
            return False
        self._expects = _DONE
        return True

    def _take_until_close(self) -> bool:
        self._left = len(self._data) - self._at
        self._take_counted()
        return False

    def _take_chunk_size(self) -> bool:
        line = self._line(MAX_CHUNK_LINE)
        if line is None:
            return False
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise ParseError(f"bad chunk size {line[:60]!r}")
        self._left = int(match[1], 16)
        self._expects = _CHUNK_DATA if self._left else _TRAILERS
        return True

    def _take_chunk_data(self) -> bool:
        if not self._take_counted():
            return False
        self._expects = _CHUNK_END
        return True

    def _take_chunk_end(self) -> bool:
        line = self._line(0)
        if line is None:
            return False
        self._expects = _CHUNK_SIZE
        return True

    def _take_trailer(self) -> bool:
        line = self._line(MAX_HEAD - self._left)
        if line is None:
            return False
        self._left += len(line) + 2
        if not line:
            self._expects = _DONE
        elif FIELD_LINE.fullmatch(line) is None:
            raise ParseError(f"bad trailer {line[:60]!r}")
        return True

    def _line(self, limit: int) -> bytes | None:
        """Take one line of at most limit bytes, None when its end has not come yet."""
        feed = self._data.find(b"\n", self._at)
        length = (feed if feed >= 0 else len(self._data)) - self._at - 1
        if length > limit:
            raise ParseError("a line is too long or a chunk longer than its size")
        if feed < 0:
            return None
        if length < 0 or self._data[feed - 1] != 13:
            raise ParseError("a line does not end in CR LF")
        line = self._data[self._at:feed - 1]
        self._at = feed + 1
        return line


_STEPS = {
    _HEAD: ResponseParser._take_head,
    _BODY: ResponseParser._take_body,
    _CHUNK_SIZE: ResponseParser._take_chunk_size,
    _CHUNK_DATA: ResponseParser._take_chunk_data,
    _CHUNK_END: ResponseParser._take_chunk_end,
    _TRAILERS: ResponseParser._take_trailer,
    _UNTIL_CLOSE: ResponseParser._take_until_close,
}

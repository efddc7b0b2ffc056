"""pacer/response.py: the HTTP/1.1 response parser."""

from __future__ import annotations

import hashlib
import http.client
import io
import re
import socket
import zlib
from random import Random
from typing import cast

from pacer.head import ParseError
from pacer.response import MAX_CHUNK_LINE, MAX_HEAD, ResponseParser
from tests.fuzz.target import Target

Outcome = tuple[object, ...]

_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SEEDS = (
    _HEAD + b"Content-Length: 5\r\n\r\nhello",
    _HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n",
    _HEAD + b"Server: x\r\n\r\nuntil close",
    _CHUNKED + b"4\r\nwiki\r\n3;a=b\r\nabc\r\n0\r\nDigest: x\r\n\r\n",
    _CHUNKED + b"A\r\n0123456789\r\n00\r\n\r\nHTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + _HEAD + b"Content-Length: 2, 2\r\n\r\nok",
    b"HTTP/1.0 204 No Content\r\nConnection: keep-alive, x\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
    b"HTTP/1.1 404\r\nTransfer-Encoding: gzip\r\n\r\nzz",
    b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
)
WORDS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 ",
    b"HTTP/1.1 103 E\r\n\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: ",
    b"chunked",
    b"gzip, chunked",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"0\r\n\r\n",
    b"1\r\nx\r\n",
    b";a=b",
    b"\t",
    b":",
    b"A: ",
    b"ffffffffffffffff\r\n",
    b"\x00",
    b"\x85",
    b"\xff",
    b" 204 ",
    b" 304 ",
    b" 500 ",
)


def outcome(parser: ResponseParser, pieces: list[bytes], *, no_body: bool) -> Outcome:
    """What became of the bytes; equal for equal bytes, however they are cut."""
    digest = hashlib.sha256()
    parser.begin(no_body, digest)
    waiting = 0
    for piece in pieces:
        try:
            complete = parser.feed(piece)
        except ParseError:
            return ("parse error",)
        if complete:
            assert parser.end()
            assert 0 <= parser.excess <= len(piece)
            return (
                "complete",
                parser.status,
                parser.keep_alive,
                parser.body_bytes,
                digest.digest(),
                parser.received - parser.excess,
            )
        waiting = len(parser._data) - parser._at
        assert waiting <= max(MAX_HEAD, MAX_CHUNK_LINE) + 4, f"{waiting} bytes are kept"
    return ("incomplete", parser.end(), parser.body_bytes, digest.digest())


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces, none of them empty."""
    bounds = sorted({place for place in places if 0 < place < len(data)})
    return [piece for start, end in zip([0, *bounds], [*bounds, len(data)], strict=True) if (piece := data[start:end])]


def check(data: bytes) -> bool:
    """Cuts, what follows, what came before: nothing changes the outcome. http.client agrees."""
    random = Random(zlib.crc32(data))
    cuts = [[random.randint(1, len(data)) for _ in range(count)] for count in (1, 5)] if data else []
    if len(data) < 400:
        cuts.append(list(range(1, len(data))))
    for no_body in (False, True):
        whole = outcome(ResponseParser(), cut(data, []), no_body=no_body)
        for places in cuts:
            assert outcome(ResponseParser(), cut(data, places), no_body=no_body) == whole, places
        if whole[0] == "complete":
            check_end(data[: cast(int, whole[5])], whole, no_body=no_body)
    whole = outcome(ResponseParser(), cut(data, []), no_body=False)
    check_known(data, whole, cuts)
    if whole[0] == "complete":
        check_against_library(data[: cast(int, whole[5])], whole)
    return whole[0] == "complete" or whole[:2] == ("incomplete", True)


def check_end(response: bytes, whole: Outcome, *, no_body: bool) -> None:
    """A response ends where it ends, whatever follows, and no byte earlier."""
    for rest in (b"", b"\r\n", b"HTTP/1.1 500 X\r\n\r\n", b"\x00" * 9):
        assert outcome(ResponseParser(), [response + rest], no_body=no_body) == whole, rest
    assert outcome(ResponseParser(), [response[:-1]], no_body=no_body)[:2] == ("incomplete", False)


def check_known(data: bytes, whole: Outcome, cuts: list[list[int]]) -> None:
    """A parser that has seen the response before says the same, in one piece and in several."""
    parser = ResponseParser()
    for pieces in (
        [data] * bool(data),
        [data] * bool(data),
        *(cut(data, places) for places in cuts),
        [data] * bool(data),
    ):
        parser.begin()
        result: Outcome = ("incomplete",)
        try:
            for piece in pieces:
                if parser.feed(piece):
                    result = (
                        "complete",
                        parser.status,
                        parser.keep_alive,
                        parser.body_bytes,
                        whole[4] if len(whole) == 6 else b"",
                        parser.received - parser.excess,
                    )
                    break
        except ParseError:
            assert whole == ("parse error",)
            return
        assert result == whole if result[0] == "complete" else whole[0] == "incomplete"


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def check_against_library(response: bytes, whole: Outcome) -> None:
    """http.client takes what pacer took as the same response, where it can be expected to.

    It takes interim responses for final ones, and knows one Content-Length, `chunked` alone, ASCII, and 100 lines;
    it reads the chunks that a 204 or 304 announces and does not have.
    """
    head = response.partition(b"\r\n\r\n")[0].lower()
    coded = head.count(b"transfer-encoding")
    simple = (
        re.fullmatch(rb"[\t\r\n\x20-\x7e]*", head)
        and head.count(b"\n") < 90
        and max(map(len, response.split(b"\n"))) < 65_000
        and not re.match(rb"http/1\.[01] 1", head)
        and head.count(b"content-length") <= 1
        and not re.search(rb"content-length:[^\r]*,", head)
        and (not coded or (coded == 1 and re.search(rb"\r\ntransfer-encoding:[\t ]*chunked(\r\n|$)", head)))
    )
    if not simple or whole[1] in (204, 304):
        return
    library = http.client.HTTPResponse(cast(socket.socket, _Socket(response)))
    library.begin()
    body = library.read()
    assert (library.status, len(body), hashlib.sha256(body).digest()) == (whole[1], whole[3], whole[4]), (
        "http.client differs"
    )


TARGET = Target(check=check, seeds=lambda: SEEDS, shape="lines", words=WORDS)

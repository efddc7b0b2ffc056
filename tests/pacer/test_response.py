"""The response parser: every split of a corpus, strictness, and anything at all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pacer.head import ParseError, parse_head
from pacer.response import MAX_HEAD, MAX_INTERIM, ResponseParser


@dataclass(frozen=True)
class Good:
    """Bytes that make a response; `ends` when only the end of file completes it."""

    data: bytes
    status: int
    body: bytes
    keep_alive: bool = True
    no_body: bool = False
    ends: bool = False
    excess: int = 0


GOOD = {
    "length": Good(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "length-zero": Good(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
    "no-reason": Good(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, b""),
    "no-reason-no-space": Good(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b""),
    "reason-in-latin-1": Good(b"HTTP/1.1 404 Pas trouv\xe9\r\nContent-Length: 0\r\n\r\n", 404, b""),
    "same-length-twice": Good(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nab", 200, b"ab"),
    "white-space": Good(b"HTTP/1.1 200 OK\r\ncontent-LENGTH:\t 2 \t\r\nEmpty:\r\n\r\nab", 200, b"ab"),
    "chunked": Good(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"4\r\nwiki\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, b"wiki0123456789"),
    "chunk-extensions-and-trailers": Good(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b;c=\"d e\"\r\nab\r\n1 ;x\r\nc\r\n00;last\r\n"
        b"Digest: x\r\nOther:\r\n\r\n", 200, b"abc"),
    "chunked-with-line-ends-inside": Good(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n6\r\n\r\n\r\n0\r\r\n0\r\n\r\n", 200,
        b"\r\n\r\n0\r"),
    "until-close": Good(b"HTTP/1.1 200 OK\r\n\r\nall of it", 200, b"all of it", keep_alive=False, ends=True),
    "http-1.0": Good(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", keep_alive=False),
    "http-1.0-kept": Good(b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", 200, b"x"),
    "close": Good(b"HTTP/1.1 200 OK\r\nConnection: foo, CLOSE\r\nContent-Length: 1\r\n\r\nx", 200, b"x",
                  keep_alive=False),
    "not-chunked-coding": Good(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzz", 200, b"zz",
                               keep_alive=False, ends=True),
    "204": Good(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "304-with-length": Good(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 304, b""),
    "head": Good(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", 200, b"", no_body=True),
    "interim": Good(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
                    b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 201, b"ok"),
    "excess": Good(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP", 200, b"ok", excess=4),
    "204-with-body": Good(b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok", 204, b"", excess=2),
}

BAD = {
    "not-http": b"SSH-2.0-OpenSSH_9.9\r\n",
    "http-0.9": b"<html>hello</html>",
    "http-2": b"HTTP/2.0 200 OK\r\n\r\n",
    "http-1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "lower-case": b"http/1.1 200 OK\r\n\r\n",
    "status-of-two-digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status-of-four-digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status-zero": b"HTTP/1.1 099 OK\r\n\r\n",
    "two-spaces": b"HTTP/1.1  200 OK\r\n\r\n",
    "bare-line-feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "one-bare-line-feed": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "space-before-colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "folded-line": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "no-colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "no-name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
    "control-in-value": b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n",
    "return-in-value": b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
    "length-negative": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "length-hex": b"HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n\r\n",
    "length-empty": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    "length-huge": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length-and-chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked-not-last": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    "chunked-in-1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "switching-protocols": b"HTTP/1.1 101 Switching\r\n\r\n",
    "chunk-size-missing": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    "chunk-size-garbage": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    "chunk-size-huge": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\n",
    "chunk-line-endless": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 20_000,
    "chunk-longer-than-its-size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "chunk-line-bare-line-feed": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n",
    "trailer-garbage": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nwhat is this\r\n\r\n",
    "endless-interim": b"HTTP/1.1 102 Processing\r\n\r\n" * (MAX_INTERIM + 1),
    "head-too-long": b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_HEAD + b"\r\n\r\n",
    "head-endless": b"HTTP/1.1 200 OK\r\nA: " + b"x" * (MAX_HEAD + 100),
    "trailers-endless": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: bcdefgh\r\n" * 7000,
}


def feed(parser: ResponseParser, pieces: list[bytes]) -> bool:
    """Feed pieces as a connection would; return whether the response was complete."""
    complete = False
    for piece in pieces:
        if piece and parser.feed(piece):
            complete = True
    return complete


def check(good: Good, pieces: list[bytes], parser: ResponseParser | None = None) -> None:
    parser = parser or ResponseParser()
    digest = hashlib.sha256()
    parser.begin(good.no_body, digest)
    complete = False
    used = 0
    for piece in pieces:
        assert not complete
        complete = parser.feed(piece)
        used += len(piece)
        if complete and good.excess:
            break
    assert complete is not good.ends
    if good.ends:
        assert parser.end()
    assert (parser.status, parser.body_bytes, parser.keep_alive) == (good.status, len(good.body), good.keep_alive)
    assert digest.digest() == hashlib.sha256(good.body).digest()
    assert parser.received == used
    assert parser.excess == used - (len(good.data) - good.excess)


@pytest.mark.parametrize("name", GOOD)
def test_in_one_piece(name: str) -> None:
    check(GOOD[name], [GOOD[name].data])


@pytest.mark.parametrize("name", GOOD)
def test_every_split_in_two(name: str) -> None:
    good = GOOD[name]
    for at in range(1, len(good.data) - good.excess):
        check(good, [good.data[:at], good.data[at:]])


@pytest.mark.parametrize("name", GOOD)
def test_byte_by_byte(name: str) -> None:
    good = GOOD[name]
    check(good, [good.data[at:at + 1] for at in range(len(good.data) - good.excess)])


@pytest.mark.parametrize("name", GOOD)
def test_every_split_in_three(name: str) -> None:
    good = GOOD[name]
    data = good.data[:len(good.data) - good.excess]
    step = 1 if len(data) < 80 else 3
    for one in range(1, len(data) - 1, step):
        for two in range(one + 1, len(data), step):
            check(Good(data, good.status, good.body, good.keep_alive, good.no_body, good.ends),
                  [data[:one], data[one:two], data[two:]])


@pytest.mark.parametrize("name", [name for name, good in GOOD.items() if not good.ends])
def test_incomplete_is_not_complete(name: str) -> None:
    good = GOOD[name]
    for at in range(len(good.data) - good.excess):
        parser = ResponseParser()
        parser.begin(good.no_body)
        assert not feed(parser, [good.data[:at]])
        assert not parser.end()


@pytest.mark.parametrize("name", BAD)
def test_garbage_is_refused_in_one_piece(name: str) -> None:
    with pytest.raises(ParseError):
        feed(ResponseParser(), [BAD[name]])


@pytest.mark.parametrize("name", [name for name, data in BAD.items() if len(data) < 300])
def test_garbage_is_refused_at_every_split(name: str) -> None:
    data = BAD[name]
    for at in range(1, len(data)):
        with pytest.raises(ParseError):
            feed(ResponseParser(), [data[:at], data[at:]])
    with pytest.raises(ParseError):
        feed(ResponseParser(), [data[at:at + 1] for at in range(len(data))])


@settings(deadline=None)
@given(st.lists(st.sampled_from([name for name, good in GOOD.items() if not good.excess and not good.ends]),
                min_size=1, max_size=6), st.data())
def test_one_parser_takes_any_sequence_in_any_pieces(names: list[str], data: st.DataObject) -> None:
    """Above all: a response that is recognised because it came before leaves nothing behind."""
    parser = ResponseParser()
    for name in names:
        good = GOOD[name]
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(good.data) - 1)), max_size=3)))
        pieces = [good.data[a:b] for a, b in zip([0, *cuts], [*cuts, len(good.data)], strict=True)]
        if data.draw(st.booleans()):
            check(good, [piece for piece in pieces if piece], parser)
            continue
        parser.begin(good.no_body)
        assert feed(parser, pieces)
        assert (parser.status, parser.body_bytes, parser.keep_alive) == (good.status, len(good.body), good.keep_alive)
        assert (parser.received, parser.excess) == (len(good.data), 0)


def test_the_same_head_with_another_body_is_not_mistaken() -> None:
    parser = ResponseParser()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
    assert parser.feed(head + b"abcd")
    parser.begin()
    assert parser.feed(head + b"efgh")
    parser.begin()
    assert not parser.feed(head + b"i")
    assert parser.feed(b"jkl")
    parser.begin()
    assert parser.feed(b"HTTP/1.1 500 OK\r\nContent-Length: 4\r\n\r\nabcd")
    assert parser.status == 500


def test_the_same_bytes_after_a_head_request_have_no_body() -> None:
    parser = ResponseParser()
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"
    assert parser.feed(data)
    parser.begin(True)      # noqa: FBT003 - as the connection calls it
    assert parser.feed(data)
    assert (parser.body_bytes, parser.excess) == (0, 4)


pieces_of_http = st.lists(st.one_of(
    st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"\r\n", b"\n", b"\r", b"Content-Length: 3\r\n", b"abc", b"0\r\n",
                     b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n", b"Connection: close\r\n",
                     b"HTTP/1.1 100 C\r\n\r\n"]),
    st.binary(max_size=20)), max_size=12)


@settings(deadline=None)
@given(pieces_of_http, st.integers(1, 9))
@example([b"HTTP/1.1 200 OK\r\n", b"\r\n"], 1)
def test_anything_at_all_means_the_same_however_it_is_cut(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)

    def outcome(cut: list[bytes]) -> tuple[object, ...]:
        parser = ResponseParser()
        try:
            for piece in cut:
                if parser.feed(piece):
                    return ("complete", parser.status, parser.body_bytes, parser.received - parser.excess)
        except ParseError:
            return ("parse error",)
        return ("incomplete", parser.end(), parser.body_bytes)

    whole = outcome([data] if data else [])
    assert outcome([data[at:at + size] for at in range(0, len(data), size)]) == whole


def test_a_head_is_a_pure_function_of_its_bytes() -> None:
    head = parse_head(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 7")
    assert (head.status, head.length, head.chunked, head.keep_alive) == (200, 7, False, True)

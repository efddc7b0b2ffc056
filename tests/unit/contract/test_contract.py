"""The contract check against real servers, nearly all of them wrong in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import tandem_contract
from tandem_contract import check

from tests.apps.postgres import free_port
from tests.unit.contract.servers import ROWS, Answer, EndError, Server, reply, serving

ENDPOINT = {
    "method": "GET",
    "path": "/agents",
    "status": 200,
    "content_type": "application/json",
    "json": {
        "rows": 3,
        "keys": ["number", "context", "status"],
        "values": {"status": "offline"},
        "null_keys": ["context"],
    },
}
BODY = json.dumps(ROWS).encode()
CLOSE = "Connection: close\r\n"
GOOD = reply(headers=CLOSE)
LONG_S = 60.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where nothing but time is waited for: a reply may be as late as in earnest, on a busy machine."""
    for name, seconds in {"POLL_S": 0.01, "SETTLE_S": 0.1, "ENDING_S": 0.1}.items():
        monkeypatch.setattr(tandem_contract, name, seconds)


def ask(server: Server, **changes: Any) -> dict[str, Any]:
    arguments = {"endpoint": ENDPOINT, "body_bytes": len(BODY), "requests": 5, "timeout_s": LONG_S, **changes}
    return check("127.0.0.1", server.port, **arguments)


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(body) // 2
    parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:], b"")]
    return head + b"".join(parts)


UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY
BODILESS_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "closes", "keep_alive"),
    [
        pytest.param(GOOD, True, False, id="announces and closes"),
        pytest.param(reply(), False, True, id="keeps open"),
        pytest.param(reply(), True, False, id="closes without saying so"),
        pytest.param(GOOD, False, False, id="announces that it closes and does not"),
        pytest.param(chunked(BODY), False, True, id="in chunks"),
        pytest.param(UNTIL_CLOSED, True, False, id="HTTP/1.0 until closed"),
    ],
)
def test_right_answers_are_counted_to_the_byte(data: bytes, *, closes: bool, keep_alive: bool) -> None:
    with serving(lambda _: data, closes=closes) as server:
        found = ask(server)
    assert found["failure"] is None
    assert (found["ok"], found["requests"], found["keep_alive"]) == (True, 5, keep_alive)
    assert (found["reply_bytes"], found["body_bytes"]) == (len(data), len(BODY))
    assert found["headers"]["Content-Type"].startswith("application/json")
    assert server.requests == 6
    assert json.loads(json.dumps(found)) == found


def changed(**fields: object) -> list[dict[str, object]]:
    return [*ROWS[:-1], {**ROWS[-1], **fields}]


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        pytest.param(
            lambda _: reply(b"oops", status="500 Internal Server Error"),
            "wrong-answer",
            "expected status 200, found 500 Internal Server Error",
            id="status",
        ),
        pytest.param(
            lambda _: reply(content_type="text/html"),
            "wrong-answer",
            "expected content type application/json, found text/html",
            id="content type",
        ),
        pytest.param(
            lambda _: reply(b"<html>"), "wrong-answer", "expected JSON, found 6 bytes", id="no JSON"
        ),
        pytest.param(lambda _: reply(b"\xff"), "wrong-answer", "expected JSON, found 1 bytes", id="no UTF-8"),
        pytest.param(
            lambda _: reply(b"[" * 100_000),
            "wrong-answer",
            "expected JSON, found 100000 bytes",
            id="nested deep",
        ),
        pytest.param(
            lambda _: reply({}), "wrong-answer", "expected a list of 3 objects, found {}", id="no list"
        ),
        pytest.param(lambda _: reply(ROWS[:2]), "wrong-answer", "expected 3 rows, found 2", id="rows"),
        pytest.param(
            lambda _: reply([1, 2, 3]), "wrong-answer", "expected an object, found 1 in row 1", id="row"
        ),
        pytest.param(
            lambda _: reply(changed(extra=1)),
            "wrong-answer",
            "expected the keys context, number, status, found context, extra, number, status in row 3",
            id="keys",
        ),
        pytest.param(
            lambda _: reply(changed(status="online")),
            "wrong-answer",
            'expected status to be "offline", found "online" in row 3',
            id="value",
        ),
        pytest.param(
            lambda _: reply(changed(context="default")),
            "wrong-answer",
            'expected context to be null, found "default" in row 3',
            id="set instead of null",
        ),
        pytest.param(
            lambda _: reply(changed(number=None)),
            "wrong-answer",
            "expected number to be set, found null in row 3",
            id="null instead of set",
        ),
        pytest.param(
            lambda _: reply(json.dumps(ROWS, separators=(",", ":")).encode()),
            "wrong-answer",
            f"expected a body of {len(BODY)} bytes, found",
            id="length",
        ),
        pytest.param(
            lambda _: BODILESS_HEAD + BODY,
            "wrong-answer",
            f"the connection closed after {len(BODILESS_HEAD + BODY)} bytes of the reply",
            id="cut off",
        ),
        pytest.param(
            lambda _: b"",
            "wrong-answer",
            "the connection closed after 0 bytes of the reply",
            id="closes at once",
        ),
        pytest.param(
            lambda _: b"220 ready\r\n\r\n", "wrong-answer", "found '220 ready' as status line", id="no HTTP"
        ),
        pytest.param(
            lambda _: b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "wrong-answer",
            "'no colon' as header",
            id="header",
        ),
        pytest.param(
            lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "wrong-answer",
            "'-1' as Content-Length",
            id="negative length",
        ),
        pytest.param(
            lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
            "wrong-answer",
            "a body of 999999999999 bytes",
            id="endless length",
        ),
        pytest.param(
            lambda _: chunked(BODY).replace(b"\r\n0\r\n", b"\r\nxyz\r\n"),
            "wrong-answer",
            "'xyz' as size of a chunk",
            id="chunk",
        ),
        pytest.param(lambda _: b"x" * 70_000, "wrong-answer", "bytes without", id="endless head"),
        pytest.param(lambda _: None, "timeout", "expected a reply, found none in time", id="never answers"),
    ],
)
def test_wrong_answers_are_named(answer: Answer, kind: str, sentence: str) -> None:
    with serving(answer) as server:
        found = ask(server, timeout_s=0.6 if kind == "timeout" else LONG_S)
    assert found["failure"]["kind"] == kind
    assert found["failure"]["message"].startswith("GET /agents: expected ")
    assert sentence in found["failure"]["message"]
    assert (found["ok"], found["requests"], found["reply_bytes"]) == (False, 0, None)


def after(count: int, then: Callable[[], bytes | None]) -> Answer:
    return lambda number: GOOD if number <= count else then()


def die() -> bytes:
    raise EndError


@pytest.mark.parametrize(
    ("then", "kind", "sentence"),
    [
        pytest.param(
            lambda: reply(b"", status="500 Oops"), "wrong-answer", "found 500 Oops", id="fails for ever"
        ),
        pytest.param(lambda: reply([]), "wrong-answer", "expected 3 rows, found 0", id="loses rows"),
        pytest.param(lambda: None, "timeout", "found none in time", id="hangs"),
        pytest.param(die, "wrong-answer", "expected a reply, found", id="dies"),
    ],
)
def test_a_server_that_breaks_later_is_caught(
    then: Callable[[], bytes | None], kind: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tandem_contract, "REPLY_S", 2.0 if kind == "timeout" else LONG_S)
    with serving(after(4, then)) as server:
        found = ask(server, requests=30)
    assert found["failure"]["kind"] == kind
    assert sentence in found["failure"]["message"]
    assert found["failure"]["message"].endswith("(reply 4 of 30)")
    assert (found["requests"], found["reply_bytes"]) == (3, len(GOOD))


def test_a_dead_server_is_called_dead_though_its_end_is_seen_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_contract, "ENDING_S", LONG_S)
    seen = iter([True] * 10)
    with serving(after(4, die)) as server:
        found = ask(server, alive=lambda: next(seen, server.thread.is_alive()))
    assert found["failure"]["message"].endswith("; the daemon has ended")


def test_a_server_that_answers_wrongly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_contract, "ENDING_S", LONG_S)
    seen = iter([True])
    with serving(after(4, lambda: reply([]))) as server:
        found = ask(server, alive=lambda: next(seen))
    assert found["failure"]["kind"] == "wrong-answer"
    assert next(seen, None) is None, "asked once"


def test_nobody_listens() -> None:
    port = free_port()
    found = check("127.0.0.1", port, ENDPOINT, None, 1, 1.0)
    assert found["failure"]["kind"] == "did-not-start"
    assert (
        f"expected a server at 127.0.0.1:{port}, found connection refused; waited"
        in found["failure"]["message"]
    )
    assert (found["keep_alive"], found["wait_s"]) == (None, None)


def test_waiting_ends_when_the_daemon_has_ended() -> None:
    found = check("127.0.0.1", free_port(), ENDPOINT, None, 1, LONG_S, alive=lambda: False)
    assert found["failure"]["kind"] == "did-not-start"
    assert found["failure"]["message"].endswith("the daemon has ended")


def test_an_unknown_host_is_a_finding() -> None:
    found = check("no-such-host.invalid", 80, ENDPOINT, None, 1, LONG_S, alive=lambda: False)
    assert found["failure"]["kind"] == "did-not-start"
    assert "expected a server at no-such-host.invalid:80, found " in found["failure"]["message"]


def test_a_server_may_answer_wrongly_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_contract, "SETTLE_S", LONG_S)
    with serving(lambda number: reply(b"", status="503 Soon") if number < 4 else GOOD) as server:
        found = ask(server)
    assert found["ok"]
    assert server.requests == 4 + 5


def test_a_server_may_come_late() -> None:
    port = free_port()
    attempts = 0
    servers = []

    def alive() -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 3:
            servers.append(Server(lambda _: GOOD, closes=True, port=port))
        return True

    try:
        found = check("127.0.0.1", port, ENDPOINT, None, 2, LONG_S, alive)
    finally:
        for server in servers:
            server.stop()
    assert found["ok"]
    assert attempts == 3


def test_a_length_that_nobody_declared_must_stay_the_same() -> None:
    with serving(lambda number: reply(json.dumps(ROWS, indent=number // 3).encode())) as server:
        found = ask(server, body_bytes=None)
    assert "expected a body of" in found["failure"]["message"]
    assert found["failure"]["message"].endswith("(reply 2 of 5)")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        pytest.param({"hello": "world"}, None, id="equal"),
        pytest.param(
            {"hello": "World"}, 'expected {"hello": "world"}, found {"hello": "World"}', id="different"
        ),
        pytest.param(["x" * 99], "...", id="long"),
    ],
)
def test_a_whole_value(value: object, sentence: str | None) -> None:
    fault = tandem_contract.json_fault(value, {"equals": {"hello": "world"}})
    assert fault == sentence or (fault and sentence and sentence in fault)


@pytest.mark.parametrize(
    ("least", "most", "sentence"),
    [
        pytest.param(len(BODY), len(BODY), None, id="exactly"),
        pytest.param(len(BODY) - 5, len(BODY) + 5, None, id="within"),
        pytest.param(len(BODY) + 1, len(BODY) + 9, "expected a body of {0} to {1} bytes, found {2}", id="too short"),
        pytest.param(1, len(BODY) - 1, "expected a body of {0} to {1} bytes, found {2}", id="too long"),
    ],
)
def test_a_body_may_have_a_least_and_a_most(least: int, most: int, sentence: str | None) -> None:
    fault = tandem_contract.body_fault(BODY, ENDPOINT, [least, most])
    assert fault == (sentence and sentence.format(least, most, len(BODY)))


def test_bodies_may_differ_within_least_and_most() -> None:
    with serving(lambda number: reply(BODY + b" " * (number % 3))) as server:
        found = ask(server, body_bytes=[len(BODY), len(BODY) + 2])
    assert (found["ok"], found["requests"]) == (True, 5)


def test_the_whole_reply_may_have_an_exact_length() -> None:
    with serving(lambda _: GOOD) as server:
        assert ask(server, endpoint={**ENDPOINT, "reply_bytes": len(GOOD)})["ok"]
    with serving(lambda number: GOOD if number < 4 else reply(headers="")) as server:
        found = ask(server, endpoint={**ENDPOINT, "reply_bytes": len(GOOD)})
    sentence = f"expected a reply of {len(GOOD)} bytes with its head, found {len(GOOD) - len(CLOSE)} (reply 3 of 5)"
    assert found["failure"]["message"] == f"GET /agents: {sentence}"


ERROR = reply(b"oops", status="500 Oops", content_type="text/html")


def exhausting(order: str) -> Answer:
    """Good answers (+) and errors (-) in this order, then errors for ever."""
    return lambda number: GOOD if order[number - 1 : number] == "+" else ERROR


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(exhausting("++++++"), id="all at once"),
        pytest.param(exhausting("+++-+--++"), id="worker after worker"),
    ],
)
def test_a_server_that_is_known_to_run_out_of_answers_is_right_to(answer: Answer) -> None:
    with serving(answer) as server:
        found = ask(server, endpoint={**ENDPOINT, "answers": 6}, requests=100)
    assert (found["failure"], found["requests"]) == (None, 5), "those that followed the first"
    assert (found["reply_bytes"], found["headers"]["Content-Type"]) == (len(GOOD), "application/json; charset=utf-8")
    assert server.requests < 30


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param(lambda _: GOOD, "found more than that, and 0 errors at the end", id="never runs out"),
        pytest.param(exhausting("++++"), "found 4, and 96 errors at the end", id="too early"),
        pytest.param(
            exhausting("++++++--+"),
            "found more than that, and 0 errors at the end",
            id="comes back",
        ),
    ],
)
def test_another_number_of_answers_is_wrong(answer: Answer, sentence: str) -> None:
    with serving(answer) as server:
        found = ask(server, endpoint={**ENDPOINT, "answers": 6}, requests=99)
    assert found["failure"]["kind"] == "wrong-answer"
    assert found["failure"]["message"] == f"GET /agents: expected 6 good answers and then errors, {sentence}"


def test_a_wrong_answer_is_no_error_of_a_server_that_runs_out() -> None:
    with serving(lambda number: GOOD if number < 3 else reply([])) as server:
        found = ask(server, endpoint={**ENDPOINT, "answers": 6}, requests=99)
    assert found["failure"]["message"] == "GET /agents: expected 3 rows, found 0 (after 2 good answers)"

"""Hold a daemon against its contract: what it must answer before its speed means anything."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same module, where mypy finds it
    from tandem_http import ClosedError, Connection, NotHttpError, Reply
else:
    from ansible.module_utils.tandem_http import ClosedError, Connection, NotHttpError, Reply

SCHEMA_VERSION = 1
POLL_S = 0.05
"""Pause between two attempts to reach a daemon that is starting."""
SETTLE_S = 3.0
"""A daemon that answers wrongly while it starts has this long, from its first answer, to answer correctly."""
REPLY_S = 10.0
"""Longest wait for one reply."""
ENDING_S = 3.0
"""A daemon whose connection broke has this long to be seen to end: its sockets close before its process is gone."""
SERVER_ERROR = 500
ERRORS_SEEN = 10
"""So many errors in a row say that a server has given its last good answer."""
MEAN_REPLY_S = 0.25
"""The replies after the first may take this much each on average, on top of one `REPLY_S`."""


class _BrokenError(Exception):
    """The contract is broken: of which kind, and what was expected and found."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _LostError(_BrokenError):
    """No reply, because the server closed the connection or took none."""


def check(  # noqa: PLR0917 - the call is agreed between the run module and the tests
    host: str,
    port: int,
    endpoint: dict[str, Any],
    body_bytes: int | Sequence[int] | None,
    requests: int,
    timeout_s: float,
    alive: Callable[[], bool] = lambda: True,
    answered: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Wait up to `timeout_s` for a first correct answer, then send `requests` more, one after another.

    `endpoint` holds method, path, status, content_type and json as contract.yml describes them, with the
    null_keys of one data set. It may also hold `reply_bytes`, the exact length of the whole reply, and `answers`: so
    many correct answers are all that the server has, and errors (status 500 or more) must follow for ever; `requests`
    is then the most that are sent to see both. `body_bytes` is the exact length of the body, or the least and the
    most; None asks that it stays the same.
    `alive` is asked between attempts: false means that the daemon has ended and nobody needs to wait for it.
    `answered` is called once, after the first correct answer.
    Connections are reused where the server keeps them open. A bad server never raises: `failure` tells of it.

    Returns the content of contract.json. `requests` counts the correct replies that followed the first;
    `reply_bytes` (on the wire), `body_bytes` and `headers` are those of the last correct one; `keep_alive` is
    whether a connection was seen to serve a second request; `wait_s` is the time to the first correct answer.
    """
    checker = _Checker(host, port, endpoint, body_bytes, alive)
    failure = None
    try:
        checker.wait(timeout_s)
        answered()
        if "answers" in endpoint:
            checker.exhaust(requests, endpoint["answers"])
        else:
            checker.repeat(requests)
    except _BrokenError as broken:
        failure = {"kind": broken.kind, "message": str(broken)}
    finally:
        checker.disconnect()
    last = checker.last
    return {
        "schema_version": SCHEMA_VERSION,
        "ok": failure is None,
        "failure": failure,
        "requests": checker.repeated,
        "reply_bytes": last.wire_bytes if last else None,
        "body_bytes": len(last.body) if last else None,
        "headers": last.headers if last else None,
        "keep_alive": checker.reused if checker.repeated else None,
        "wait_s": checker.wait_s,
    }


class _Checker:
    """One check in progress."""

    def __init__(
        self,
        host: str,
        port: int,
        endpoint: dict[str, Any],
        body_bytes: int | Sequence[int] | None,
        alive: Callable[[], bool],
    ) -> None:
        self.host = host
        self.port = port
        self.endpoint = endpoint
        self.body_bytes = body_bytes
        self.alive = alive
        self.method, self.path = endpoint["method"], endpoint["path"]
        self.connection: Connection | None = None
        self.last: Reply | None = None
        self.repeated = 0
        self.reused = False
        self.wait_s: float | None = None

    def disconnect(self) -> None:
        """Drop the connection, if there is one."""
        if self.connection:
            self.connection.close()
            self.connection = None

    def wait(self, timeout_s: float) -> None:
        """Ask until an answer is correct; raises _BrokenError when there is none in time."""
        started = time.monotonic()
        deadline = give_up = started + timeout_s
        while True:
            try:
                self._ask(deadline)
            except _BrokenError as broken:
                now = time.monotonic()
                if broken.kind == "wrong-answer" and give_up == deadline:
                    give_up = min(deadline, now + SETTLE_S)
                if not self.alive():
                    raise _BrokenError("did-not-start", f"{broken}; the daemon has ended") from None
                if now + POLL_S < give_up:
                    time.sleep(POLL_S)
                if max(now + POLL_S, time.monotonic()) >= give_up:     # a sleep may take longer than asked
                    raise _BrokenError(broken.kind, f"{broken}; waited {now - started:.1f} s") from None
            else:
                self.wait_s = round(time.monotonic() - started, 3)
                return

    def repeat(self, requests: int) -> None:
        """Ask again and again; raises _BrokenError at the first answer that is not correct."""
        deadline = time.monotonic() + REPLY_S + requests * MEAN_REPLY_S
        for number in range(1, requests + 1):
            try:
                self._ask(deadline)
            except _BrokenError as broken:
                kind = "timeout" if broken.kind == "timeout" else "wrong-answer"
                ended = "; the daemon has ended" if self._has_ended(broken) else ""
                raise _BrokenError(kind, f"{broken} (reply {number} of {requests}){ended}") from None
            self.repeated = number

    def _has_ended(self, broken: _BrokenError) -> bool:
        """Whether the daemon is gone, or is seen to go within `ENDING_S` after it broke a connection."""
        deadline = time.monotonic() + (ENDING_S if isinstance(broken, _LostError) else 0)
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        return True

    def exhaust(self, requests: int, answers: int) -> None:
        """Ask until all good answers were given and only errors come; raises _BrokenError when it is otherwise.

        Which worker is asked is the kernel's choice, so errors and good answers mix until the last worker has given
        its own.
        """
        deadline = time.monotonic() + REPLY_S + requests * MEAN_REPLY_S
        errors = 0
        for _ in range(requests):
            try:
                errors = 0 if self._ask(deadline, errors_too=True) else errors + 1
            except _BrokenError as broken:
                raise _BrokenError(broken.kind, f"{broken} (after {self.repeated + 1} good answers)") from None
            self.repeated += 1 if errors == 0 else 0
            if self.repeated + 1 > answers or (self.repeated + 1 == answers and errors >= ERRORS_SEEN):
                break
        if self.repeated + 1 != answers or errors < ERRORS_SEEN:
            more = "more than that" if self.repeated + 1 > answers else f"{self.repeated + 1}"
            tail = f", and {errors} errors at the end"
            raise self._broken("wrong-answer", f"expected {answers} good answers and then errors, found {more}{tail}")

    def _ask(self, deadline: float, *, errors_too: bool = False) -> bool:
        """One request and its reply; raises _BrokenError unless it is correct.

        With `errors_too` a status of 500 and more is no fault; whether the reply was a good one.
        """
        try:
            reply = self._exchange(min(deadline, time.monotonic() + REPLY_S))
            good = not (errors_too and reply.status >= SERVER_ERROR)
            fault = self._fault(reply) if good else None
            if fault:
                raise self._broken("wrong-answer", fault)
        except _BrokenError:
            self.disconnect()
            raise
        if reply.closes:
            self.disconnect()
        if good:
            self.last = reply
        return good

    def _exchange(self, deadline: float) -> Reply:
        """A reply over the open connection, or over a new one when the server has closed that silently."""
        reusing = self.connection is not None
        connection = self.connection = self.connection or self._connect(deadline)
        try:
            reply = connection.exchange(self.method, self.path, deadline)
        except TimeoutError:
            raise self._broken("timeout", "expected a reply, found none in time") from None
        except NotHttpError as error:
            raise self._broken("wrong-answer", f"expected a reply, found {_said(error)}") from None
        except (ClosedError, OSError) as error:
            if reusing and not connection.received_bytes:
                self.disconnect()
                return self._exchange(deadline)
            raise self._lost("wrong-answer", f"expected a reply, found {_said(error)}") from None
        self.reused = self.reused or reusing
        return reply

    def _connect(self, deadline: float) -> Connection:
        try:
            return Connection(self.host, self.port, deadline)
        except TimeoutError:
            raise self._broken("timeout", "expected a connection, found none in time") from None
        except OSError as error:
            fault = f"expected a server at {self.host}:{self.port}, found {_said(error)}"
            raise self._lost("did-not-start", fault) from None

    def _fault(self, reply: Reply) -> str | None:
        """What is wrong with a reply, or None."""
        fault = head_fault(reply, self.endpoint)
        if fault is None and not (self.last and self.last.body == reply.body):
            fault = self._body_fault(reply)
        total = self.endpoint.get("reply_bytes")
        if fault is None and total is not None and reply.wire_bytes != total:
            return f"expected a reply of {total} bytes with its head, found {reply.wire_bytes}"
        return fault

    def _body_fault(self, reply: Reply) -> str | None:
        body_bytes = self.body_bytes
        if body_bytes is None and self.last:
            body_bytes = len(self.last.body)
        return body_fault(reply.body, self.endpoint, body_bytes)

    def _broken(self, kind: str, text: str) -> _BrokenError:
        return _BrokenError(kind, f"{self.method} {self.path}: {text}")

    def _lost(self, kind: str, text: str) -> _LostError:
        return _LostError(kind, f"{self.method} {self.path}: {text}")


def head_fault(reply: Reply, endpoint: dict[str, Any]) -> str | None:
    """What is wrong with a reply's status and content type, or None. Parameters of the type are free."""
    if reply.status != endpoint["status"]:
        return f"expected status {endpoint['status']}, found {reply.status} {reply.reason}".rstrip()
    media_type = reply.header("Content-Type").partition(";")[0].strip().lower()
    if media_type != endpoint["content_type"]:
        return f"expected content type {endpoint['content_type']}, found {media_type or 'none'}"
    return None


def body_fault(body: bytes, endpoint: dict[str, Any], body_bytes: int | Sequence[int] | None) -> str | None:
    """What is wrong with a body, or None: first its JSON, then its length."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return f"expected JSON, found {len(body)} bytes beginning with {body[:40]!r}"
    fault = json_fault(value, endpoint["json"])
    if fault is None and body_bytes is not None:
        least, most = (body_bytes, body_bytes) if isinstance(body_bytes, int) else body_bytes
        if not least <= len(body) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            return f"expected a body of {wanted} bytes, found {len(body)}"
    return fault


def json_fault(value: object, expected: dict[str, Any]) -> str | None:
    """What is wrong with a value under the `json` part of contract.yml, or None."""
    if "equals" in expected:
        if value != expected["equals"]:
            return f"expected {_short(expected['equals'])}, found {_short(value)}"
        return None
    if not isinstance(value, list):
        return f"expected a list of {expected['rows']} objects, found {_short(value)}"
    if len(value) != expected["rows"]:
        return f"expected {expected['rows']} rows, found {len(value)}"
    for number, row in enumerate(value, 1):
        fault = _row_fault(row, expected)
        if fault:
            return f"{fault} in row {number}"
    return None


def _row_fault(row: object, expected: dict[str, Any]) -> str | None:
    """What is wrong with one object of the list, or None."""
    if not isinstance(row, dict):
        return f"expected an object, found {_short(row)}"
    keys = sorted(expected["keys"])
    if sorted(row) != keys:
        return f"expected the keys {', '.join(keys)}, found {', '.join(sorted(row)) or 'none'}"
    for key, wanted in expected.get("values", {}).items():
        if row[key] != wanted:
            return f"expected {key} to be {_short(wanted)}, found {_short(row[key])}"
    null_keys = expected.get("null_keys", [])
    for key, found in row.items():
        if (found is None) != (key in null_keys):
            return f"expected {key} to be {'null' if key in null_keys else 'set'}, found {_short(found)}"
    return None


def _short(value: object) -> str:
    """A value as JSON, cut so that it fits into a sentence."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _said(error: Exception) -> str:
    """An error in the words of the system, without its number."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) or type(error).__name__

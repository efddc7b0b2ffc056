"""Requests described in a file, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pacer.errors import UsageError
from pacer.request import Expectation, Request, build_request, expectation
from pacer.target import Url, parse_url

_KEYS: dict[str, type] = {"path": str, "url": str, "method": str, "headers": dict, "body": str, "weight": int,
                          "expect": dict}
_EXPECT_KEYS: dict[str, type] = {"status": int, "length": int, "sha256": str}
_TYPES = {str: "a text", int: "a whole number", dict: "an object"}
_MAX_DIGITS = 15


def read_requests(path: Path, url: Url, *, headers: tuple[tuple[str, str], ...], keepalive: bool,
                  expect: Expectation | None) -> tuple[Request, ...]:
    """Read requests, one JSON object a line: path (or url), method, headers, body, weight, expect.

    `headers` are added to each, `expect` holds where a line has none. Raises UsageError naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise UsageError(f"cannot read requests from {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"cannot read requests from {path}: it is not UTF-8 text ({error})") from error
    requests = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                requests.append(_read_request(line, url, headers=headers, keepalive=keepalive, expect=expect))
            except json.JSONDecodeError as error:
                raise UsageError(f"{path}, line {number}: not JSON: {error.msg} at column {error.colno}") from error
            except RecursionError as error:
                raise UsageError(f"{path}, line {number}: nested too deeply for a request") from error
            except (UsageError, ValueError) as error:
                raise UsageError(f"{path}, line {number}: {error}") from error
    if not requests:
        raise UsageError(f"{path} holds no request: write one JSON object a line")
    return tuple(requests)


def _read_request(line: str, url: Url, *, headers: tuple[tuple[str, str], ...], keepalive: bool,
                  expect: Expectation | None) -> Request:
    given = json.loads(line, object_pairs_hook=_object, parse_int=_whole)
    if not isinstance(given, dict):
        raise ValueError("not a JSON object")         # noqa: TRY004 - the file is wrong, not the program
    _check_keys(given, _KEYS)
    weight = given.get("weight", 1)
    if weight < 1:
        raise ValueError("the weight must be at least 1")
    body = given.get("body")
    own = given.get("headers", {})
    for name, value in own.items():
        if not isinstance(value, str):
            raise ValueError(f"the header {name} is not a text: put it in quotes")   # noqa: TRY004 - as above
    method = given.get("method", "GET" if body is None else "POST").upper()
    return build_request(_url_of(given, url), method=method, headers=headers + tuple(own.items()),
                         keepalive=keepalive, body=None if body is None else _bytes(body), weight=weight,
                         expect=_expectation_of(given["expect"]) if "expect" in given else expect)


def _url_of(given: dict[str, Any], url: Url) -> Url:
    if "path" in given and "url" in given:
        raise ValueError("both path and url: one of them is enough")
    if "path" in given:
        if not given["path"].startswith("/"):
            raise ValueError(f"the path '{given['path']}' does not begin with /")
        return parse_url(f"{'https' if url.tls else 'http'}://{url.authority}{given['path']}")
    if "url" in given:
        other = parse_url(given["url"])
        if (other.tls, other.host, other.port) != (url.tls, url.host, url.port):
            raise ValueError(f"'{given['url']}' is on another server than {url.text}: a run loads one")
        return other
    return url


def _expectation_of(given: dict[str, Any]) -> Expectation | None:
    _check_keys(given, _EXPECT_KEYS)
    return expectation(given.get("status"), given.get("length"), given.get("sha256"))


def _check_keys(given: dict[str, Any], allowed: dict[str, type]) -> None:
    for key, value in given.items():
        if key not in allowed:
            raise ValueError(f"unknown key '{key}'; allowed are {', '.join(allowed)}")
        if not isinstance(value, allowed[key]) or isinstance(value, bool):
            raise ValueError(f"'{key}' has to be {_TYPES[allowed[key]]}")   # noqa: TRY004 - as above


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys are all different."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _bytes(body: str) -> bytes:
    try:
        return body.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the body holds half a character (a lone surrogate)") from error

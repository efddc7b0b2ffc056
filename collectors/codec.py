"""Frozen dataclasses to plain JSON values and back, driven by their annotations.

Understood: str, int, float, bool, None and unions with it, Literal, tuple[X, ...], Mapping[str, X],
dataclasses. A float is written as it is; an int read where a float is declared becomes a float, so a round
trip is exact.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from collectors.errors import ReadError

T = TypeVar("T")


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON values have no narrower type
    """Return the plain JSON value of a dataclass, tuple, mapping or scalar."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(kind: type[T], value: object, *, file: Path | str) -> T:
    """Return the dataclass a JSON value holds; ReadError that names the key where it does not fit."""
    result: T = _decode(kind, value, kind.__name__, file)
    return result


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, value: object, where: str, file: Path | str) -> Any:  # noqa: ANN401 - any annotation
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, value, where, file)
    if origin in (Union, types.UnionType):
        return _union(kind, value, where, file)
    if origin is Literal:
        if value in get_args(kind):
            return value
        raise _wrong(where, f"one of {', '.join(map(str, get_args(kind)))}", value, file)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value, file)
        item = get_args(kind)[0]
        return tuple(_decode(item, each, f"{where}[{index}]", file) for index, each in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value, file)
        item = get_args(kind)[1]
        return {key: _decode(item, each, f"{where}.{key}", file) for key, each in value.items()}
    return _scalar(kind, value, where, file)


def _dataclass(kind: type, value: object, where: str, file: Path | str) -> Any:  # noqa: ANN401 - any dataclass
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value, file)
    hints = _hints(kind)
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise ReadError(f"{where} has the unknown key {unknown[0]}", file=file)
    given = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            given[field.name] = _decode(hints[field.name], value[field.name], f"{where}.{field.name}", file)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ReadError(f"{where}.{field.name} is missing", file=file)
    return kind(**given)


def _union(kind: Any, value: object, where: str, file: Path | str) -> Any:  # noqa: ANN401 - any annotation
    members = [each for each in get_args(kind) if each is not type(None)]
    if value is None and len(members) < len(get_args(kind)):
        return None
    failure: ReadError | None = None
    for member in members:
        if member is float and type(value) is int and int in members:
            continue
        try:
            return _decode(member, value, where, file)
        except ReadError as error:
            failure = failure or error
    raise failure or _wrong(where, "as declared", value, file)


def _scalar(kind: Any, value: object, where: str, file: Path | str) -> Any:  # noqa: ANN401 - any annotation
    if kind is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]  # narrowed by the line above
    if type(value) is kind:
        return value
    names = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}
    raise _wrong(where, names.get(kind, str(kind)), value, file)


def _wrong(where: str, what: str, value: object, file: Path | str) -> ReadError:
    return ReadError(f"{where} is not {what}", file=file, text=repr(value))

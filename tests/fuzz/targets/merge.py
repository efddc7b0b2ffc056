"""pacer/merge.py: results of several generators, one of them any JSON object, put together."""

from __future__ import annotations

import json
from typing import Any

from pacer.errors import UsageError
from pacer.merge import merge_results
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, check_figures, documents, patch_seeds, read_twice

SOUND = documents("pacer/sample.json")["sample"]
SIBLING = SOUND | {"host": SOUND["host"] | {"name": "other"}}
DOCUMENTS = documents("pacer/sample.json", "pacer/closed.json", "pacer/errors.json")


def check(data: bytes) -> bool:
    """A result in order, or a UsageError."""
    try:
        result: Any = json.loads(patched(data, DOCUMENTS))
    except (ValueError, RecursionError):
        return False
    if not isinstance(result, dict):
        return False
    accepted = False
    for parts in ([SIBLING, result], [result, result | {"host": SIBLING["host"]}]):
        merged = read_twice(lambda parts=parts: merge_results(parts), UsageError)  # type: ignore[misc]
        if merged is not None:
            accepted = True
            check_figures(
                {
                    key: merged[key]
                    for key in ("counts", "failures", "rates", "connections", "latency", "series", "cost")
                }
            )
            json.dumps(merged, allow_nan=False, ensure_ascii=False).encode("utf-8")
    return accepted


TARGET = Target(check=check, seeds=lambda: patch_seeds(DOCUMENTS), shape="json", documents=DOCUMENTS)

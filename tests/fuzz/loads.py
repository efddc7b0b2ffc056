"""What holds for a load generator's result, whichever reader made it."""

from __future__ import annotations

from collectors.cli_read import describe
from collectors.codec import from_json, to_json
from collectors.jsonio import dump, parse_object
from collectors.model import LoadResult
from collectors.verdicts import Measured, judge
from tests.fuzz.target import check_figures

SIGNED = frozenset({"value", "limit"})  # a check's own: a difference may be negative


def check_load(result: LoadResult) -> None:
    """Its figures are possible, it survives being stored, and it can be judged and described."""
    check_figures(result, signed=SIGNED)
    stored = dump(to_json(result))
    stored.encode("utf-8")
    assert from_json(LoadResult, parse_object(stored, "x"), file="x") == result
    counts = result.counts
    assert counts.ok is None or counts.ok <= counts.completed
    for verdict in judge(Measured(load=result, load_on="client", path="link")):
        check_figures(verdict, signed=SIGNED)
    assert all(line.isprintable() for line in describe(result.tool, result))

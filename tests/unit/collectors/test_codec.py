"""Data to JSON and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.codec import from_json, to_json
from collectors.derive import Context, derive
from collectors.errors import ReadError
from collectors.jsonio import dump, parse_object, write_json
from collectors.link import LinkFigures, measure_link
from collectors.model import Evidence, Latency, LoadResult, Verdict
from collectors.readers.pacer import read_pacer
from collectors.record import context_of
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.summarise import summarise
from collectors.summary import Summary
from tests.unit.collectors.builders import Campaign, Given, link_raw
from tests.unit.collectors.tool_output import GOLDEN

numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**12))
latencies = st.builds(
    Latency,
    kind=st.sampled_from(["corrected", "service", "lag", "wait"]),
    recorded=st.one_of(st.none(), st.integers(0, 10**9)),
    censored=st.integers(0, 1000),
    mean_us=st.one_of(st.none(), st.floats(0, 1e12)),
    percentiles_us=st.dictionaries(st.sampled_from(["50", "99", "99.9"]), st.one_of(st.none(), st.floats(0, 1e12))),
    at_least=st.lists(st.sampled_from(["50", "max"]), unique=True).map(tuple),
    truncated=st.booleans(),
)


@given(latency=latencies)
def test_latency_round_trip(latency: Latency) -> None:
    text = json.dumps(to_json(latency), allow_nan=False)
    assert from_json(Latency, json.loads(text), file="x") == latency


@given(value=numbers, limit=st.one_of(numbers, st.text(max_size=20)))
def test_verdict_round_trip(value: float | None, limit: float | str | None) -> None:
    verdict = Verdict(kind="errors", evidence=(Evidence(what="a", value=value, limit=limit, unit="", where="b"),))
    assert from_json(Verdict, json.loads(json.dumps(to_json(verdict))), file="x") == verdict


@pytest.mark.parametrize("name", ["steady", "overload", "errors", "timeouts", "closed", "light"])
def test_load_result_round_trip(name: str) -> None:
    path = GOLDEN / "pacer" / f"{name}.json"
    result = read_pacer(path.read_text(encoding="utf-8"), path)
    assert from_json(LoadResult, parse_object(dump(to_json(result)), "x"), file="x") == result


def test_run_link_and_summary_round_trip(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path)
    planned = campaign.run_of("flask", "agents", "sustained")
    where = campaign.leave(planned, Given())
    folder = ResultsFolder(tmp_path)
    run = derive(where, context_of(folder, planned["id"]))
    assert from_json(Run, parse_object(dump(to_json(run)), "x"), file="x") == run
    figures = measure_link(link_raw(tmp_path), nominal_mbit=1000)
    assert from_json(LinkFigures, parse_object(dump(to_json(figures)), "x"), file="x") == figures
    (where / "run.json").write_text("{}", encoding="utf-8")
    summary, _ = summarise(folder)
    assert from_json(Summary, parse_object(dump(to_json(summary)), "x"), file="x") == summary
    assert Context.__dataclass_params__.frozen  # type: ignore[attr-defined]  # dataclasses keeps it there


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recorded": "many"}, "Latency.recorded is not a whole number"),
        ({"kind": "other"}, "Latency.kind is not one of corrected, service"),
        ({"at_least": "50"}, "Latency.at_least is not a list"),
        ({"percentiles_us": {"50": True}}, "Latency.percentiles_us.50 is not a number"),
        ({"surprise": 1}, "Latency has the unknown key surprise"),
        ({"truncated": 1}, "Latency.truncated is not true or false"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(ReadError, match=said):
        from_json(Latency, {"kind": "service", "recorded": 3} | change, file="x.json")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ReadError, match=r"x\.json: Latency\.kind is missing"):
        from_json(Latency, {"recorded": 3}, file="x.json")


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 2}
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]

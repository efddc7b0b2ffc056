"""Raw files with one thing wrong in them: a ReadError or a result, never anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.errors import ReadError
from collectors.machine import figures
from collectors.readers.counters import read_counters
from collectors.readers.iperf3 import read_iperf3
from collectors.readers.pacer import read_pacer
from collectors.readers.ping import read_ping
from collectors.readers.run_files import read_contract, read_load_exit, read_stop
from collectors.verdicts import Measured, judge
from tests.unit.collectors.builders import Campaign, Given
from tests.unit.collectors.tool_output import GOLDEN, Snapshot, counters, golden_json

JUNK = st.sampled_from([None, True, -1, 0, 10**400, 1.5, "", "text", [], {}, [1], {"a": 1}, -(10**20), "NaN"])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def spoiled(document: Any, data: st.DataObject) -> str:
    """The document with junk, or nothing, in one place."""
    path = data.draw(st.sampled_from(places(document)))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if data.draw(st.booleans()):
        inner[path[-1]] = data.draw(JUNK)
    else:
        del inner[path[-1]]
    return json.dumps(document)


@given(data=st.data(), name=st.sampled_from(["steady", "overload", "closed"]))
def test_pacer(data: st.DataObject, name: str) -> None:
    try:
        result = read_pacer(spoiled(golden_json(f"pacer/{name}.json"), data), "x")
    except ReadError:
        return
    assert judge(Measured(load=result, load_on="client", path="link"))


@given(data=st.data(), name=st.sampled_from(["forward", "bidir"]))
def test_iperf3(data: st.DataObject, name: str) -> None:
    try:
        read_iperf3(spoiled(golden_json(f"iperf3/{name}.json"), data), "x")
    except ReadError:
        return


@given(
    text=st.text(alphabet="PING 0123456789.-bytes from icmp_seq=ttl time=ms\n,%()", max_size=300),
    at=st.integers(0, 1300),
)
def test_ping(text: str, at: int) -> None:
    whole = (GOLDEN / "ping" / "ping.txt").read_text(encoding="utf-8")
    try:
        read_ping(whole[:at] + text + whole[at:], "x")
    except ReadError:
        return


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_counters(data: st.DataObject, tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(counters("server", "before")), encoding="utf-8")
    after.write_text(spoiled(counters("server", "after", Snapshot()), data), encoding="utf-8")
    try:
        figures(read_counters(before), read_counters(after), file="after.json")
    except ReadError:
        return


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    campaign = Campaign(tmp_path_factory.mktemp("campaign"))
    return campaign.leave(campaign.run_of("flask", "index", "sustained"), Given(died=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["contract.json", "stop.json", "load-exit.json"]))
def test_small_files(data: st.DataObject, name: str, run_folder: Path, tmp_path: Path) -> None:
    reader: Any = {"contract.json": read_contract, "stop.json": read_stop, "load-exit.json": read_load_exit}[name]
    document = json.loads((run_folder / name).read_text(encoding="utf-8"))
    path = tmp_path / name
    path.write_text(spoiled(document, data), encoding="utf-8")
    try:
        reader(path)
    except ReadError:
        return

"""Counters of two moments become figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collectors.errors import ReadError
from collectors.machine import figures
from collectors.model import MachineFigures
from collectors.readers.counters import read_counters
from tests.unit.collectors.builders import write
from tests.unit.collectors.tool_output import Snapshot, counters


def made(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> MachineFigures:
    write(folder / "before.json", before)
    write(folder / "after.json", after)
    return figures(read_counters(folder / "before.json"), read_counters(folder / "after.json"), file="after.json")


def test_figures(tmp_path: Path) -> None:
    change = Snapshot(busy=0.42, steal=0.01, swapped=3, overflows=31, daemon_cpu_s=8.5, clock_step_ms=-12.5)
    found = made(tmp_path, counters("server", "before"), counters("server", "after", change))
    assert (found.interval_s, found.cores, found.busiest_core) == (30.0, (0,), 0)
    assert found.cpu_mean_share == pytest.approx(0.43), "steal is time the machine wanted and did not have"
    assert found.steal_share == pytest.approx(0.01)
    assert (found.interface, found.wire_tx_bytes, found.wire_rx_bytes, found.wire_drops) == (
        "lab0",
        40_000_000,
        2_000_000,
        0,
    )
    assert (found.listen_overflows, found.retransmitted_segments, found.swapped_pages) == (31, 0, 3)
    assert (found.daemon_cpu_s, found.daemon_memory_bytes, found.daemon_tasks) == (8.5, 2**28, 17)
    assert found.clock_step_ms == -12.5


def test_the_busiest_core_and_the_mean(tmp_path: Path) -> None:
    before, after = counters("server", "before"), counters("server", "after", Snapshot(busy=0.2))
    for document, busy in ((before, 0), (after, 2700)):
        document["cpus"] = [0, 3]
        document["cpu"]["3"] = {
            "user": busy,
            "nice": 0,
            "system": 0,
            "idle": 3000 - busy if busy else 0,
            "iowait": 0,
            "irq": 0,
            "softirq": 0,
            "steal": 0,
        }
    found = made(tmp_path, before, after)
    assert found.busiest_core == 3
    assert found.busiest_core_share == pytest.approx(0.9)
    assert found.cpu_mean_share == pytest.approx(0.55)


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    before, after = counters("client", "before"), counters("client", "after", Snapshot())
    for document in (before, after):
        document |= {
            "cpu": {},
            "net": {"lo": {"rx_bytes": 1, "tx_bytes": 1}},
            "tcp": {},
            "vm": {},
            "daemon": None,
        }
    found = made(tmp_path, before, after)
    assert {
        found.cpu_mean_share,
        found.busiest_core,
        found.steal_share,
        found.interface,
        found.wire_tx_bytes,
        found.listen_overflows,
        found.swapped_pages,
        found.daemon_cpu_s,
        found.daemon_memory_bytes,
    } == {None}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("monotonic_ns", 1, "one after the other"),
        ("machine", "client", "one machine"),
        ("schema_version", 2, "schema_version is not 1"),
        ("cpus", "0", "cpus is not a list of whole numbers"),
        ("net", {"lab0": {"rx_bytes": "many"}}, "net.lab0.rx_bytes is not"),
    ],
)
def test_counters_that_do_not_fit(tmp_path: Path, key: str, value: object, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        made(tmp_path, counters("server", "before"), counters("server", "after", Snapshot()) | {key: value})

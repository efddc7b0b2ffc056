"""Memory and connections: samples, figures of daemons that hold what is known, tables that say what is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.codec import from_json, to_json
from collectors.errors import ReadError
from collectors.limits import CONNECTIONS_FOR_MEMORY
from collectors.memory.figures import run_memory
from collectors.memory.model import MemoryRow, RunMemory
from collectors.memory.tables import HEAD, row_cells
from collectors.readers.telemetry import read_telemetry
from collectors.record import record
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from collectors.summary import Summary
from collectors.tables import WIDTH, markdown, text
from collectors.units import DASH
from tests.unit.collectors.builders import Campaign, Given, plan
from tests.unit.collectors.holders import PER_CONNECTION, run_against, sample

STARTED = "2026-03-01T10:00:00.000Z"
MIB = 2**20


def lines(path: Path, samples: Sequence[dict[str, Any]], end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(each) for each in samples) + end, encoding="utf-8")
    return path


def open_at(accepted: int, mib: float, threads: int = 5, **more: Any) -> dict[str, Any]:
    held = {"connections": {"accepted": accepted, "waiting": 0}, "anon_bytes": round(mib * MIB), "threads": threads}
    return {**held, **more}


def usual(accepted: int = 500, mib: float = 50, threads: int = 5, **more: Any) -> list[dict[str, Any]]:
    """Samples of a load of 3 s of warm-up and 25 s: before it, in it, after it."""
    loaded = [sample(second, held=open_at(accepted, mib, threads, **more)) for second in range(1, 28)]
    first, last = {"source": more["source"]} if "source" in more else {}, {}
    if "group" in more:
        first = {**first, "group": {**more["group"], "kernel_bytes": 0, "sock_bytes": 0}}
        last = {**first}
    return [sample(-2, held=first), *loaded, sample(31, held=last)]


# -- the reader ---------------------------------------------------------------------------------------------


def test_a_line_that_was_being_written_when_the_sampler_was_ended_is_left_out(tmp_path: Path) -> None:
    path = lines(tmp_path / "server.jsonl", [sample(1), sample(2)])
    whole = read_telemetry(path)
    path.write_text(path.read_text(encoding="utf-8") + '{"schema_version": 1, "mono', encoding="utf-8")
    assert (read_telemetry(path), len(whole)) == (whole, 2)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "no sample in it"),
        ([sample(1), sample(1)], "line 2: a sample is not later than the one before it"),
        ([sample(1), sample(2, held={"schema_version": 2})], "line 2: schema_version is not 1, the only one"),
        ([sample(1, held={"threads": -1})], "line 1: threads is not a whole number of at least 0"),
        ([sample(1, held={"source": "guess"})], "line 1: source is not group or processes"),
        ([sample(1, held={"group": {}})], "line 1: group.kernel_bytes is missing"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(samples: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "server.jsonl", samples, end="\n" if samples else "")
    with pytest.raises(ReadError) as refusal:
        read_telemetry(path)
    assert said in str(refusal.value)


def test_a_line_that_is_no_json_is_refused_with_its_number(tmp_path: Path) -> None:
    path = lines(tmp_path / "server.jsonl", [sample(1)])
    path.write_text(path.read_text(encoding="utf-8") + "{half\n", encoding="utf-8")
    with pytest.raises(ReadError, match=r"line 2: broken JSON"):
        read_telemetry(path)


# -- one run ------------------------------------------------------------------------------------------------


def figures(path: Path, **more: Any) -> RunMemory:
    return run_memory(path, **{"asked": 500, "started_utc": STARTED, "load_s": 28.0, **more})


def test_growth_is_per_thousand_connections_that_were_really_open(tmp_path: Path) -> None:
    found = figures(lines(tmp_path / "a", usual(accepted=400, mib=60, threads=205)))
    assert (found.idle.anon_bytes, found.loaded.anon_bytes) == (40 * MIB, 60 * MIB)
    assert found.anon_growth_bytes == 50 * MIB
    assert found.threads_growth == 500
    assert found.kernel_growth_bytes is None
    assert found.samples == 14
    assert found.cost_share == pytest.approx(28 * 0.002 / 33, rel=1e-6)


def test_what_the_kernel_holds_is_told_where_it_is_charged(tmp_path: Path) -> None:
    group = {"current_bytes": 1, "anon_bytes": 1, "file_bytes": 1, "kernel_bytes": 3 * MIB, "sock_bytes": MIB}
    found = figures(lines(tmp_path / "a", usual(accepted=500, source="group", group=group)))
    assert (found.source, found.kernel_growth_bytes) == ("group", 8 * MIB)


def test_a_few_samples_that_stand_out_move_nothing(tmp_path: Path) -> None:
    samples = usual(mib=50)
    samples[20] |= {"anon_bytes": 900 * MIB, "threads": 400}
    assert figures(lines(tmp_path / "a", samples)).loaded.anon_bytes == 50 * MIB


def test_with_few_connections_open_there_is_no_growth(tmp_path: Path) -> None:
    few = figures(lines(tmp_path / "a", usual(accepted=CONNECTIONS_FOR_MEMORY - 1)))
    enough = figures(lines(tmp_path / "b", usual(accepted=CONNECTIONS_FOR_MEMORY)))
    assert (few.anon_growth_bytes, few.threads_growth) == (None, None)
    assert enough.anon_growth_bytes == pytest.approx(100 * MIB)


@pytest.mark.parametrize("clock_s", [1_772_359_200 - 3600, 1_772_359_200 + 3600])
def test_clocks_that_differ_by_an_hour_give_no_figures(clock_s: float, tmp_path: Path) -> None:
    path = lines(tmp_path / "a", [sample(second, clock_s=clock_s) for second in range(-2, 30)])
    with pytest.raises(ReadError, match="the machines' clocks differ"):
        figures(path)


@pytest.mark.parametrize(("first", "said"), [(1, "1.00 s after"), (-11, "11.0 s before")])
def test_clocks_that_differ_by_seconds_give_no_figures(first: int, said: str, tmp_path: Path) -> None:
    """All samples of the second half are there, yet they are not from it."""
    path = lines(tmp_path / "a", [sample(second) for second in range(first, 30)])
    with pytest.raises(ReadError, match=rf"but {said} its begin: the machines' clocks differ"):
        figures(path)


def test_a_sampler_that_ended_early_gives_no_figures(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="the sampler ended"):
        figures(lines(tmp_path / "a", usual()[:10]))


@pytest.mark.parametrize("started", [None, "", "yesterday"])
def test_a_load_that_does_not_say_when_it_began_gives_no_figures(started: str | None, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="does not say when the load began"):
        figures(lines(tmp_path / "a", usual()), started_utc=started)


def test_the_figures_of_a_run_survive_its_record(tmp_path: Path) -> None:
    found = figures(lines(tmp_path / "a", usual()))
    assert from_json(RunMemory, json.loads(json.dumps(to_json(found))), file="x") == found


@pytest.mark.parametrize(("kind", "threads"), [("threads", 1000), ("loop", 0)])
def test_real_daemons_hold_what_they_are_made_to_hold(kind: str, threads: float, tmp_path: Path) -> None:
    """1 MB for each connection, and a thread for each or none: nothing here is a file that somebody wrote."""
    connections, duration_s = 150, 6.0
    started = run_against(kind, tmp_path, connections=connections, duration_s=duration_s, rate=100)
    found = figures(tmp_path / "telemetry/server.jsonl", asked=connections, started_utc=started, load_s=duration_s)
    assert (found.idle.accepted, found.loaded.accepted) == (0, connections)
    assert found.threads_growth == threads
    assert found.anon_growth_bytes == pytest.approx(1000 * PER_CONNECTION, rel=0.1)
    assert found.cost_share <= 0.01


def test_a_real_daemon_that_closes_its_connections_holds_none(tmp_path: Path) -> None:
    started = run_against("closing", tmp_path, connections=150, duration_s=6.0, rate=100)
    found = figures(tmp_path / "telemetry/server.jsonl", asked=150, started_utc=started, load_s=6.0)
    assert found.loaded.accepted < CONNECTIONS_FOR_MEMORY
    assert found.anon_growth_bytes is None


# -- a campaign ---------------------------------------------------------------------------------------------


def campaign(directory: Path, blocks: int = 1, **telemetry: Sequence[dict[str, Any]] | None) -> Summary:
    """A campaign of the round sustained alone, which measures memory; keyed by daemon, `_2` for the second block."""
    document = plan(rounds=("sustained",), blocks=blocks)
    document["rounds"]["sustained"] |= {"measures": "memory", "connections": 500, "endpoints": ["index"]}
    document["runs"] = [run for run in document["runs"] if run["endpoint"] == "index"]
    made = Campaign(directory, document)
    for run in document["runs"]:
        folder = made.leave(run, Given(keep_alive=run["service"] != "django"))
        name = str(run["service"]).replace("-", "")
        samples = telemetry.get(f"{name}_{run['block']}", telemetry.get(name, usual()))
        if samples is not None:
            lines(folder / "telemetry/server.jsonl", samples)
        record(ResultsFolder(directory), run["id"])
    return summarise(ResultsFolder(directory))[0]


def rows_of(summary: Summary) -> dict[str, MemoryRow]:
    (table,) = summary.memory
    return {row.service: row for row in table.rows}


def cells_of(row: MemoryRow) -> dict[str, str]:
    return dict(zip(("app", "endpoint", "open", "mem0", "mem", "growth", "kernel", "rss", "threads0", "threads",
                     "threads_growth", "processes"), row_cells(row), strict=True))  # fmt: skip


def test_the_table_says_what_a_daemon_needs_for_a_thousand_connections(tmp_path: Path) -> None:
    rows = rows_of(campaign(tmp_path, apihour=usual(mib=50), flask=usual(mib=65, threads=255)))
    assert cells_of(rows["api-hour"]) == {
        "app": "api-hour", "endpoint": "/index", "open": "500 of 500", "mem0": "40.0 MiB", "mem": "50.0 MiB",
        "growth": "20.0", "kernel": DASH, "rss": "90.0 MiB", "threads0": "5", "threads": "5", "threads_growth": "0",
        "processes": "3",
    }  # fmt: skip
    assert (cells_of(rows["flask"])["growth"], cells_of(rows["flask"])["threads_growth"]) == ("50.0", "500")
    assert rows["flask"].remark is None


def test_a_daemon_that_closes_its_connections_gets_a_dash_and_a_sentence(tmp_path: Path) -> None:
    row = rows_of(campaign(tmp_path, django=usual(accepted=1)))["django"]
    assert (cells_of(row)["growth"], cells_of(row)["threads_growth"]) == (DASH, DASH)
    assert row.remark == (
        "had 1 of 500 connections open; it closes each after its reply; too few to tell what one needs"
    )


def test_a_daemon_that_takes_part_of_them_is_said_to_and_measured_by_what_it_took(tmp_path: Path) -> None:
    part = usual(mib=45, connections={"accepted": 250, "waiting": 30})
    row = rows_of(campaign(tmp_path, flask=part))["flask"]
    assert cells_of(row)["growth"] == "20.0"
    assert row.remark == (
        "had 250 of 500 connections open; each is used every 1.25 s; 30 waited to be accepted"
    )


def test_a_run_without_telemetry_says_so_and_keeps_its_other_figures(tmp_path: Path) -> None:
    summary = campaign(tmp_path, flask=None)
    row = rows_of(summary)["flask"]
    assert set(row_cells(row)[3:]) == {DASH}
    assert row.remark is not None
    assert "no such file" in row.remark
    assert summary.tables[0].rows[1].completed_per_s is not None


def test_six_blocks_give_an_interval_and_a_block_without_figures_takes_it_away(tmp_path: Path) -> None:
    loads = {f"flask_{block}": usual(mib=40 + block) for block in range(1, 7)}
    row = rows_of(campaign(tmp_path / "all", blocks=6, **loads))["flask"]
    assert row.anon_growth_bytes is not None
    assert (row.anon_growth_bytes.low, row.anon_growth_bytes.high) == (2 * MIB, 12 * MIB)
    assert cells_of(row)["growth"] == "7.00 (2.00 to 12.0)"
    loads["flask_3"] = usual(accepted=5)
    assert rows_of(campaign(tmp_path / "few", blocks=6, **loads))["flask"].anon_growth_bytes is None


def test_what_memory_is_is_said_as_it_was_measured(tmp_path: Path) -> None:
    (table,) = campaign(tmp_path).memory
    assert any("Pss_Anon" in note for note in table.notes)
    assert any(note.startswith("looking took at most 0.17% of one") for note in table.notes)
    group = {"current_bytes": 1, "anon_bytes": 1, "file_bytes": 1, "kernel_bytes": 1, "sock_bytes": 1}
    charged = usual(source="group", group=group)
    (table,) = campaign(tmp_path / "group", django=charged, flask=charged, apihour=charged).memory
    assert any("memory.stat" in note for note in table.notes)
    assert not any("Pss_Anon" in note for note in table.notes)


def test_text_markdown_and_page_have_the_section(tmp_path: Path) -> None:
    summary = campaign(tmp_path, flask=usual(mib=65, threads=255), django=usual(accepted=1))
    shown = text(summary)
    assert "Memory and connections, sustained" in shown
    assert max(map(len, shown[shown.index("Memory and connections"):].splitlines()[1:])) <= WIDTH
    assert "## Memory and connections: sustained" in markdown(summary)
    assert main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<section id="memory"' in page
    assert '<a href="#memory">' in page
    for words in (*HEAD, "too few to tell what one needs", "65.0 MiB"):
        assert words in page


def test_a_table_that_is_too_wide_for_a_terminal_leaves_columns_out(tmp_path: Path) -> None:
    """Six blocks have intervals, which are wide."""
    loads = {f"flask_{block}": usual(mib=40 + block, threads=100 + block) for block in range(1, 7)}
    shown = text(campaign(tmp_path, blocks=6, **loads)).splitlines()
    (head,) = [line for line in shown if line.startswith("app") and "MiB/1000" in line]
    rows = shown[shown.index(head) : shown.index(head) + 4]
    assert max(map(len, rows)) <= WIDTH
    assert "kernel" not in head
    assert "7.00 (2.00 to 12.0)" in rows[2]


def test_a_campaign_that_measures_no_memory_has_no_section(tmp_path: Path) -> None:
    document = plan(rounds=("sustained",))
    made = Campaign(tmp_path, document)
    for run in document["runs"]:
        lines(made.leave(run, Given()) / "telemetry/server.jsonl", usual())
        record(ResultsFolder(tmp_path), run["id"])
    summary = summarise(ResultsFolder(tmp_path))[0]
    assert summary.memory == ()
    assert "Memory and connections" not in text(summary) + markdown(summary)

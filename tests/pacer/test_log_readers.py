"""A log of a real run, errors among it, as HdrHistogram's implementations for Python and JavaScript read it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from pacer.histogram import Histogram, cell_high, cell_of, rank_of
from pacer.merge_checks import wall_ns
from pacer.recording import TAGS
from tests.pacer.servers import serving
from tests.pacer.support import ROOT, pacer

NODE = ROOT / "tests" / "node"
PERCENTILES = ("50", "75", "90", "99", "99.9")
CELL = 1 / 1024
"""The width of a cell as a share of its value: what three digits can tell apart."""


@dataclass
class Run:
    """A result and its log."""

    result: dict[str, Any]
    log: Path


@dataclass
class Seen:
    """A distribution as another implementation sees it."""

    n: int
    max_ns: int
    mean_ns: float
    percentiles: dict[str, int]
    counts: dict[int, int]      # a cell's highest value -> how many


@dataclass
class Log:
    """A log as another implementation sees it; intervals by second and tag, times as seconds since 1970."""

    intervals: dict[tuple[int, str], Seen]
    starts_s: set[float]
    lengths_s: set[float]
    totals: dict[str, Seen]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of which about a third fails, since those requests expect another status than they get."""
    folder = tmp_path_factory.mktemp("log")
    requests = folder / "requests.jsonl"
    requests.write_text('{"path": "/good", "weight": 2}\n{"path": "/bad", "expect": {"status": 201}}\n')
    with serving("ok") as url:
        ran = pacer("-R", 500, "-c", 5, "-d", 3, "--warmup", "200ms", "--requests-file", requests, "--seed", 3,
                    "--json", folder / "load.json", "--hlog", folder / "load.hlog", f"{url}/")
    assert ran.status == 4, ran.err
    return Run(json.loads((folder / "load.json").read_text()), folder / "load.hlog")


def _python(histogram: HdrHistogram) -> Seen:
    return Seen(n=histogram.get_total_count(), max_ns=histogram.get_max_value(), mean_ns=histogram.get_mean_value(),
                percentiles={name: histogram.get_value_at_percentile(float(name)) for name in PERCENTILES},
                counts={histogram.get_highest_equivalent_value(item.value_iterated_to): item.count_at_value_iterated_to
                        for item in histogram.get_recorded_iterator()})


def read_with_python(path: Path) -> Log:
    log = Log({}, set(), set(), {})
    totals: dict[str, HdrHistogram] = {}
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3600 * 10**9, 3))
    while (one := reader.get_next_interval_histogram()) is not None:
        start_s, end_s = one.get_start_time_stamp() / 1000, one.get_end_time_stamp() / 1000
        log.intervals[round(start_s - reader.get_start_time_sec()), one.get_tag()] = _python(one)
        log.starts_s.add(round(start_s, 3))
        log.lengths_s.add(round(end_s - start_s, 3))
        totals.setdefault(one.get_tag(), HdrHistogram(1, 3600 * 10**9, 3)).add(one)
    reader.close()
    log.totals = {tag: _python(total) for tag, total in totals.items()}
    return log


def read_with_javascript(path: Path) -> Log:
    assert (NODE / "node_modules").is_dir(), "HdrHistogram for JavaScript is missing: make .cache/test-node.done"
    done = subprocess.run(["node", str(NODE / "read-log.mjs"), str(path)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)

    def seen(one: dict[str, Any]) -> Seen:
        return Seen(n=one["n"], max_ns=one["max"], mean_ns=one["mean"], percentiles=one["percentiles"],
                    counts=dict(one["counts"]))

    first_ms = min(one["start_ms"] for one in found["intervals"])
    return Log(intervals={(round((one["start_ms"] - first_ms) / 1000), one["tag"]): seen(one)
                          for one in found["intervals"]},
               starts_s={round(one["start_ms"] / 1000, 3) for one in found["intervals"]},
               lengths_s={round((one["end_ms"] - one["start_ms"]) / 1000, 3) for one in found["intervals"]},
               totals={tag: seen(one) for tag, one in found["totals"].items()})


@pytest.fixture(scope="module", params=[read_with_python, read_with_javascript], ids=["python", "javascript"])
def log(request: pytest.FixtureRequest, ran: Run) -> Log:
    reader: Callable[[Path], Log] = request.param
    return reader(ran.log)


def test_the_run_has_answers_and_errors(ran: Run) -> None:
    counts = ran.result["counts"]
    assert counts["scheduled"] == 1500
    assert counts["ok"] > 800
    assert ran.result["failures"]["validate"] > 300


def test_each_interval_has_the_counts_of_its_second(ran: Run, log: Log) -> None:
    seconds = {entry["second"]: entry for entry in ran.result["series"]}
    assert set(log.intervals) == {(second, tag) for second in seconds for tag in TAGS}
    for (second, tag), one in log.intervals.items():
        entry = seconds[second]
        count = {"corrected": entry["ok"], "service": entry["ok"], "error": entry["errors"], "lag": entry["sent"],
                 "wait": entry["sent"]}[tag]
        assert one.n == count == sum(one.counts.values()), (second, tag)


def test_each_interval_has_the_percentiles_of_its_second(ran: Run, log: Log) -> None:
    for entry in ran.result["series"]:
        one = log.intervals[entry["second"], "corrected"]
        if not one.n:
            continue
        assert one.max_ns == pytest.approx(entry["max_ns"], rel=CELL)
        for name, value in (("50", entry["p50_ns"]), ("99", entry["p99_ns"])):
            _near(one.percentiles[name], value, _histogram(one), name)


def test_intervals_are_a_second_and_follow_the_start(ran: Run, log: Log) -> None:
    began_s = wall_ns(ran.result["started_utc"]) / 1e9
    assert log.lengths_s == {1.0}
    assert log.starts_s == {round(began_s + entry["second"], 3) for entry in ran.result["series"]}


def test_the_added_intervals_are_the_results_distributions(ran: Run, log: Log) -> None:
    for tag in TAGS:
        latency, total = ran.result["latency"][tag], log.totals[tag]
        kept = Histogram.decode(ran.result["histograms"][tag])
        assert total.n == latency["n"]
        assert total.counts == {cell_high(cell): count for cell, count in kept.counts.items()}
        assert latency["censored"] == 0, "otherwise the result's figures would hold more than the log"
        assert total.max_ns == pytest.approx(latency["max_ns"], rel=CELL)
        assert total.mean_ns == pytest.approx(latency["mean_ns"], rel=CELL, abs=1)
        for name in PERCENTILES:
            if (value := latency["percentiles"][name]) is not None:
                _near(total.percentiles[name], value, kept, name)


def _histogram(one: Seen) -> Histogram:
    return Histogram({cell_of(value): count for value, count in one.counts.items()})


def _near(theirs: int, ours: int, histogram: Histogram, percent: str) -> None:
    """The same value within a cell's width; implementations round the rank differently, by one at most."""
    rank = rank_of(percent, histogram.n)
    low, high = histogram.at_rank(max(1, rank - 1)), histogram.at_rank(min(histogram.n, rank + 1))
    assert low is not None
    assert high is not None
    assert low * (1 - CELL) <= theirs <= high * (1 + CELL)
    assert low * (1 - CELL) <= ours <= high * (1 + CELL)

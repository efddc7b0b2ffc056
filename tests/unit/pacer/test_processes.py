"""Several processes, several machines, and putting their results together."""

from __future__ import annotations

import itertools
import json
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pacer.errors import UsageError
from pacer.histogram import Histogram
from pacer.merge import merge_results
from tests.unit.pacer.servers import serving
from tests.unit.pacer.support import SCHEMA, load, pacer, start


def test_processes_share_one_interleaved_schedule() -> None:
    with serving("record") as url:
        ran = load("-R", 200, "-c", 7, "-t", 3, "-d", 1, "--progress", f"{url}/")
        with urllib.request.urlopen(f"{url}/report") as answer:
            arrivals = json.load(answer)
    assert (ran.counts["scheduled"], ran.counts["ok"]) == (200, 200)
    assert ran.result["connections"]["established"] == 7
    assert ran.result["series"][0]["scheduled"] == 200
    assert ran.result["series"][0]["p50_ns"] > 0
    assert "sent 200" in ran.err
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(arrivals))
    assert gaps[len(gaps) // 2] == pytest.approx(5_000_000, rel=0.15), "evenly interleaved"


def test_processes_in_a_closed_loop() -> None:
    with serving("slow", 0.02) as url:
        ran = load("-c", 4, "-t", 2, "-d", "500ms", f"{url}/")
    assert ran.counts["ok"] == pytest.approx(60, abs=45)


def test_processes_that_cannot_connect_say_so_once() -> None:
    ran = pacer("-R", 10, "-c", 4, "-t", 2, "-d", 1, "http://127.0.0.1:1/")
    assert ran.status == 2
    assert ran.err.count("\n") == 1


def test_a_signal_reaches_all_processes() -> None:
    with serving("ok") as url:
        process = start("--format", "json", "-R", 100, "-c", 4, "-t", 2, "-d", 30, f"{url}/")
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        ran = process.finish()
    assert ran.balanced()
    assert ran.result["interrupted"] == "SIGTERM"
    assert ran.result["load"]["measured_s"] < 10


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Two machines' results of one schedule."""
    folder = tmp_path_factory.mktemp("shards")
    t0 = time.time() + 2.5
    with serving("ok") as url:
        both = [start("-R", 300, "-c", 3, "-d", "1s", "--arrival", "poisson", "--seed", 5, "--t0", f"{t0:.3f}",
                      "--shard", f"{number}/2", "--json", folder / f"{number}.json",
                      "--hlog", folder / f"{number}.hlog", f"{url}/") for number in range(2)]
        for process in both:
            ran = process.finish()
            assert ran.status in (0, 3), ran.err
    results = [json.loads((folder / f"{number}.json").read_text()) for number in range(2)]
    for number, result in enumerate(results):
        result["hlog"] = (folder / f"{number}.hlog").read_text()
    return results


def parts(shards: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    return [{key: value for key, value in shard.items() if key != "hlog"} for shard in shards], [
        shard["hlog"] for shard in shards]


def test_merged_shards_are_the_pooled_requests(shards: list[dict[str, Any]]) -> None:
    results, logs = parts(shards)
    merged = merge_results(results, logs)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(merged)
    pooled = Histogram()
    for result in results:
        pooled.add(Histogram.decode(result["histograms"]["corrected"]))
    assert Histogram.decode(merged["histograms"]["corrected"]).counts == pooled.counts
    assert merged["counts"]["scheduled"] == sum(result["counts"]["scheduled"] for result in results)
    assert abs(results[0]["counts"]["scheduled"] - results[1]["counts"]["scheduled"]) <= 1
    assert merged["load"]["rate_per_s"] == 300
    assert merged["load"]["connections"] == 6
    assert merged["load"]["shard"] is None
    assert merged["series"][0]["scheduled"] == sum(result["series"][0]["scheduled"] for result in results)
    assert merged["series"][0]["p50_ns"] == pytest.approx(pooled.percentile("50"), rel=0.05)
    assert merged["rates"]["ok_per_s"] == pytest.approx(sum(result["rates"]["ok_per_s"] for result in results))


def test_shards_began_together(shards: list[dict[str, Any]]) -> None:
    assert shards[0]["started_utc"][:21] == shards[1]["started_utc"][:21]


def test_without_logs_the_merged_series_has_no_percentiles(shards: list[dict[str, Any]]) -> None:
    assert merge_results(parts(shards)[0])["series"][0]["p50_ns"] is None


def test_independent_generators_add_their_rates(shards: list[dict[str, Any]]) -> None:
    results = [dict(result, load=dict(result["load"], shard=None)) for result in parts(shards)[0]]
    assert merge_results(results)["load"]["rate_per_s"] == 600


def spoil(result: dict[str, Any], section: str, name: str, value: object) -> dict[str, Any]:
    return dict(result, **{section: dict(result[section], **{name: value})})


def test_results_that_do_not_belong_together_are_refused(shards: list[dict[str, Any]]) -> None:
    one, two = parts(shards)[0]
    for results, says in (
            ([], "nothing to merge"),
            ([one], "these are there: 0; each is needed once"),
            ([one, one], "0, 0"),
            ([one, spoil(two, "load", "duration_s", 2)], "duration_s is"),
            ([one, spoil(two, "load", "seed", 6)], "different seed"),
            ([one, spoil(two, "load", "shard", None)], "different schedules"),
            ([one, dict(two, schema_version=2)], "version 1"),
            ([one, spoil(two, "histograms", "lag", "x")], "cannot be read")):
        with pytest.raises(UsageError, match=says):
            merge_results(results)
    with pytest.raises(UsageError, match="2 results, 1 logs"):
        merge_results([one, two], ["x"])


def test_the_merge_command(shards: list[dict[str, Any]], tmp_path: Path) -> None:
    names = []
    for number, result in enumerate(parts(shards)[0]):
        names.append(tmp_path / f"{number}.json")
        names[-1].write_text(json.dumps(result))
    ran = pacer("merge", *names)
    assert ran.status in (0, 3)
    assert ran.balanced()
    assert ran.result["tool"]["command"][:2] == ["pacer", "merge"]
    refused = pacer("merge", names[0], tmp_path / "missing.json")
    assert (refused.status, refused.out) == (1, "")


def test_a_start_that_has_passed_is_refused() -> None:
    with serving("ok") as url:
        ran = pacer("-R", 10, "-d", 1, "--t0", "2020-01-01T00:00:00Z", f"{url}/")
    assert ran.status == 1
    assert "too early" in ran.err

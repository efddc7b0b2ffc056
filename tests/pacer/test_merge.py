"""The results and logs of several generators as one."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pacer.errors import UsageError
from pacer.histogram import Histogram
from pacer.hlog import read_log, totals
from pacer.merge import merge_results
from pacer.recording import TAGS
from tests.pacer.servers import serving
from tests.pacer.support import SCHEMA, pacer, start

Json = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two machines' results and logs of one schedule; some of the requests fail."""
    folder = tmp_path_factory.mktemp("shards")
    requests = folder / "requests.jsonl"
    requests.write_text('{"path": "/good", "weight": 4}\n{"path": "/bad", "expect": {"status": 201}}\n')
    t0 = time.time() + 2.5
    with serving("ok") as url:
        both = [start("-R", 300, "-c", 3, "-d", "2s", "--arrival", "poisson", "--seed", 5, "--t0", f"{t0:.3f}",
                      "--requests-file", requests, "--shard", f"{number}/2", "--json", folder / f"{number}.json",
                      "--hlog", folder / f"{number}.hlog", f"{url}/") for number in range(2)]
        for process in both:
            ran = process.finish()
            assert ran.status in (3, 4), ran.err
    return folder


@pytest.fixture(scope="module")
def results(folder: Path) -> list[Json]:
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(2)]


@pytest.fixture(scope="module")
def logs(folder: Path) -> list[str]:
    return [(folder / f"{number}.hlog").read_text() for number in range(2)]


def test_merged_shards_are_the_pooled_requests(results: list[Json], logs: list[str]) -> None:
    merged = merge_results(results, logs)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(merged)
    for tag in (*TAGS, "censored_corrected"):
        pooled = Histogram()
        for result in results:
            pooled.add(Histogram.decode(result["histograms"][tag]))
        assert Histogram.decode(merged["histograms"][tag]).counts == pooled.counts
    for name in ("scheduled", "ok", "failed", "bytes_read"):
        assert merged["counts"][name] == sum(result["counts"][name] for result in results)
    assert merged["failures"]["validate"] > 0
    assert abs(results[0]["counts"]["scheduled"] - results[1]["counts"]["scheduled"]) <= 1
    load = merged["load"]
    assert (load["rate_per_s"], load["connections"], load["shard"], load["seed"]) == (300, 6, None, 5)
    assert merged["series"][0]["scheduled"] == sum(result["series"][0]["scheduled"] for result in results)
    assert merged["rates"]["ok_per_s"] == pytest.approx(sum(result["rates"]["ok_per_s"] for result in results))


def test_percentiles_come_from_added_counts(results: list[Json], logs: list[str]) -> None:
    merged = merge_results(results, logs)
    pooled, first = Histogram(), Histogram()
    for result in results:
        pooled.add(Histogram.decode(result["histograms"]["corrected"]))
    for text in logs:
        for interval in read_log(text):
            if (interval.tag, interval.start_s) == ("corrected", 0):
                first.add(interval.histogram)
    assert merged["latency"]["corrected"]["percentiles"]["90"] == pooled.percentile("90")
    entry = merged["series"][0]
    for name, percent in (("p50_ns", "50"), ("p99_ns", "99"), ("max_ns", "100")):
        assert entry[name] == first.percentile(percent)


def test_the_order_does_not_matter(results: list[Json], logs: list[str]) -> None:
    one, other = merge_results(results, logs), merge_results(results[::-1], logs[::-1])
    for name in ("counts", "latency", "series", "histograms", "rates", "load"):
        assert one[name] == other[name]


def test_shards_began_together(results: list[Json]) -> None:
    assert results[0]["started_utc"] == results[1]["started_utc"]


def test_without_logs_the_merged_series_has_no_percentiles(results: list[Json]) -> None:
    assert merge_results(results)["series"][0]["p50_ns"] is None


def test_independent_generators_add_their_rates(results: list[Json]) -> None:
    load = merge_results([dict(result, load=dict(result["load"], shard=None, seed=number))
                          for number, result in enumerate(results)])["load"]
    assert (load["rate_per_s"], load["connections"], load["seed"]) == (600, 6, None)


Spoil = Callable[[Json, Json], Json]


def put(value: object, *path: str) -> Spoil:
    """Return what changes the second result at a path."""
    def spoil(_one: Json, two: Json) -> Json:
        inner = two
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        return two
    return spoil


def without(*path: str) -> Spoil:
    def spoil(_one: Json, two: Json) -> Json:
        inner = two
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]
        return two
    return spoil


def later(_one: Json, two: Json) -> Json:
    return two | {"started_utc": "2031-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(("spoil", "says"), [
    (put("http://elsewhere/", "target", "url"), r"do not belong together: url is http://127\S+ in a.json and http://els"),
    (put("POST", "target", "method"), "method is GET in a.json and POST in b.json"),
    (put(2.5, "load", "duration_s"), "duration_s is 2 in a.json and 2.5 in b.json"),
    (put(200.0, "load", "rate_per_s"), "rate_per_s is 300 in a.json and 200 in b.json"),
    (put("pool", "load", "dispatch"), "dispatch is pinned in a.json and pool in b.json"),
    (put("closed", "load", "loop"), "loop is open in a.json and closed in b.json"),
    (put("no", "load", "keepalive"), "keepalive is True in a.json and no in b.json"),
    (put(3.0, "load", "timeout_s"), "timeout_s is .* in a.json and 3 in b.json"),
    (put(6, "load", "seed"), "seed is 5 in a.json and 6 in b.json"),
    (later, r"the start \(--t0\) is \S+ in a.json and 2031-01-01T00:00:00.000Z in b.json"),
    (put(None, "load", "shard"), "shard is one of 2 in a.json and none in b.json"),
    (put({"index": 1, "count": 3}, "load", "shard"), "shard is one of 2 in a.json and one of 3 in b.json"),
    (put({"index": 0, "count": 2}, "load", "shard"), "shard 0/2 is there twice: a.json and b.json"),
    (lambda one, _two: one, "b.json is the same result as a.json"),
    (put(2, "schema_version"), "b.json is a result of pacer in version 2 of its format; this pacer merges version 1"),
    (put({"name": "wrk"}, "tool"), "b.json is not a result of pacer"),
    (put("HISTFAAA", "histograms", "lag"), "b.json is damaged: not an encoded histogram"),
    (without("load", "seed"), "b.json is damaged: seed is missing"),
    (without("histograms", "censored_wait"), "b.json is damaged: censored_wait is missing"),
    (put("many", "counts", "ok"), "b.json is damaged"),
    (put([], "load"), "b.json is damaged"),
    (put("today", "started_utc"), "b.json is damaged"),
    (put([{"second": "x"}], "series"), "b.json is damaged"),
    (put("3", "load", "connections"), "b.json is damaged: the load or the cost holds something that is no number"),
])
def test_what_does_not_belong_together_is_refused(results: list[Json], tmp_path: Path, spoil: Spoil, says: str,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = copy.deepcopy(results)
    two = spoil(one, two)
    (tmp_path / "a.json").write_text(json.dumps(one))
    (tmp_path / "b.json").write_text(json.dumps(two))
    monkeypatch.chdir(tmp_path)
    assert_refused(says, "a.json", "b.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]


def assert_refused(says: str, *arguments: str | Path) -> None:
    ran = pacer("merge", *arguments)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1, "one sentence"
    assert re.search(says, ran.err), ran.err


def test_independent_generators_must_have_loaded_at_the_same_time(results: list[Json]) -> None:
    one, two = ({**result, "load": result["load"] | {"shard": None}} for result in results)
    with pytest.raises(UsageError, match=r"result 2 began \d+\.\d s after result 1; .* the same --t0"):
        merge_results([one, later(one, two)])


def test_one_result_or_a_missing_shard_is_refused(results: list[Json]) -> None:
    with pytest.raises(UsageError, match="nothing to merge"):
        merge_results([])
    with pytest.raises(UsageError, match="result 1 is the only result: a merge needs at least two"):
        merge_results(results[:1])
    three = [{**result, "load": result["load"] | {"shard": {"index": number, "count": 4}}}
             for number, result in zip((0, 2), results, strict=True)]
    with pytest.raises(UsageError, match="shards 1/4, 3/4 missing: all 4 make up the schedule, and here are 2"):
        merge_results(three)
    with pytest.raises(UsageError, match="2 results, 1 logs"):
        merge_results(results, ["x"])


def cut_within_a_line(log: str) -> str:
    return log[:-40]


def cut_between_lines(log: str) -> str:
    return "".join(log.splitlines(keepends=True)[:-3])


def of_another_run(log: str) -> str:
    return log.replace("#[StartTime: 1", "#[StartTime: 2")


def with_a_changed_line(log: str) -> str:
    return log.replace(",1.000,", ",nan,", 1)


@pytest.mark.parametrize(("spoil", "says"), [
    (cut_within_a_line, r"1\.hlog, line \d+ is not an interval of a histogram log"),
    (cut_between_lines, r"1\.hlog is not the whole log of \S+1\.json: it holds \d+ \w+ values of \d+"),
    (of_another_run, r"1\.hlog is not the log of \S+1\.json: they began at different times"),
    (with_a_changed_line, r"1\.hlog, line 5 is not an interval of a histogram log: 'nan' is no time in seconds"),
    (lambda _log: "", r"1\.hlog is empty"),
    (lambda _log: "no log", r"1\.hlog is neither a result of pacer \(JSON\) nor a histogram log"),
])
def test_a_log_that_is_not_the_results_is_refused(folder: Path, tmp_path: Path, logs: list[str],
                                                  spoil: Callable[[str], str], says: str) -> None:
    (tmp_path / "1.hlog").write_text(spoil(logs[1]))
    assert_refused(says, folder / "0.json", folder / "1.json", folder / "0.hlog", tmp_path / "1.hlog")


def test_logs_in_another_order_are_refused(folder: Path) -> None:
    assert_refused(r"1\.hlog is not the whole log of \S+0\.json", folder / "0.json", folder / "1.json",
                   folder / "1.hlog", folder / "0.hlog")


def test_files_that_cannot_be_merged_are_refused(folder: Path, tmp_path: Path) -> None:
    one, two = folder / "0.json", folder / "1.json"
    assert_refused("0.json is given twice", one, one)
    assert_refused("cannot read .*missing.json: No such file", one, tmp_path / "missing.json")
    assert_refused("0.json is the only result", one)
    assert_refused("2 results and 1 histogram logs: give one log for each result", one, two, folder / "0.hlog")
    assert_refused("a merged histogram log needs the log of each result", one, two, "--hlog", tmp_path / "m.hlog")
    assert_refused("1.json is one of the files to merge", one, two, "--json", two)
    cut = tmp_path / "cut.json"
    cut.write_text(two.read_text()[:5000])
    assert_refused(r"cut.json, line \d+: broken JSON", one, cut)
    cut.write_bytes(b"\xff\xfe")
    assert_refused("cut.json is not text in UTF-8", one, cut)


def test_the_command_writes_result_and_log(folder: Path, results: list[Json], tmp_path: Path) -> None:
    files = [folder / name for name in ("0.json", "1.json", "0.hlog", "1.hlog")]
    ran = pacer("merge", *files, "--json", tmp_path / "m.json", "--hlog", tmp_path / "m.hlog")
    assert (ran.status, ran.out) == (4, ""), "a fifth of the requests failed"
    merged = json.loads((tmp_path / "m.json").read_text())
    assert merged["tool"]["command"][:2] == ["pacer", "merge"]
    added = totals(read_log((tmp_path / "m.hlog").read_text()))
    assert {tag: added[tag].counts for tag in TAGS} == {
        tag: Histogram.decode(merged["histograms"][tag]).counts for tag in TAGS}
    again = pacer("merge", *files)
    assert again.balanced()
    assert again.result["counts"] == merged["counts"]

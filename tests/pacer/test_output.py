"""What is printed and written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from pacer.files import AtomicFile
from pacer.histogram import Histogram
from pacer.hlog import read_log, totals
from pacer.recording import TAGS
from tests.pacer.servers import serving
from tests.pacer.support import ROOT, SCHEMA, Ran, pacer

SAMPLE = ROOT / "tests" / "golden" / "pacer" / "sample.json"


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(SCHEMA.read_text())


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    """One run with everything written."""
    folder = tmp_path_factory.mktemp("pacer")
    with serving("ok") as url:
        ran = pacer("-R", 300, "-c", 5, "-d", 2, "--warmup", "200ms", "--progress", "--json", folder / "load.json",
                    "--hlog", folder / "load.hlog", f"{url}/x")
    assert ran.status in (0, 3), ran.err
    return ran, folder


def test_the_json_file_follows_the_schema(ran: tuple[Ran, Path], schema: Any) -> None:
    result = json.loads((ran[1] / "load.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(result)
    assert result["counts"]["scheduled"] == 600
    assert result["load"]["rate_per_s"] == 300
    assert result["tool"]["command"][0] == "pacer"
    assert [entry["second"] for entry in result["series"]][:2] == [0, 1]
    assert sum(entry["completed"] for entry in result["series"]) == result["counts"]["completed"]


def test_the_sample_follows_the_schema(schema: Any) -> None:
    jsonschema.Draft202012Validator(schema).validate(json.loads(SAMPLE.read_text()))


def test_the_schema_is_one(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("arguments", [
    ("-d", "300ms"), ("-R", "2", "-d", "0.5"), ("-R", "40", "-d", "0.5", "--no-keepalive"),
    ("--stages", "300ms@50,300ms@100", "--arrival", "poisson", "-t", "2")],
    ids=["closed", "one-request", "no-keepalive", "stages"])
def test_other_results_follow_the_schema_too(arguments: tuple[str, ...], schema: Any) -> None:
    with serving("ok") as url:
        result = pacer("--format", "json", *arguments, f"{url}/").result
    jsonschema.Draft202012Validator(schema).validate(result)


def test_text_still_goes_to_standard_output(ran: tuple[Ran, Path]) -> None:
    out = ran[0].out
    assert "scheduled   600 = ok 600 + http errors 0 + failed 0 + unfinished 0" in out
    assert re.search(r"corrected +600 .* +\u2013 +\u2013 +[0-9.]+ [mu]?s", out), "p99 and above need 1000 samples"
    assert "verdict" in out


def test_progress_is_a_line_a_second(ran: tuple[Ran, Path]) -> None:
    lines = ran[0].err.splitlines()
    assert len(lines) == 2
    assert "sent 300" in lines[0]


def test_hdrhistogram_reads_the_log(ran: tuple[Ran, Path]) -> None:
    result = json.loads((ran[1] / "load.json").read_text())
    path = ran[1] / "load.hlog"
    found: dict[str, int] = {}
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3600 * 10**9, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        found[interval.get_tag()] = found.get(interval.get_tag(), 0) + interval.get_total_count()
    reader.input_file.close()
    assert found == {tag: result["latency"][tag]["n"] for tag in TAGS}
    mine = totals(read_log(path.read_text()))
    assert {tag: mine[tag].counts for tag in TAGS} == {
        tag: Histogram.decode(result["histograms"][tag]).counts for tag in TAGS}


def test_the_log_says_when_it_began(ran: tuple[Ran, Path]) -> None:
    lines = (ran[1] / "load.hlog").read_text().splitlines()
    assert lines[1] == "#[Histogram log format version 1.3]"
    assert re.match(r"#\[StartTime: \d+\.\d{3} \(seconds since epoch\), ", lines[2])
    assert [line.split(",")[1] for line in lines if line.startswith("Tag=lag")] == ["0.000", "1.000"]


@pytest.mark.parametrize("text", ["Tag=x,0.000,1.000,2.000", "Tag=x,a,1.000,2.000,HIST", "0,1,2,HISTFAAA"])
def test_what_is_no_log_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match="line 2 is not an interval"):
        list(read_log(f"#comment\n{text}\n"))


def test_wrk2_format_reads_like_wrk2() -> None:
    with serving("status", 404) as url:
        out = pacer("-R", 200, "-c", 5, "-d", "1s", "-t", "2", "-L", "-U", "--format", "wrk2", f"{url}/x").out
    number, time = r"\d+\.\d\d", r"\d+\.\d\d(?:us|ms|s|m|h)"
    for pattern in (
            rf"Running 1s test @ {url}/x\n  2 threads and 5 connections\n",
            r"  Thread Stats   Avg      Stdev     Max   \+/- Stdev\n",
            rf"    Req/Sec +{number}k? +{number}k? +{number}k? +{number}%\n",
            r"  Latency Distribution \(HdrHistogram - Recorded Latency\)\n 50\.000% ",
            r"  Latency Distribution \(HdrHistogram - Uncorrected Latency",
            rf"  200 requests in {time}, {number}[KM]?B read\n",
            r"  Non-2xx or 3xx responses: 200\n",
            r"Requests/sec:    200\.\d\d\nTransfer/sec: +\d+\.\d\d[KM]?B\n$"):
        assert re.search(pattern, out), pattern


def test_wrk2_spectrum() -> None:
    with serving("ok") as url:
        out = pacer("-R", 400, "-c", 5, "-d", "1s", "-L", "--format", "wrk2", f"{url}/x").out
    rows = re.findall(r"^ +(\d+\.\d{3}) +([01]\.\d{6}) +(\d+) +(\d+\.\d\d|inf)$", out, re.MULTILINE)
    shares = [float(share) for _value, share, _count, _tail in rows]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1], rows[-1][2], rows[-1][3]) == (0, 1, "400", "inf")
    assert re.search(r"^#\[Mean    = +\d+\.\d{3}, StdDeviation   = +\d+\.\d{3}\]$", out, re.MULTILINE)
    assert re.search(r"^#\[Max     = +\d+\.\d{3}, Total count    = +400\]$", out, re.MULTILINE)
    assert re.search(rf"^    Latency +{'[0-9.]+[a-z]+ +' * 3}[0-9.]+%$", out, re.MULTILINE)


def test_a_full_disk_at_the_end_still_prints_the_result(tmp_path: Path) -> None:
    """The limit on file sizes stands in for the disk."""
    program = ("import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
               "from pacer.cli import main; sys.exit(main())")
    with serving("ok") as url:
        done = subprocess.run([sys.executable, "-c", program, "-R", "50", "-d", "300ms", "--json",
                               str(tmp_path / "load.json"), f"{url}/"], capture_output=True, text=True, cwd=ROOT,
                              check=False)
    assert "cannot write" in done.stderr
    assert done.stderr.count("\n") == 1
    text, brace, rest = done.stdout.partition("{")
    assert "scheduled   15" in text
    assert json.loads(brace + rest)["counts"]["scheduled"] == 15
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--json", "--hlog"])
def test_a_place_that_cannot_be_written_to_is_known_before_the_load(option: str, tmp_path: Path) -> None:
    ran = pacer("-R", 10, "-d", 30, option, tmp_path / "no" / "such" / "folder.json", "http://127.0.0.1:1/")
    assert (ran.status, ran.out) == (1, "")
    assert "cannot write" in ran.err


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")
    file = AtomicFile(path)
    assert path.read_text() == "old"
    file.write("new")
    assert path.read_text() == "new"
    file.discard()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.json"]


def test_a_run_that_does_not_begin_leaves_nothing(tmp_path: Path) -> None:
    assert pacer("-R", 10, "-d", 1, "--json", tmp_path / "x.json", "http://127.0.0.1:1/").status == 2
    assert list(tmp_path.iterdir()) == []


def test_nobody_reads_the_output() -> None:
    with serving("ok") as url:
        done = subprocess.run(["bash", "-c", f"{sys.executable} -m pacer -R 50 -d 300ms {url}/ | true"], cwd=ROOT,
                              capture_output=True, text=True, check=False)
    assert done.stderr == ""

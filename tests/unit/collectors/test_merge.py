"""`tandem merge`: the summary, the files, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.cli import main
from collectors.readers.pacer import read_pacer
from pacer.histogram import Histogram, cell_of
from tests.unit.collectors.tool_output import golden_json


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two generators' results of one load, made of one (of a busy machine, its lags replaced by 20 us)."""
    document = golden_json("pacer/steady.json")
    document["histograms"]["lag"] = Histogram({cell_of(20_000): document["latency"]["lag"]["n"]}).encode()
    names = []
    for name in ("client1", "client2"):
        mine: dict[str, Any] = document | {"host": document["host"] | {"name": name}}
        (tmp_path / f"{name}.json").write_text(json.dumps(mine), encoding="utf-8")
        names.append(str(tmp_path / f"{name}.json"))
    return names


def test_it_says_whose_results_they_are_and_what_they_come_to(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    one = golden_json("pacer/steady.json")
    assert main(["merge", *files]) == 0
    text = capsys.readouterr().out
    assert "from       client1, client2\n" in text
    assert f"{2 * one['counts']['scheduled']} scheduled, {2 * one['counts']['completed']} completed" in text
    assert text.endswith("verdict    valid\n")


def test_it_writes_a_result_that_can_be_read(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    merged = tmp_path / "merged.json"
    assert main(["merge", *files, "--json", str(merged)]) == 0
    assert "verdict" in capsys.readouterr().out
    text = merged.read_text(encoding="utf-8")
    result, one = read_pacer(text, merged), golden_json("pacer/steady.json")
    assert result.connections == 2 * one["load"]["connections"]
    assert result.rate_asked_per_s == 2 * one["load"]["rate_per_s"]
    assert json.loads(text)["tool"]["command"] == ["tandem", "merge", *files, "--json", str(merged)]


def test_it_prints_the_result_as_json(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", *files, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["host"]["name"] == "client1, client2"


def test_a_merged_result_that_is_not_valid_is_a_finding(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in files:
        path = Path(name)
        result = json.loads(path.read_text(encoding="utf-8"))
        result["counts"] |= {"ok": result["counts"]["ok"] - 100, "http_errors": 100}
        path.write_text(json.dumps(result), encoding="utf-8")
    assert main(["merge", *files, "--json", str(tmp_path / "merged.json")]) == 1
    text = capsys.readouterr().out
    assert "verdict    errors\n           error share 0.05, limit 0.001 (share of scheduled)\n" in text
    assert (tmp_path / "merged.json").is_file(), "what was measured is written, whatever it is worth"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{0}"], "client1.json is the only result: a merge needs at least two"),
        (["{0}", "{0}"], "client1.json is given twice"),
        (["{0}", "{1}", "--hlog", "{dir}/m.hlog"], "a merged histogram log needs the log of each result"),
        (["{0}", "{1}", "--json", "{1}"], "client2.json is one of the files to merge"),
        (["{0}", "{1}", "--json", "{dir}/no/m.json"], "cannot write {dir}/no/m.json: No such file or directory"),
        (["{0}", "{dir}/none.json"], "cannot read {dir}/none.json: No such file or directory"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    given = [each.format(*files, dir=tmp_path) for each in arguments]
    assert main(["merge", *given]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("tandem: ")
    assert says.format(dir=tmp_path) in printed.err
    assert printed.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["client1.json", "client2.json"]

"""`tandem read` of a histogram log: what it holds, and where it is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.cli import main
from collectors.errors import ReadError
from collectors.readers.hlog import read_hlog
from collectors.units import DASH
from pacer.histogram import Histogram
from pacer.hlog import write_log
from pacer.recording import TAGS, Second

MS = 1_000_000


def log() -> str:
    """Two seconds of 600 answers each, the second ten times slower."""
    seconds = []
    for number, factor in enumerate((1, 10)):
        values = {tag: Histogram.of([factor * MS] * 600) for tag in TAGS} | {"error": Histogram()}
        seconds.append(Second(second=number, encoded={tag: each.encode() for tag, each in values.items()}))
    return write_log(seconds, started_wall_ns=1_800_000_000_123_456_789)


def test_it_holds_each_second_and_the_sum() -> None:
    found = read_hlog(log(), "load.hlog")
    assert found.start_s == 1_800_000_000.123
    assert [(each.start_s, each.length_s, each.figures.tag) for each in found.intervals] == [
        (second, 1.0, tag) for second in (0.0, 1.0) for tag in TAGS
    ]
    assert {each.tag: each.count for each in found.totals} == dict.fromkeys(TAGS, 1200) | {"error": 0}
    total = found.totals[0]
    assert total.percentiles_us["50"] == pytest.approx(1000, rel=0.001)
    assert total.percentiles_us["75"] == pytest.approx(10_000, rel=0.001)
    assert total.percentiles_us["99"] is not None, "1200 values"
    assert found.intervals[0].figures.percentiles_us["99"] is None, "600 values"
    assert found.totals[-1].max_us is None


def test_the_command_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "load.hlog"
    path.write_text(log(), encoding="utf-8")
    assert main(["read", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "histogram log, 10 intervals over 2 s"
    assert lines[1].startswith("corrected  1200 values, mean 5.50ms, p50 1.00ms, p75 10.0ms")
    assert lines[-1] == f"error      0 values, mean {DASH}, max {DASH}"
    assert main(["read", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "histogram log"


def without_line(number: int) -> Callable[[str], str]:
    return lambda text: "".join(line for index, line in enumerate(text.splitlines(keepends=True), 1) if index != number)


@pytest.mark.parametrize(("spoil", "says", "line"), [
    (lambda text: text[:-30], "not an interval of a histogram log: not an encoded histogram", 14),
    (without_line(14), "cut short: error of the last second is missing", 13),
    (without_line(6), "pacer's log has lag of second 0 where service of second 0 belongs", None),
    (lambda text: text.replace("1.000,", "soon,"), "not an interval of a histogram log: 'soon' is no time", 5),
    (lambda text: text.replace(",1.000,", ",", 1), "not an interval of a histogram log: not enough values", 5),
    (lambda text: text.replace("Tag=lag,0.000", "Tag=lag,-1"), "histogram log: '-1' is no time", 7),
    (lambda text: "\n".join(text.splitlines()[:4]), "a histogram log without an interval", None),
])
def test_damage_names_file_and_line(spoil: Callable[[str], str], says: str, line: int | None) -> None:
    with pytest.raises(ReadError) as caught:
        read_hlog(spoil(log()), "load.hlog")
    assert caught.value.line == line
    assert says in str(caught.value)
    assert str(caught.value).startswith("load.hlog")


def test_a_log_of_another_program_needs_no_tags_of_ours() -> None:
    text = "\n".join(log().splitlines()[1:6]).replace("Tag=corrected,", "").replace("Tag=service,", "Tag=b,")
    assert [total.tag for total in read_hlog(text, "x").totals] == ["", "b"]

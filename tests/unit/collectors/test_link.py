"""The link gate, its figures and the drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.cli import main
from collectors.link import drift, measure_link, read_link
from tests.unit.collectors.builders import Campaign, link_raw


def test_a_good_link(tmp_path: Path) -> None:
    figures = measure_link(link_raw(tmp_path, mbit=941), nominal_mbit=1000)
    assert figures.ok
    assert (
        figures.forward_mbit,
        figures.reverse_mbit,
        figures.bidir_forward_mbit,
        figures.bidir_reverse_mbit,
    ) == (941, 941, 941, 941)
    assert (figures.spread, figures.retransmits_share, figures.ping_loss_share) == (0, 0, 0)
    assert figures.ping_p99_ms == 0.059
    assert figures.findings == ()


@pytest.mark.parametrize(
    ("mbit", "nominal", "ok"),
    [(930, 1000, True), (929.9, 1000, False), (9300, 10_000, True), (941, 10_000, False), (94, 100, True)],
)
def test_limits_follow_the_nominal_speed(tmp_path: Path, mbit: float, nominal: float, *, ok: bool) -> None:
    assert measure_link(link_raw(tmp_path, mbit=mbit), nominal_mbit=nominal).ok is ok


def change(folder: Path, name: str, edit: tuple[str, object], *, every: str = "end") -> None:
    path = folder / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    if every == "intervals":
        for index, row in enumerate(document["intervals"]):
            if index % 2:
                row["sum"][edit[0]] = edit[1]
    else:
        document["end"]["sum_sent"][edit[0]] = edit[1]
    path.write_text(json.dumps(document), encoding="utf-8")


def test_throughput_that_jumps(tmp_path: Path) -> None:
    folder = link_raw(tmp_path, mbit=950)
    change(folder, "forward", ("bits_per_second", 990e6), every="intervals")
    figures = measure_link(folder, nominal_mbit=1000)
    assert not figures.ok
    assert any("spreads by 4" in fault for fault in figures.faults)


def test_retransmits(tmp_path: Path) -> None:
    folder = link_raw(tmp_path)
    change(folder, "reverse", ("retransmits", 50_000))
    figures = measure_link(folder, nominal_mbit=1000)
    assert any("segments were sent again, at most 0.1% is allowed" in fault for fault in figures.faults)


def test_lost_pings(tmp_path: Path) -> None:
    figures = measure_link(link_raw(tmp_path, loss=3), nominal_mbit=1000)
    assert figures.faults == ("3 of 1000 pings were lost, none may be",)
    assert figures.ping_loss_share == 0.003


def test_slow_pings(tmp_path: Path) -> None:
    folder = link_raw(tmp_path)
    text = (folder / "ping.txt").read_text(encoding="utf-8")
    (folder / "ping.txt").write_text(text.replace("time=0.05", "time=1.25"), encoding="utf-8")
    assert measure_link(folder, nominal_mbit=1000).faults == (
        "the p99 of the pings is 1.26 ms, at most 1 ms is allowed",
    )


@pytest.mark.parametrize("name", ["forward.json", "reverse.json", "bidir.json", "ping.txt"])
def test_a_missing_or_damaged_raw_file_closes_the_gate(tmp_path: Path, name: str) -> None:
    folder = link_raw(tmp_path)
    (folder / name).unlink()
    assert measure_link(folder, nominal_mbit=1000).faults == (f"{folder / name}: no such file",)
    (folder / name).write_text("{", encoding="utf-8")
    figures = measure_link(folder, nominal_mbit=1000)
    assert not figures.ok
    assert f"{folder / name}, line 1" in figures.faults[0]


def test_drift(tmp_path: Path) -> None:
    before = measure_link(link_raw(tmp_path, mbit=970), nominal_mbit=1000)
    same = measure_link(link_raw(tmp_path, "after", mbit=955), nominal_mbit=1000)
    slower = measure_link(link_raw(tmp_path, "after", mbit=940), nominal_mbit=1000)
    assert drift(before, same) == ()
    assert [finding.value for finding in drift(before, slower)] == [-0.0309, -0.0309]


def test_command_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Campaign(tmp_path)
    link_raw(tmp_path)
    assert main(["link", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("link before: 941.0 Mb/s to the server, 941.0 back")
    figures = read_link(tmp_path / "link" / "before" / "link.json")
    assert figures is not None
    assert figures.ok


def test_command_slow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Campaign(tmp_path)
    link_raw(tmp_path, mbit=94.1)
    assert main(["link", str(tmp_path), "--nominal-mbit", "1000"]) == 1
    said = capsys.readouterr().err
    assert "the link carries 94.1 Mb/s to the server, at least 930 of 1000 are needed" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("mbit", "status"), [(900, 0), (700, 0), (699, 1)])
def test_a_wire_that_may_dip_stops_only_far_below(
    tmp_path: Path, mbit: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Campaign(tmp_path)
    link_raw(tmp_path, mbit=mbit)
    assert main(["link", str(tmp_path), "--stop-below", "0.7"]) == status
    assert f"the link carries {mbit:.1f} Mb/s to the server, at least 930 of 1000" in capsys.readouterr().err
    figures = read_link(tmp_path / "link" / "before" / "link.json")
    assert figures is not None
    assert not figures.ok


@pytest.mark.parametrize("share", ["0", "1.1", "some"])
def test_a_share_is_above_0_and_up_to_1(tmp_path: Path, share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["link", str(tmp_path), "--stop-below", share])
    assert f"'{share}' is no share above 0 and up to 1" in capsys.readouterr().err


def test_command_afterwards_reports_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Campaign(tmp_path)
    link_raw(tmp_path, mbit=970)
    link_raw(tmp_path, "after", mbit=940)
    assert main(["link", str(tmp_path)]) == 0
    assert main(["link", str(tmp_path), "--when", "after"]) == 1
    assert "went from 970.0 to 940.0 Mb/s (-3.1%)" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "fast", "nan", "-5"])
def test_a_speed_that_is_none(tmp_path: Path, speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["link", str(tmp_path), f"--nominal-mbit={speed}"])
    assert caught.value.code == 2
    assert "is no speed from 1 to 1000000 Mb/s" in capsys.readouterr().err


def test_no_raw_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Campaign(tmp_path)
    assert main(["link", str(tmp_path)]) == 2
    assert "there is no such folder; it holds forward.json" in capsys.readouterr().err

"""Canaries: sysbench and fio read, drift reported, and a comparison that knows whether the machine changed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from collectors import limits
from collectors.canary import canary_rows
from collectors.cli import main
from collectors.compare import Options, compare_folders
from collectors.compare.metrics import MetricName
from collectors.compare.tables import markdown, text
from collectors.errors import ReadError
from collectors.readers.fio import read_fio
from collectors.readers.sysbench import read_sysbench
from collectors.results import ResultsFolder
from collectors.summarise import summarise
from collectors.tables import markdown as summary_markdown
from collectors.tables import text as summary_text
from tests.unit.collectors.builders import Given
from tests.unit.collectors.comparisons import document, make
from tests.unit.collectors.tool_output import pacer_result

ERRORS: tuple[MetricName, ...] = ("errors",)
GOLDEN = Path(__file__).parents[2] / "golden"
CPU = (GOLDEN / "sysbench" / "cpu.txt").read_text(encoding="utf-8")
MEMORY = (GOLDEN / "sysbench" / "memory.txt").read_text(encoding="utf-8")
DISK = (GOLDEN / "fio" / "disk.json").read_text(encoding="utf-8")
SPEED = 1658.16
"""What the golden file of the processor says."""


def sing(
    folder: ResultsFolder, *, before: float = 1.0, after: float = 1.0, machine: str = "server", cpu: str = CPU
) -> ResultsFolder:
    """Leave canaries of both machines, the processor's of one so many times as fast as the golden file's."""
    for when, factor in (("before", before), ("after", after)):
        place = folder.directory / "machines" / "canary" / when
        place.mkdir(parents=True)
        for each in ("server", "client"):
            own = cpu.replace(str(SPEED), f"{SPEED * factor:.2f}") if each == machine else cpu
            (place / f"{each}-cpu.txt").write_text(own, encoding="utf-8")
            (place / f"{each}-memory.txt").write_text(MEMORY, encoding="utf-8")
            (place / f"{each}-disk.json").write_text(DISK, encoding="utf-8")
    return ResultsFolder(folder.directory)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("base") / "base", seed=1).directory


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("slow") / "slow", seed=2, speed=0.85).directory


def copy(folder: Path, to: Path) -> ResultsFolder:
    shutil.copytree(folder, to)
    return ResultsFolder(to)


def test_sysbench_says_how_fast_and_at_what() -> None:
    cpu, memory = read_sysbench(CPU, "x"), read_sysbench(MEMORY, "x")
    assert (cpu.test, cpu.speed, cpu.threads, cpu.work) == ("cpu", SPEED, 2, "primes up to 10000")
    assert (memory.test, memory.speed, memory.work) == ("memory", 15056.44, "write blocks of 1024 KiB, global")
    assert memory.speed == pytest.approx(memory.events / memory.seconds, rel=0.01), "a block is a MiB"


def test_fio_says_reads_and_writes() -> None:
    disk = read_fio(DISK, "x")
    assert disk.read_per_s / disk.write_per_s == pytest.approx(70 / 30, rel=0.1), "as was asked"
    assert disk.per_s == pytest.approx(disk.operations / 0.7, rel=0.02), "over the 700 ms that were asked"
    assert "bs=4k" in disk.work


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/broken/*.txt")) + sorted(GOLDEN.glob("fio/broken/*")), ids=str)
def test_what_is_no_canary_is_refused(path: Path) -> None:
    reader = read_fio if path.suffix == ".json" else read_sysbench
    with pytest.raises(ReadError):
        reader(path.read_text(encoding="utf-8"), path)


def test_a_failed_job_is_refused() -> None:
    failed = json.loads(DISK)
    failed["jobs"][0]["error"] = 22
    with pytest.raises(ReadError, match="error number 22"):
        read_fio(json.dumps(failed), "x")


@pytest.mark.parametrize("name", ["sysbench/cpu.txt", "sysbench/memory.txt", "fio/disk.json"])
def test_tandem_read_shows_them(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(GOLDEN / name)]) == 0
    assert "speed " in capsys.readouterr().out


def test_without_canaries_nothing_is_said_of_them(base: Path) -> None:
    folder = ResultsFolder(base)
    assert canary_rows(folder) == ()
    summary, _ = summarise(folder)
    assert summary.canaries == ()
    assert "canaries" not in summary_text(summary) + summary_markdown(summary)


def test_before_after_and_drift_stand_in_the_summary(base: Path, tmp_path: Path) -> None:
    summary, _ = summarise(sing(copy(base, tmp_path / "one"), after=0.9))
    row = next(row for row in summary.canaries if (row.machine, row.name) == ("server", "cpu"))
    assert row.before == SPEED
    assert row.after == pytest.approx(0.9 * SPEED, abs=0.01)
    assert row.drift == pytest.approx(-0.1, rel=1e-3)
    told = [finding for finding in summary.warnings if finding.kind == "canary-drift"]
    moved = "the server's CPU canary was 10% slower after the campaign than before (limit 5%)"
    assert [finding.advice for finding in told] == [f"{moved}: the machine did not stay the same"]
    for shown in (summary_text(summary), summary_markdown(summary)):
        assert re.search(r"server[ |]+CPU[ |]+events/s[ |]+1658[ |]+1492[ |]+-10\.0%", shown)


def test_a_drift_within_its_limit_is_no_finding(base: Path, tmp_path: Path) -> None:
    summary, _ = summarise(sing(copy(base, tmp_path / "one"), after=1 - 0.8 * limits.CANARY_CHANGE["cpu"]))
    assert not [finding for finding in summary.warnings if finding.kind.startswith("canary")]


def test_a_canary_that_could_not_run_says_why_and_stops_nothing(base: Path, tmp_path: Path) -> None:
    folder = sing(copy(base, tmp_path / "one"))
    broken = folder.directory / "machines" / "canary" / "after" / "client-cpu.txt"
    broken.write_text("timeout: failed to run command 'sysbench': No such file or directory\n", encoding="utf-8")
    summary, _ = summarise(folder)
    row = next(row for row in summary.canaries if (row.machine, row.name) == ("client", "cpu"))
    assert (row.before, row.after, row.drift) == (SPEED, None, None)
    (told,) = [finding.advice for finding in summary.warnings if finding.kind == "canary"]
    assert "machines/canary/after/client-cpu.txt says nothing" in told
    assert "failed to run command" in told


def test_the_report_has_the_table(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = sing(copy(base, tmp_path / "one"))
    assert main(["report", str(folder.directory)]) == 0
    capsys.readouterr()
    assert "Machine canaries" in (folder.directory / "report.html").read_text(encoding="utf-8")


def test_a_slower_daemon_on_a_slower_machine_is_named_as_such(base: Path, slow: Path, tmp_path: Path) -> None:
    a, b = sing(copy(base, tmp_path / "a")), sing(copy(slow, tmp_path / "b"), before=0.92, after=0.92)
    found = compare_folders(a, b, Options())
    assert found.exit_status == 1, "the verdict stays"
    assert found.machine == "the server's CPU canary is 8 % slower than in A: the machine changed, not only the daemon"
    assert found.machine[1:] in text(found)
    assert found.machine[1:] in markdown(found)
    assert re.search(r"server +cpu +events/s +1658 +1526 +\S0\.92 +beyond 5%", text(found))


def test_a_machine_that_explains_little_is_not_blamed_for_all(base: Path, slow: Path, tmp_path: Path) -> None:
    a, b = sing(copy(base, tmp_path / "a")), sing(copy(slow, tmp_path / "b"), before=0.94, after=0.94)
    told = compare_folders(a, b, Options()).machine or ""
    assert told.endswith("the machine changed, but by less than half of what the daemon did")


def test_a_faster_machine_does_not_explain_a_slower_daemon(base: Path, slow: Path, tmp_path: Path) -> None:
    a, b = sing(copy(base, tmp_path / "a")), sing(copy(slow, tmp_path / "b"), before=1.2, after=1.2, machine="client")
    told = compare_folders(a, b, Options()).machine or ""
    assert told.startswith("the client's CPU canary is 20 % faster than in A: the machine changed, but not the way")


def test_a_changed_machine_is_told_where_no_daemon_changed(base: Path, tmp_path: Path) -> None:
    a, b = sing(copy(base, tmp_path / "a")), sing(copy(base, tmp_path / "b"), before=0.8, after=0.8)
    found = compare_folders(a, b, Options())
    assert found.exit_status == 0
    assert (found.machine or "").endswith("the machine changed, though no change of a daemon is claimed")


def test_a_changed_machine_is_told_beside_failed_requests_alone(tmp_path: Path) -> None:
    """Both sides are valid, and B fails a few requests in every run: a change is claimed, and none of the speed."""
    plan = document(rounds=("sustained",))
    failing = {("django", block): Given(pacer=pacer_result(status_5xx=8 + block % 2)) for block in range(1, 11)}
    usual = {("django", block): Given(pacer=pacer_result()) for block in range(1, 11)}
    a = sing(make(tmp_path / "a", plan_=plan, special={**usual}))
    b = sing(make(tmp_path / "b", plan_=plan, special={**failing}), before=0.8, after=0.8)
    found = compare_folders(a, b, Options(metrics=ERRORS, floor=0.0))
    assert found.exit_status == 1
    assert (found.machine or "").endswith("the machine changed; of the daemons only failed requests did")


def test_a_steady_machine_is_not_blamed(base: Path, slow: Path, tmp_path: Path) -> None:
    found = compare_folders(sing(copy(base, tmp_path / "a")), sing(copy(slow, tmp_path / "b")), Options())
    assert found.machine is None
    assert {each.ratio for each in found.canaries} == {1.0}


def test_other_work_has_no_ratio(base: Path, slow: Path, tmp_path: Path) -> None:
    other = CPU.replace("Prime numbers limit: 10000", "Prime numbers limit: 20000")
    found = compare_folders(
        sing(copy(base, tmp_path / "a")), sing(copy(slow, tmp_path / "b"), before=0.5, after=0.5, cpu=other), Options()
    )
    cpu = next(each for each in found.canaries if (each.machine, each.name) == ("server", "cpu"))
    assert (cpu.ratio, cpu.changed) == (None, False)
    assert "measured otherwise in A than in B" in text(found)

"""The command `tandem`: help, exit statuses, and sentences instead of tracebacks."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collectors import cli
from collectors.cli import build_parser, main
from collectors.errors import ReadError
from tests.unit.collectors.builders import Campaign, Given
from tests.unit.collectors.comparisons import document, make
from tests.unit.collectors.test_summary import full
from tests.unit.collectors.tool_output import GOLDEN

ROOT = Path(__file__).parents[3]
COMMANDS = ("plan", "pending", "record", "check", "link", "summarise", "report", "explain", "history", "read")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "usage: tandem" in capsys.readouterr().out


def test_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"    {command}" in shown for command in COMMANDS)


@pytest.mark.parametrize(("unbuffered", "status"), [("", 1), ("1", 141)])
def test_a_reader_that_goes_away_makes_no_finding_good(tmp_path: Path, unbuffered: str, status: int) -> None:
    """Exit status 1 of a changed daemon stays what it is where it is known before the first word is lost."""
    plan = document(services=("django", "flask"))
    folder = make(tmp_path / "pair", plan_=plan, speed=lambda name: 0.7 if name == "flask" else 1.0)
    words = ["compare", str(folder.directory), "--services", "django", "flask"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "collectors", *words], stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (status, b"")


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "raw.txt"), OSError(5, "I/O error", "raw.txt")]
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "before")

    def refuse(_: Path) -> str:
        raise error

    monkeypatch.setattr("collectors.compare.baseline.evidence_sha256", refuse)
    assert main(["baseline", "accept", str(tmp_path / "before"), "good"]) == 2
    assert capsys.readouterr().err == f"tandem: raw.txt: {error.strerror}\n"


@pytest.mark.parametrize("arguments", [[], ["dance"], ["read"], ["record", "x"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("wrk/latency.txt", "wrk http://127.0.0.1:18080/index"),
        ("pacer/overload.json", "pacer http://127.0.0.1:28471/slow0.2"),
        ("iperf3/forward.json", "iperf3"),
        ("ping/ping.txt", "ping 127.0.0.1"),
    ],
)
def test_read(name: str, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(GOLDEN / name)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == first
    assert main(["read", "--json", str(GOLDEN / name)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["format"] == name.partition("/")[0]


def test_read_shows_what_is_a_lower_bound(capsys: pytest.CaptureFixture[str]) -> None:
    main(["read", str(GOLDEN / "pacer" / "overload.json")])
    shown = capsys.readouterr().out
    assert "240 scheduled, 80 completed, 160 unfinished" in shown
    assert "p50 ≥1.42s" in shown


def test_read_damage(capsys: pytest.CaptureFixture[str]) -> None:
    path = GOLDEN / "wrk" / "broken" / "unit.txt"
    assert main(["read", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"tandem: {path}, line 4: expected 'Latency' with average, deviation, maximum and share: "
        "'    Latency     2.14min    4.36ms  50.12ms   92.84%'\n"
    )


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full(tmp_path / "good")
    assert main(["check", str(tmp_path / "good")]) == 0
    assert capsys.readouterr().out.endswith("all 18 runs were measured\n")
    full(tmp_path / "bad", flask_agents_light=Given(died=True))
    assert main(["check", str(tmp_path / "bad")]) == 1
    assert "1 of 18 runs were not measured: 0017-flask-agents-light-b1 (died)" in capsys.readouterr().out
    Campaign(tmp_path / "new")
    assert main(["check", str(tmp_path / "new")]) == 1
    assert "18 of 18 runs are missing" in capsys.readouterr().out


def test_a_long_line_is_quoted_in_part() -> None:
    error = ReadError("bad", file="x", line=3, text="y" * 1000)
    assert len(str(error)) < 200
    assert error.text == "y" * 1000


@pytest.mark.parametrize("command", ["record", "link", "plan"])
def test_commands_of_a_campaign_start_without_the_drawing_libraries(command: str) -> None:
    code = (
        "import sys; from collectors.cli import build_parser; build_parser(); "
        "print([name for name in ('numpy', 'matplotlib', 'jinja2', 'ansible') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert command in build_parser().format_help()


@pytest.mark.parametrize("command", [name for names in cli.COMMANDS.values() for name in names])
def test_a_command_alone_is_found_where_the_table_says(command: str) -> None:
    assert f"    {command}" in build_parser(command).format_help()


def test_the_table_names_every_command_of_its_modules() -> None:
    for module, names in cli.COMMANDS.items():
        parser = argparse.ArgumentParser()
        subparsers = parser.add_subparsers()
        importlib.import_module(f"collectors.{module}").add_parser(subparsers)
        assert set(subparsers.choices) == set(names)


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "collectors", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("tandem ")

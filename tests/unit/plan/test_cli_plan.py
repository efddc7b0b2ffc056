"""`tandem plan` and `tandem pending` as an operator types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.cli import main
from tests.unit.plan.support import edit, make_project


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


TEXT = """\
Campaign small: a small campaign
Profile full: a bit of everything
Data set empty-join, 4 workers, 2 blocks in random order from seed 7

service port keep-alive what it is
plain 8000 no plain app
pool 8008 yes app with a pool

round generator path load runs each together
closed wrk localhost closed loop, 16 connections over 2 threads, 2 s after 1 s 4 11 s 44 s
open pacer link 50 req/s, 8 connections, 3 s after 0.5 s 8 12 s 1 min 32 s
all 12 2 min 16 s
"""


def test_plan_prints_cost_and_feasibility(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "small"]) == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines()[:12]] == [line.split() for line in TEXT.splitlines()]
    assert "Each run: warm-up, load, and 8 s for restart, contract check and fetching." in out
    assert "note [samples] open: 150 request(s) in a run give no p99 or p99.9" in out
    assert not (root / "results").exists()


def test_plan_as_json_is_the_document(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "small", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["campaign"] == "small"
    assert {run["bind"] for run in document["runs"]} == {"127.0.0.1", "LINK_ADDRESS"}


def test_freeze_answers_with_the_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "small", "--freeze", "results", "--link-address", "10.99.10.1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    folder = Path(answer["directory"])
    assert folder.is_absolute()
    assert folder.parent == root / "results"
    assert (answer["campaign"], answer["runs"], answer["seconds"]) == ("small", 12, 136.0)
    assert answer["text"].startswith("Campaign small: a small campaign\n")
    assert json.loads((root / "results/latest/campaign.json").read_text())["cost"]["runs"] == 12


def test_freeze_needs_an_address_for_the_link(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "small", "--freeze", "results"]) == 2
    assert capsys.readouterr().err == (
        "tandem: --freeze needs --link-address IP, the server's address on the link, for the round open\n"
    )
    assert not (root / "results").exists()


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_what_cannot_be_measured_is_not_frozen(
    root: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    many = ["--set", "rounds.open.connections=30000", "--link-address", "10.99.10.1", "--freeze", "results"]
    assert main(["plan", "small", *many, *options]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(
        "tandem: small cannot be measured: open: 30000 connections and 64 other files exceed"
    )
    assert "CANNOT BE MEASURED [nofile] open: 30000 connections" in out
    assert not (root / "results").exists()
    if options:
        assert json.loads(out)["directory"] is None


@pytest.mark.parametrize("argv", [["plan"], ["plan", "--list"]], ids=["bare", "list"])
def test_campaigns_are_listed(root: Path, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert main(argv) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["campaign", "runs", "time", "what", "it", "measures"],
        ["small", "12", "2", "min", "16", "s", "a", "small", "campaign"],
    ]


def test_a_broken_campaign_does_not_hide_the_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "campaigns/broken.yml").write_text("description: x\n")
    assert main(["plan", "--list"]) == 2
    out = capsys.readouterr().out
    assert "campaigns/broken.yml, line 1: the file lacks the key 'dataset'" in out
    assert "a small campaign" in out
    assert main(["plan", "--list", "--json"]) == 2
    rows = {row["campaign"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["broken"]["seconds"], rows["small"]["seconds"], rows["small"]["error"]) == (None, 136.0, None)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (
            ["plan", "smal"],
            "tandem: campaigns/: unknown campaign 'smal' (did you mean 'small'?); allowed: small\n",
        ),
        (
            ["plan", "small", "--list"],
            "tandem: --list prints all campaigns; allowed: --list alone, or 'small' without it\n",
        ),
        (["plan", "--apps", "plain"], "tandem: --apps needs a CAMPAIGN; allowed: small\n"),
        (["plan", "--freeze", "results"], "tandem: --freeze needs a CAMPAIGN; allowed: small\n"),
        (
            ["pending", "results"],
            (
                "tandem: results/campaign.json: no frozen plan can be read here: No such file or directory; "
                "allowed: a folder that `tandem plan --freeze` made\n"
            ),
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    root: Path, capsys: pytest.CaptureFixture[str], argv: list[str], sentence: str
) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", sentence)
    assert not (root / "results").exists()


@pytest.mark.parametrize("speed", ["fast", "nan", "0", "-5"])
def test_a_link_speed_is_a_speed(root: Path, capsys: pytest.CaptureFixture[str], speed: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plan", "small", f"--link-mbit={speed}"])
    assert caught.value.code == 2
    assert f"{speed!r} is no speed; allowed: 1 to 1000000 Mb/s" in capsys.readouterr().err


def test_pending_lists_what_is_left(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(
        [
            "plan",
            "small",
            "--freeze",
            "results",
            "--link-address",
            "10.99.10.1",
            "--set",
            "blocks=1",
            "--json",
        ]
    )
    capsys.readouterr()
    assert main(["pending", "results/latest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].split()[:3] == ["1", "of", "6"]
    assert lines[0].endswith("(1 min 8 s left)")
    assert main(["pending", "results/latest", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)
    for run in runs:
        (root / "results/latest/runs" / run["id"]).mkdir(parents=True)
        (root / "results/latest/runs" / run["id"] / "run.json").write_text("{}")
    assert main(["pending", "results/latest"]) == 0
    assert capsys.readouterr().out == "Nothing is left to do.\n"


def test_a_folder_below_the_project_serves_as_well(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "apps/plain")
    assert main(["plan", "small"]) == 0


def test_a_wrong_file_elsewhere_in_apps_does_not_matter(root: Path) -> None:
    edit(root, "apps/pool/app.yml", "launcher: pooled", "launcher: none")
    assert main(["plan", "small", "--apps", "plain"]) == 0


def test_planning_needs_no_heavy_library() -> None:
    code = "import sys, collectors.cli_plan; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "matplotlib", "ansible"} & set(done.stdout.split())

"""Everything that an operator can get wrong, with the exact sentence; edits of files are in slips.yml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from collectors.errors import PlanError
from collectors.plan import Request, build_plan
from collectors.plan.postgresql import KEYS as POSTGRESQL_KEYS
from tests.unit.plan.support import edit, make_project

SLIPS: list[dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("slips.yml").read_text(encoding="utf-8")
)
C = "campaigns/small.yml"
SETTABLE = "profile, profiles, dataset, workers, blocks, seed, until, at_most_blocks, rounds.ROUND.KEY"


def filled(text: str) -> str:
    return text.replace("{postgresql}", ", ".join(POSTGRESQL_KEYS))


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip["name"])
def test_a_slip_leads_to_one_sentence(slip: dict[str, str], tmp_path: Path) -> None:
    project = make_project(tmp_path)
    edit(tmp_path, slip["file"], slip["old"], slip["new"].replace("{nines}", "9" * 5000))
    with pytest.raises(PlanError) as caught:
        build_plan(project, Request(campaign="small", apps=slip.get("apps")))
    assert str(caught.value) == filled(slip["sentence"]).replace("{nines}", "9" * 60)


OPTIONS: dict[str, tuple[Request, str]] = {
    "campaign": (
        Request(campaign="smal"),
        "campaigns/: unknown campaign 'smal' (did you mean 'small'?); allowed: small",
    ),
    "campaign-is-a-path": (
        Request(campaign="../small"),
        "campaigns/: unknown campaign '../small' (did you mean 'small'?); allowed: small",
    ),
    "apps-empty-name": (
        Request(campaign="small", apps="plain,"),
        "--apps plain,: a name is empty; allowed: names of apps with a comma between them",
    ),
    "apps-unknown": (
        Request(campaign="small", apps="plian"),
        "--apps plian: unknown app 'plian' (did you mean 'plain'?); allowed: plain, pool",
    ),
    "set-without-value": (
        Request(campaign="small", settings=["blocks"]),
        f"--set blocks: this is not KEY=VALUE; allowed keys: {SETTABLE}",
    ),
    "set-unknown-key": (
        Request(campaign="small", settings=["description=x"]),
        f"--set description=x: unknown key 'description'; allowed: {SETTABLE}",
    ),
    "set-unknown-round": (
        Request(campaign="small", settings=["rounds.opn.rate_per_s=1"]),
        "--set rounds.opn.rate_per_s=1: unknown round 'opn' (did you mean 'open'?); allowed: closed, open",
    ),
    "set-out-of-range": (
        Request(campaign="small", settings=["rounds.open.rate_per_s=-1"]),
        "--set rounds.open.rate_per_s=-1: rounds.open.rate_per_s is -1; allowed: a number above 0 to 1000000",
    ),
    "set-the-last-counts": (
        Request(campaign="small", settings=["workers=3", "workers=5000"]),
        "--set workers=5000: workers is 5000; allowed: a whole number from 1 to 1024",
    ),
    "set-against-the-file": (
        Request(campaign="small", settings=["rounds.closed.connections=15"]),
        (
            "campaigns/small.yml, line 13: rounds.closed.threads is 2, and wrk would open 14 of the 15 "
            "connections; allowed: a number that divides 15: 1, 3, 5, 15"
        ),
    ),
    "set-list": (
        Request(campaign="small", settings=["rounds.open.endpoints=[agnts]"]),
        (
            "--set rounds.open.endpoints=[agnts]: unknown endpoint 'agnts' (did you mean 'agents'?); "
            "allowed: index, agents, unused"
        ),
    ),
    "set-not-yaml": (
        Request(campaign="small", settings=["workers=["]),
        "--set workers=[: this is not YAML: expected the node content, but found '<stream end>'",
    ),
    "address-short": (
        Request(campaign="small", link_address="10.99.10"),
        (
            "--link-address 10.99.10: this is no IPv4 address; allowed: the server's address on the bench "
            "link, as in 10.99.10.1"
        ),
    ),
    "address-multicast": (
        Request(campaign="small", link_address="224.0.0.1"),
        "--link-address 224.0.0.1: no machine can have this address; allowed: the server's own on the link",
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_wrong_option_leads_to_one_sentence(case: str, tmp_path: Path) -> None:
    request, sentence = OPTIONS[case]
    with pytest.raises(PlanError) as caught:
        build_plan(make_project(tmp_path), request)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "campaigns/small.yml: the file has no value; allowed: a mapping of keys to values"),
        (b"- a\n", "campaigns/small.yml, line 1: the file is a list; allowed: a mapping of keys to values"),
        (b"\xff\xfe", "campaigns/small.yml: byte 0 is not UTF-8 text"),
        (b"a: 1\n---\nb: 2\n", "campaigns/small.yml, line 2: this is not YAML: but found another document"),
        (b"a: \x07\n", "campaigns/small.yml: this is not YAML: "),
        (b"a: &a [*a]\n", "campaigns/small.yml, line 1: a"),
        (b"[" * 1000, "campaigns/small.yml: this is not YAML: "),
        (
            b"a0: &a0 [1,1,1,1,1,1,1,1,1]\n"
            + b"".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n".encode() for n in range(1, 9)),
            "campaigns/small.yml, line 1: the file holds more than 50000 values, aliases counted each time",
        ),
    ],
    ids=["empty", "list", "bytes", "two-documents", "control-character", "alias-loop", "deep", "alias-bomb"],
)
def test_a_damaged_file_leads_to_one_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (tmp_path / C).write_bytes(content)
    with pytest.raises(PlanError) as caught:
        build_plan(project, Request(campaign="small"))
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_a_missing_file_leads_to_one_sentence(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (tmp_path / "apps/contract.yml").unlink()
    with pytest.raises(PlanError, match=r"^apps/contract\.yml: cannot be read: No such file or directory$"):
        build_plan(project, Request(campaign="small"))

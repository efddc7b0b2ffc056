"""Where a lab lives and what it is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import config
from lab.errors import LabError


def load(directory: Path, environment: dict[str, str] | None = None, **flags: str) -> config.Config:
    return config.load({"directory": str(directory), **flags}, environment or {})


def test_the_defaults_are_the_documented_ones() -> None:
    lab = config.load({"directory": "/nowhere/lab"}, {})
    assert [machine.name for machine in lab.machines] == ["tandem-server", "tandem-client"]
    assert [machine.address for machine in lab.machines] == ["10.99.10.1", "10.99.10.2"]
    assert lab.cache == Path("/nowhere/lab/cache")
    assert lab.rate_mbit == 984
    assert lab.pin
    assert not lab.single_frames
    assert lab.packages == ()


def test_a_flag_goes_before_a_variable_before_the_last_up_before_the_default(tmp_path: Path) -> None:
    load(tmp_path, prefix="first", network="10.1.0.0/24", packages="wrk,acl").remember()
    assert load(tmp_path).prefix == "first"
    assert load(tmp_path).packages == ("acl", "wrk")
    assert load(tmp_path, {"TANDEM_LAB_PREFIX": "second"}).prefix == "second"
    assert load(tmp_path, {"TANDEM_LAB_PREFIX": "second"}, prefix="third").prefix == "third"
    assert load(tmp_path, {"TANDEM_LAB_PREFIX": ""}).prefix == "first"


def test_a_network_gives_the_first_two_hosts(tmp_path: Path) -> None:
    lab = load(tmp_path, network="192.168.7.64/30")
    assert [(machine.address, machine.prefix_length) for machine in lab.machines] == [
        ("192.168.7.65", 30),
        ("192.168.7.66", 30),
    ]


def test_a_machine_is_found_by_role_and_by_name(tmp_path: Path) -> None:
    lab = load(tmp_path)
    assert lab.machine("client") == lab.machine("tandem-client") == lab.client
    with pytest.raises(LabError, match="there are server and client"):
        lab.machine("database")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        pytest.param({"directory": "relative/path"}, "must be an absolute path", id="relative directory"),
        pytest.param({"directory": "/"}, "at least two levels deep", id="the root"),
        pytest.param({"directory": "/var"}, "at least two levels deep", id="a whole system folder"),
        pytest.param({"directory": "/var/lib/../x"}, "must be an absolute path", id="dots"),
        pytest.param({"directory": "/var/lib/a,b"}, "letters, digits", id="comma, which mount would split at"),
        pytest.param({"directory": "/var/lib/" + "x" * 90}, "too long by", id="too long for a socket"),
        pytest.param({"prefix": "Lab"}, "cannot be used", id="capital letter in the prefix"),
        pytest.param({"prefix": "a/b"}, "cannot be used", id="slash in the prefix"),
        pytest.param({"network": "10.0.0.1/24"}, "has host bits set", id="not a network"),
        pytest.param({"network": "10.0.0.0/31"}, "no room for two machines", id="too small"),
        pytest.param({"network": "fd00::/64"}, "cannot be used", id="not IPv4"),
        pytest.param({"packages": "wrk,-x"}, "is not the name of a package", id="option as package"),
        pytest.param({"rate_mbit": "1gbit"}, "whole Mb/s, 1 to 100000", id="rate with a unit"),
        pytest.param({"rate_mbit": "0"}, "whole Mb/s, 1 to 100000", id="no rate"),
        pytest.param({"pin": "maybe"}, "must be yes or no", id="neither yes nor no"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(flags: dict[str, str], sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        config.load({"directory": "/var/lib/lab", **flags}, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("{", "cannot be read", id="truncated"),
        pytest.param('{"schema_version": 99}', "another version", id="from the future"),
        pytest.param("[]", "another version", id="something else"),
    ],
)
def test_a_damaged_memory_is_said_to_be_that(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "lab.json").write_text(text)
    with pytest.raises(LabError, match=sentence):
        load(tmp_path)


def test_what_is_remembered_is_plain_json(tmp_path: Path) -> None:
    lab = load(tmp_path, suite="trixie", pin="no", single_frames="yes")
    lab.remember()
    content = json.loads(lab.memory_file.read_text())
    assert content["schema_version"] == config.SCHEMA_VERSION
    again = load(tmp_path)
    assert (again.suite, again.pin, again.single_frames) == ("trixie", False, True)

"""Profiles: values as the machines take them, and ports that client sockets must leave alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.plan import Request, build_plan, postgresql
from collectors.plan.load import parse
from collectors.plan.model import KernelValue, Profile
from collectors.plan.profile import PORT_RANGE, RESERVED_PORTS, client_ports, read_profile, reserve_ports
from tests.unit.plan.support import make_project


def a_profile(**kernel: str) -> Profile:
    values = {key.replace("__", "."): KernelValue(value=value) for key, value in kernel.items()}
    return Profile(name="p", description="d", kernel=values, limits={}, postgresql={}, refused={})


def with_range(value: str, reserved: str | None = None) -> Profile:
    kernel = {PORT_RANGE: value} | ({} if reserved is None else {RESERVED_PORTS: reserved})
    return a_profile(**{key.replace(".", "__"): text for key, text in kernel.items()})


def test_values_become_text_as_the_machines_take_it(tmp_path: Path) -> None:
    profile = build_plan(make_project(tmp_path), Request(campaign="small")).profile
    assert profile.kernel["net.core.somaxconn"] == KernelValue(value="65535")
    assert profile.kernel["net.ipv4.tcp_rmem"] == KernelValue(value="4096 131072 6291456")
    assert profile.kernel["net.ipv4.tcp_congestion_control"] == KernelValue(value="bic", optional=True)
    assert profile.limits == {"nofile": 16384}
    assert profile.postgresql == {"max_connections": "600", "fsync": "off", "work_mem": "4MB"}
    assert profile.refused == {"net.ipv4.tcp_mem": "too much"}


@pytest.mark.parametrize(
    ("range_", "given_", "ports", "reserved"),
    [
        ("1024 65535", None, [5442, 8000, 8004, 8008], "5442,8000,8004,8008"),
        ("1024 65535", None, [8000, 8001, 8002, 8004], "8000-8002,8004"),
        ("1024 65535", "7000-7001,8000", [8000, 8008], "7000-7001,8000,8008"),
        ("1024 65535", "5000-9000", [8000, 8008], "5000-9000"),
        ("8004 65535", None, [8000, 8004], "8004"),
        ("10240 65535", None, [5442, 8000, 8008], None),
    ],
    ids=["all", "neighbours-joined", "added", "already", "some", "clear"],
)
def test_daemons_ports_are_reserved_where_the_range_covers_them(
    range_: str, given_: str | None, ports: list[int], reserved: str | None
) -> None:
    profile = reserve_ports(with_range(range_, given_), ports)
    found = profile.kernel.get(RESERVED_PORTS)
    assert (found and found.value) == reserved


def test_a_profile_that_leaves_the_range_alone_changes_nothing() -> None:
    profile = a_profile()
    assert reserve_ports(profile, [8000]) is profile


@given(
    low=st.integers(1024, 40000),
    size=st.integers(1, 20000),
    ports=st.sets(st.integers(1024, 65535), max_size=8),
)
def test_client_ports_are_the_range_without_the_reserved(low: int, size: int, ports: set[int]) -> None:
    profile = reserve_ports(with_range(f"{low} {low + size}"), ports)
    assert client_ports(profile) == size + 1 - sum(low <= port <= low + size for port in ports)


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", "on"), ("'off'", "off"), ("no", "off"), ("remote_write", "remote_write")],
)
def test_on_and_off_may_be_written_without_quotes(text: str, value: str) -> None:
    settings = f"{{synchronous_commit: {text}}}"
    document = parse(
        f"description: d\nkernel: {{}}\nlimits: {{}}\nrefused: {{}}\npostgresql: {settings}", "x"
    )
    assert read_profile("p", document).postgresql == {"synchronous_commit": value}


def kinds_of_postgresql() -> dict[str, str]:
    """Name and type of every setting of the newest PostgreSQL installed here; empty where there is none."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        return {}
    command = [str(programs[-1]), "--describe-config"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return {line.split("\t")[0]: line.split("\t")[3] for line in done.stdout.splitlines()}


def test_a_real_postgresql_knows_every_setting_that_a_profile_may_carry() -> None:
    kinds = kinds_of_postgresql()
    if not kinds:
        pytest.skip("PostgreSQL's server programs are not installed here")
    tables: dict[str, set[str]] = {
        "BOOLEAN": set(postgresql.SWITCHES),
        "INTEGER": {*postgresql.WHOLE, *postgresql.MEMORY, *postgresql.TIMES},
        "REAL": set(postgresql.REALS),
        "ENUM": set(postgresql.CHOICES) - {"shared_preload_libraries"},
        "STRING": {"shared_preload_libraries"},
    }
    for kind, names in tables.items():
        core = {name for name in names if not name.startswith("pg_stat_statements.")}
        assert {name for name in core if kinds.get(name) != kind} == set()

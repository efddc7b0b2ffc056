"""The power is cut before and after every single write; restoring then gives the machine back, always."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_kernel.report import SettingsError

from tests.unit.settings.fake_kernel import PowerCutError, make_machine, state_of, transaction_on

HUGE = "sysfs:/sys/kernel/mm/transparent_hugepage/enabled"
FIRST: dict[str, Any] = {
    "net.core.somaxconn": 65535,
    "net.ipv4.ip_local_port_range": "1024 65535",
    "net.ipv4.ip_local_reserved_ports": "8000",
    "net.ipv4.conf.default.rp_filter": 1,
    "vm.dirty_bytes": 1_000_000,
    HUGE: "never",
}
SECOND: dict[str, Any] = {
    "net.core.somaxconn": 100,
    "net.core.rmem_max": 1,
    "vm.dirty_ratio": 5,
    HUGE: "always",
}
FAILING: dict[str, Any] = {**FIRST, "net.ipv4.tcp_congestion_control": "bic"}


def apply(root: Path, profile: dict[str, Any], steps: int | None = None) -> None:
    transaction_on(root, steps).apply(profile)


def steps_of(root: Path, profiles: list[dict[str, Any]]) -> int:
    """How many steps it takes to apply the last of these profiles after the others."""
    for profile in profiles[:-1]:
        apply(root, profile)
    for steps in count():
        try:
            apply(root, profiles[-1], steps)
        except PowerCutError:
            transaction_on(root).restore()
            for profile in profiles[:-1]:
                apply(root, profile)
        except SettingsError:
            return steps
        else:
            return steps
    raise AssertionError


@pytest.mark.parametrize("profiles", [
    pytest.param([FIRST], id="apply"),
    pytest.param([FIRST, SECOND], id="switch"),
    pytest.param([SECOND, FIRST], id="switch-back"),
    pytest.param([FIRST, {}], id="stock"),
    pytest.param([SECOND, FAILING], id="switch-that-gives-up"),
])
def test_a_power_cut_while_applying(tmp_path: Path, profiles: list[dict[str, Any]]) -> None:
    measured = tmp_path / "measured"
    make_machine(measured)
    steps = steps_of(measured, profiles)
    assert steps > 8
    for cut in range(steps):
        root = tmp_path / str(cut)
        make_machine(root)
        before = state_of(root)
        for profile in profiles[:-1]:
            apply(root, profile)
        with pytest.raises(PowerCutError):
            apply(root, profiles[-1], cut)
        report = transaction_on(root).restore()
        assert report.restored, cut
        assert report.others_changed == [], cut
        assert state_of(root) == before, cut


def test_a_power_cut_while_restoring(tmp_path: Path) -> None:
    for cut in count():
        root = tmp_path / str(cut)
        make_machine(root)
        before = state_of(root)
        apply(root, FIRST)
        apply(root, SECOND)
        try:
            transaction_on(root, cut).restore()
        except PowerCutError:
            assert transaction_on(root).restore().restored
            assert state_of(root) == before, cut
        else:
            assert cut > 8
            break


def test_an_apply_after_a_power_cut_continues_with_the_same_originals(tmp_path: Path) -> None:
    for cut in range(6):
        root = tmp_path / str(cut)
        make_machine(root)
        before = state_of(root)
        with pytest.raises(PowerCutError):
            apply(root, FIRST, cut)
        apply(root, SECOND)
        transaction_on(root).restore()
        assert state_of(root) == before, cut


POOL: dict[str, list[Any]] = {
    "net.core.somaxconn": [1, 65535, 200_000],
    "net.core.rmem_max": [1, 212992],
    "net.ipv4.tcp_rmem": ["1 2 3"],
    "net.ipv4.ip_local_port_range": ["1024 65535", "40000 50000"],
    "net.ipv4.ip_local_reserved_ports": ["8000,8001", ""],
    "net.ipv4.conf.default.rp_filter": [0, 1, 2],
    "net.ipv4.conf.eth0.rp_filter": [0, 1],
    "net.ipv4.tcp_congestion_control": ["reno", "bic"],
    "net.ipv4.tcp_tw_recycle": [1],
    "vm.dirty_bytes": [1_000_000],
    "vm.dirty_ratio": [5, 20],
    HUGE: ["always", "madvise", "never"],
}
PROFILES = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in POOL.items()})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(PROFILES, st.booleans(), st.none() | st.integers(0, 20)), max_size=5))
def test_any_sequence_of_profiles_can_be_undone(steps: list[tuple[dict[str, Any], bool, int | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_machine(root)
        before = state_of(root)
        for profile, strict, cut in steps:
            with suppress(SettingsError, PowerCutError):     # refused, given up or interrupted
                transaction_on(root, cut).apply(profile, strict=strict)
        assert transaction_on(root).restore().restored
        assert state_of(root) == before


@settings(max_examples=25, deadline=None)
@given(st.lists(PROFILES, min_size=1, max_size=4))
def test_a_profile_means_the_same_whatever_came_before(profiles: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        travelled, fresh = Path(folder, "travelled"), Path(folder, "fresh")
        for root in (travelled, fresh):
            make_machine(root)
        for profile in profiles:
            transaction_on(travelled).apply(profile, strict=False)
        transaction_on(fresh).apply(profiles[-1], strict=False)
        assert state_of(travelled) == state_of(fresh)

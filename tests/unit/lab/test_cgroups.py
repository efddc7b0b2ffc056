"""Control groups on every kind of host, as folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import cgroups, config
from lab.errors import LabError

MACHINE = config.Config(directory=Path("/var/lib/x"), cache=Path("/c"), split=((1,), (2, 3))).client


def pure_v2(root: Path) -> Path:
    root.mkdir()
    (root / "cgroup.controllers").write_text("cpuset cpu\n")
    (root / "cgroup.subtree_control").write_text("")
    (root / "cgroup.procs").write_text("")
    return root


def v1(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "cgroup.procs").write_text("")
    (root / "cpuset" / "cpuset.mems").write_text("0\n")
    return root


def test_a_pure_v2_host(tmp_path: Path) -> None:
    root = pure_v2(tmp_path / "cgroup")
    found = cgroups.find(root)
    assert found == cgroups.Hierarchies(unified=root, v1=())
    groups = cgroups.make(MACHINE, found)
    assert groups == cgroups.Groups(v2=root / MACHINE.name)
    assert (root / MACHINE.name / "cpuset.cpus").read_text() == "2-3"


def test_a_v1_host(tmp_path: Path) -> None:
    root = v1(tmp_path / "cgroup", "cpuset", "freezer", "memory", "systemd")
    found = cgroups.find(root)
    assert found.unified is None
    assert [path.name for path in found.v1] == ["cpuset", "freezer", "systemd"]
    groups = cgroups.make(MACHINE, found)
    assert groups.v2 is None
    assert (root / "cpuset" / MACHINE.name / "cpuset.cpus").read_text() == "2-3"
    assert (root / "cpuset" / MACHINE.name / "cpuset.mems").read_text() == "0\n"


def test_a_host_with_both(tmp_path: Path) -> None:
    root = v1(tmp_path / "cgroup", "cpuset", "freezer")
    unified = pure_v2(root / "unified")
    found = cgroups.find(root)
    assert found.unified == unified
    groups = cgroups.make(MACHINE, found)
    assert groups.v2 == unified / MACHINE.name
    assert [path.parent.name for path in groups.v1] == ["cpuset", "freezer"]


def test_groups_are_made_twice_without_harm_found_and_removed(tmp_path: Path) -> None:
    root = v1(tmp_path / "cgroup", "cpuset", "freezer")
    found = cgroups.find(root)
    cgroups.make(MACHINE, found)
    groups = cgroups.make(MACHINE, found)
    assert cgroups.leftovers(MACHINE, found) == list(groups.v1)
    for group in groups.v1:
        for path in group.iterdir():
            path.unlink()  # the kernel's own files vanish with their folder
    assert cgroups.remove(MACHINE, found)
    assert cgroups.leftovers(MACHINE, found) == []


def test_the_group_of_a_transient_unit_is_found(tmp_path: Path) -> None:
    root = pure_v2(tmp_path / "cgroup")
    unit = root / "machine.slice" / f"{MACHINE.name}.service"
    (unit / "machine" / "payload").mkdir(parents=True)
    found = cgroups.find(root)
    assert cgroups.leftovers(MACHINE, found) == [unit]
    assert cgroups.remove(MACHINE, found)
    assert (root / "machine.slice").exists()


def test_without_a_freezer_a_machine_cannot_be_frozen(tmp_path: Path) -> None:
    found = cgroups.find(v1(tmp_path / "cgroup", "cpuset"))
    with pytest.raises(LabError, match="no control group that can freeze"):
        cgroups.freeze(MACHINE, 1, found, frozen=True)
    assert not cgroups.is_frozen(MACHINE, 1, found)


def test_a_v1_freezer_is_used_where_there_is_no_v2(tmp_path: Path) -> None:
    root = v1(tmp_path / "cgroup", "cpuset", "freezer")
    found = cgroups.find(root)
    cgroups.make(MACHINE, found)
    cgroups.freeze(MACHINE, 1, found, frozen=True)
    assert (root / "freezer" / MACHINE.name / "freezer.state").read_text() == "FROZEN"
    assert cgroups.is_frozen(MACHINE, 1, found)
    cgroups.freeze(MACHINE, 1, found, frozen=False)
    assert not cgroups.is_frozen(MACHINE, 1, found)

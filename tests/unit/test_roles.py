"""A role's documented interface: defaults/main.yml and meta/argument_specs.yml say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted(path for path in (Path(__file__).parents[2] / "roles").iterdir() if path.is_dir())
OF_EACH_ROLE = pytest.mark.parametrize("role", ROLES, ids=[role.name for role in ROLES])


def loaded(path: Path) -> dict[str, Any]:
    """A YAML mapping; a missing or empty file is an empty one."""
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def defaults_of(role: Path) -> dict[str, Any]:
    return loaded(role / "defaults/main.yml")


def options_of(role: Path) -> dict[str, dict[str, Any]]:
    """The options of all entry points by name."""
    found: dict[str, dict[str, Any]] = {}
    for entry in loaded(role / "meta/argument_specs.yml").get("argument_specs", {}).values():
        found.update(entry.get("options") or {})
    return found


def test_there_are_roles() -> None:
    assert ROLES


@OF_EACH_ROLE
def test_defaults_and_specs_have_the_same_keys(role: Path) -> None:
    options = {name for name, option in options_of(role).items() if not option.get("required")}
    assert set(defaults_of(role)) == options, "a required option has no default, every other one has"


@OF_EACH_ROLE
def test_defaults_and_specs_give_the_same_values(role: Path) -> None:
    stated = {name: option["default"] for name, option in options_of(role).items() if "default" in option}
    defaults = {name: value for name, value in defaults_of(role).items() if name in stated}
    fixed = {name: value for name, value in defaults.items() if "{{" not in str(value)}  # others are computed
    assert fixed == {name: stated[name] for name in fixed}


@OF_EACH_ROLE
def test_names_belong_to_the_role(role: Path) -> None:
    names = {*defaults_of(role), *options_of(role)}
    assert {name for name in names if not name.startswith((f"{role.name}_", f"__{role.name}_"))} == set()


@OF_EACH_ROLE
def test_options_are_typed_and_described(role: Path) -> None:
    needed = {"type", "description"}
    unclear = [name for name, option in options_of(role).items() if not needed <= option.keys()]
    assert unclear == []


@OF_EACH_ROLE
def test_every_entry_point_has_tasks_and_a_description(role: Path) -> None:
    entries = loaded(role / "meta/argument_specs.yml").get("argument_specs", {})
    assert entries
    for name, entry in entries.items():
        assert (role / f"tasks/{name}.yml").exists()
        assert entry.get("short_description")

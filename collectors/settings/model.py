"""How the profiles of a campaign differ on its machines, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One setting, and for each profile what was read back of it in the runs; None: the machine has it not, or no run
    is on record. `machines`: server, client, or both where they do not differ. `differs`: not the same in all profiles.
    """

    setting: str
    machines: str
    values: Mapping[str, str | None]
    differs: bool


@dataclass(frozen=True, kw_only=True)
class NotApplied:
    """A setting of a profile that a machine could not have, and why."""

    profile: str
    machines: str
    setting: str
    why: str


@dataclass(frozen=True, kw_only=True)
class ProfilesTable:
    """The settings of all profiles of a campaign that has several."""

    profiles: tuple[str, ...]
    rows: tuple[SettingRow, ...]
    not_applied: tuple[NotApplied, ...]

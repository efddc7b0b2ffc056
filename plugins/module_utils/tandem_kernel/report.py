"""What applying and restoring settings did, key by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Report:
    """What happened to every key.

    applied, put_back, side_effects and others_changed hold key, from, to; unavailable key, wanted, why,
    optional; refused key, value, why; drifted (changed by others since) key, expected, found; left (not put
    back on purpose) and remaining (could not be put back) key, original, now, why. restored is true when the
    machine is proven to be as it was.
    """

    state: str
    applied: list[dict[str, Any]] = field(default_factory=list)
    put_back: list[dict[str, Any]] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    unavailable: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    side_effects: list[dict[str, str]] = field(default_factory=list)
    drifted: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    remaining: list[dict[str, Any]] = field(default_factory=list)
    others_changed: list[dict[str, Any]] = field(default_factory=list)
    rebooted: bool = False
    restored: bool = False

    @property
    def changed(self) -> bool:
        """Whether a setting was, or in check mode would be, written."""
        return bool(self.applied or self.put_back)

    @property
    def failing(self) -> list[dict[str, Any]]:
        """The keys that could not be applied and are not optional."""
        return [row for row in self.unavailable if not row["optional"]]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return asdict(self)


class SettingsError(Exception):
    """The machine is not in the wanted state; the message is one sentence, report holds the details."""

    def __init__(self, sentence: str, report: Report) -> None:
        super().__init__(sentence)
        self.report = report


def sentence_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Keys with their reasons as one line."""
    return "; ".join(f"{row['key']}: {row['why']}" for row in rows)

"""Canaries: what processor, memory, disk and link gave for a second before and after a campaign.

A daemon that got slower on a processor that got slower is another finding than a daemon that got slower alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from collectors import limits
from collectors.errors import ReadError
from collectors.grid import grid, markdown_grid
from collectors.jsonio import read_text
from collectors.model import Finding
from collectors.readers.fio import read_fio
from collectors.readers.sysbench import read_sysbench
from collectors.results import ResultsFolder
from collectors.units import DASH, significant
from collectors.warnings import MACHINES

When = Literal["before", "after"]
WHENS: Final[tuple[When, ...]] = ("before", "after")
CanaryName = Literal["cpu", "memory", "disk", "link"]
UNITS: Final[Mapping[CanaryName, str]] = {"cpu": "events/s", "memory": "MiB/s", "disk": "operations/s", "link": "Mb/s"}
"""What each canary counts: more is faster."""
WORDS: Final[Mapping[CanaryName, str]] = {"cpu": "CPU", "memory": "memory", "disk": "disk", "link": "link"}
FILES: Final[Mapping[CanaryName, str]] = {"cpu": "cpu.txt", "memory": "memory.txt", "disk": "disk.json"}
HEAD: Final = ("machine", "canary", "unit", "before", "after", "drift")
LEFT: Final = frozenset({0, 1, 2})


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One canary measured once; speeds of other `work` are other figures."""

    value: float
    work: str


@dataclass(frozen=True, kw_only=True)
class CanaryRow:
    """One canary of one machine, more is faster; None: not measured. `machine` of a link is where it leads to.

    `drift` is after / before - 1, None where one is missing or the two did other work. `work` is what was done, with
    `value`, the geometric mean of what was measured, for comparing campaigns.
    """

    machine: str
    name: CanaryName
    unit: str
    before: float | None
    after: float | None
    drift: float | None
    value: float | None
    work: str

    @property
    def label(self) -> str:
        """Return the canary in words, as in "the server's CPU canary"."""
        if self.name == "link":
            return f"the link to the {self.machine}"
        return f"the {self.machine}'s {WORDS[self.name]} canary"

    @property
    def changed(self) -> bool:
        """Say whether it moved from before to after by more than it may."""
        return self.drift is not None and moved(self.name, 1 + self.drift)


def moved(name: CanaryName, ratio: float) -> bool:
    """Say whether a ratio of speeds is beyond the canary's limit, either way."""
    return abs(math.log(ratio)) > -math.log(1 - limits.CANARY_CHANGE[name]) if ratio > 0 else True


def canary_rows(folder: ResultsFolder) -> tuple[CanaryRow, ...]:
    """Return the canaries that were measured: the machines' own, and the link's throughput each way."""
    rows = []
    for machine in MACHINES:
        for name, file in FILES.items():
            before, after = (_speed(_file(folder, when, machine, file)) for when in WHENS)
            rows += _row(machine, name, before, after)
    for machine, key in zip(MACHINES, ("forward_mbit", "reverse_mbit"), strict=True):
        figures = [folder.link(when) for when in WHENS]
        rates = [None if each is None else getattr(each, key) for each in figures]
        rows += _row(machine, "link", *(Speed(value=rate, work="iperf3") if rate else None for rate in rates))
    own = [row for row in rows if row.name != "link"]
    return tuple(rows) if own else ()


def canary_findings(folder: ResultsFolder, rows: Iterable[CanaryRow]) -> Iterable[Finding]:
    """Return which canaries drifted or could not be read; the link's drift is reported by the link's own check."""
    for machine in MACHINES:
        for file in FILES.values():
            for when in WHENS:
                path = _file(folder, when, machine, file)
                if path.is_file() and isinstance(fault := _read(path), ReadError):
                    where = path.relative_to(folder.directory).as_posix()
                    advice = f"the canary {where} says nothing: {_reason(fault)}"
                    yield Finding(kind="canary", where=where, advice=advice)
    for row in rows:
        if row.changed and row.drift is not None and row.name != "link":
            limit = limits.CANARY_CHANGE[row.name]
            way = "slower" if row.drift < 0 else "faster"
            advice = (
                f"{row.label} was {abs(row.drift):.0%} {way} after the campaign than before (limit {limit:.0%}): the "
                "machine did not stay the same"
            )
            yield Finding(kind="canary-drift", where=row.machine, value=row.drift, limit=limit, advice=advice)


def canary_cells(row: CanaryRow) -> tuple[str, ...]:
    """Return a row of the table as text."""
    drift = DASH if row.drift is None else f"{row.drift:+.1%}"
    return row.machine, WORDS[row.name], row.unit, shown(row.before), shown(row.after), drift


def shown(value: float | None) -> str:
    """Return a speed with three digits or whole, a dash where there is none."""
    return DASH if value is None else f"{value:.0f}" if value >= 1000 else significant(value, 3)


def canary_text(rows: Sequence[CanaryRow]) -> list[str]:
    """Return the table for a terminal, nothing where nothing was measured."""
    if not rows:
        return []
    return ["", "machine canaries:", *grid(HEAD, [canary_cells(row) for row in rows], left=LEFT)]


def canary_markdown(rows: Sequence[CanaryRow]) -> list[str]:
    """Return the table as Markdown, nothing where nothing was measured."""
    if not rows:
        return []
    return ["", "## Machine canaries", "", *markdown_grid(HEAD, [canary_cells(row) for row in rows], left=LEFT)]


def _row(machine: str, name: CanaryName, before: Speed | None, after: Speed | None) -> list[CanaryRow]:
    known = [each for each in (before, after) if each is not None]
    if not known:
        return []
    same = len({each.work for each in known}) == 1
    value = math.exp(sum(math.log(each.value) for each in known) / len(known)) if same else None
    drift = after.value / before.value - 1 if before and after and same else None
    work = " / ".join(dict.fromkeys(each.work for each in known))
    return [
        CanaryRow(
            machine=machine, name=name, unit=UNITS[name], before=before.value if before else None,
            after=after.value if after else None, drift=None if drift is None else round(drift, 6),
            value=None if value is None else round(value, 3), work=work,
        )
    ]  # fmt: skip


def _file(folder: ResultsFolder, when: When, machine: str, name: str) -> Path:
    return folder.directory / "machines" / "canary" / when / f"{machine}-{name}"


def _speed(path: Path) -> Speed | None:
    found = _read(path)
    return None if isinstance(found, ReadError) else found


def _read(path: Path) -> Speed | ReadError:
    try:
        text = read_text(path)
        if path.suffix == ".json":
            disk = read_fio(text, path)
            found = Speed(value=disk.per_s, work=f"{disk.version} {disk.work}")
        else:
            result = read_sysbench(text, path)
            work = f"sysbench {result.version}, {result.threads} threads, {result.work}"
            found = Speed(value=result.speed, work=work)
    except ReadError as error:
        return error
    return found if found.value > 0 else ReadError("a speed of 0", file=path)


def _reason(error: ReadError) -> str:
    return error.reason if error.text is None else f"{error.reason}: {error.text.strip()!r}"

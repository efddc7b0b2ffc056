"""The two sides of a comparison, their cells side by side, and which of their runs count."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from collectors import limits
from collectors.errors import TandemError
from collectors.model import PRECEDENCE, UNRANKED
from collectors.results import PlannedRun, ResultsFolder
from collectors.run import Cell, Run

T = TypeVar("T", PlannedRun, Run)

OUTSIDE: Final = frozenset({"environment-changed"})
"""Verdicts that come from outside: leaving such runs out favours no side, while both sides have about as many. Any
other reason to leave a run out may be what the comparison is about (a daemon that breaks under load), so a cell with
one is not judged without it."""
LOPSIDED: Final = 0.05
"""A split of disturbed runs that chance gives less often may be of a side's own making."""
NOT_RUN: Final = "not run"
USABLE: Final = tuple(kind for kind in PRECEDENCE if kind in UNRANKED)
"""The verdicts that --use can declare usable."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side: a folder, and those of its planned and recorded runs that belong to the side."""

    label: str
    folder: ResultsFolder
    planned: tuple[PlannedRun, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One cell on both sides, with all runs that were planned and all that were recorded of it."""

    a: Cell
    b: Cell
    planned_a: int
    planned_b: int
    runs_a: tuple[Run, ...]
    runs_b: tuple[Run, ...]


def whole(label: str, folder: ResultsFolder, runs: Sequence[Run]) -> Side:
    """Return a folder as a side."""
    return Side(label=label, folder=folder, planned=folder.plan.runs, runs=tuple(runs))


def within(folder: ResultsFolder, runs: Sequence[Run], what: str, name: str) -> Side:
    """Return the runs of one `service` or `profile` of a folder as a side; TandemError where it has none."""
    names = list(dict.fromkeys(_named(run.cell, what) for run in folder.plan.runs))
    if name not in names:
        raise TandemError(f"{folder.directory}: there is no {what} {name!r}; its {what}s: {', '.join(names)}")
    return Side(
        label=name,
        folder=folder,
        planned=tuple(each for each in folder.plan.runs if _named(each.cell, what) == name),
        runs=tuple(each for each in runs if _named(each.cell, what) == name),
    )


def _named(cell: Cell, what: str) -> str:
    return cell.service if what == "service" else cell.profile


def pairs(a: Side, b: Side, *, but: str | None = None) -> list[Pair]:
    """Return the cells that both sides have, in A's order of planning.

    `but` is what the sides differ in, `service` or `profile`. Profiles of two folders with one each are the folders'
    own, whatever they are called.
    """
    single = all(len({run.cell.profile for run in side.planned}) == 1 for side in (a, b))
    key = _key(but, skip_profile=single)
    mine, theirs = _by_cell(a.planned, key), _by_cell(b.planned, key)
    runs_a, runs_b = _by_cell(a.runs, key), _by_cell(b.runs, key)
    order = {name: place for place, name in enumerate(a.folder.plan.rounds)}
    found = [
        Pair(
            a=mine[each][0].cell, b=theirs[each][0].cell, planned_a=len(mine[each]), planned_b=len(theirs[each]),
            runs_a=tuple(runs_a.get(each, ())), runs_b=tuple(runs_b.get(each, ())),
        )
        for each in mine
        if each in theirs
    ]  # fmt: skip
    return sorted(found, key=lambda pair: (order.get(pair.a.round, 0), pair.a.service, pair.a.endpoint, pair.a.profile))


def _key(but: str | None, *, skip_profile: bool) -> Callable[[Cell], tuple[str, ...]]:
    def key(cell: Cell) -> tuple[str, ...]:
        service = "" if but == "service" else cell.service
        profile = "" if but == "profile" or (but is None and skip_profile) else cell.profile
        return cell.round, cell.endpoint, service, profile

    return key


def _by_cell(runs: Iterable[T], key: Callable[[Cell], tuple[str, ...]]) -> dict[tuple[str, ...], list[T]]:
    found: dict[tuple[str, ...], list[T]] = {}
    for run in runs:
        found.setdefault(key(run.cell), []).append(run)
    return found


def why_left_out(run: Run, use: Collection[str]) -> str | None:
    """Return the outcome or verdict for which a run does not count, None where it does: of several verdicts one that
    is not from outside, which a disturbance does not excuse."""
    if run.outcome != "measured" or run.load is None:
        return run.outcome
    return unranked(run.kinds, use)


def unranked(kinds: Iterable[str], use: Collection[str]) -> str | None:
    """Return which of a measured run's verdicts keeps it from counting, None where none does."""
    found = [kind for kind in kinds if kind in UNRANKED and kind not in use]
    return next((kind for kind in found if kind not in OUTSIDE), found[0] if found else None)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One side of a cell: the runs that count, the others counted by reason, and what disturbed those that were left
    out for a reason from outside."""

    runs: list[Run]
    left_out: dict[str, int]
    causes: tuple[str, ...]

    @property
    def outside(self) -> int:
        """Return how many runs were left out for a reason from outside."""
        return sum(count for reason, count in self.left_out.items() if reason in OUTSIDE)


def usable(pair: Pair, use: Collection[str]) -> tuple[Kept, Kept]:
    """Return of both sides the runs that count and those that do not."""
    return _kept(pair.planned_a, pair.runs_a, use), _kept(pair.planned_b, pair.runs_b, use)


def _kept(planned: int, runs: Sequence[Run], use: Collection[str]) -> Kept:
    reasons = [(run, why_left_out(run, use)) for run in runs]
    left_out = Counter(reason for _, reason in reasons if reason is not None)
    left_out[NOT_RUN] += planned - len(runs)
    causes = dict.fromkeys(
        evidence.what
        for run, reason in reasons
        if reason in OUTSIDE
        for verdict in run.verdicts
        if verdict.kind == reason
        for evidence in verdict.evidence
    )
    return Kept(
        runs=[run for run, reason in reasons if reason is None],
        left_out={reason: count for reason, count in left_out.items() if count},
        causes=tuple(causes),
    )


def lopsided(a: Kept, b: Kept) -> bool:
    """Say whether one side lost more runs to disturbances than chance explains (Fisher's exact test, two-sided)."""
    return fisher_p((a.outside, len(a.runs)), (b.outside, len(b.runs))) <= LOPSIDED


def fisher_p(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return Fisher's exact two-sided p of a table of two by two: the probability of all tables with the same sums that
    are no likelier than this one (R. A. Fisher, Statistical Methods for Research Workers, 5th edition, section 21.02).
    """
    rows, first = (sum(one), sum(other)), one[0] + other[0]
    ways = [
        math.comb(rows[0], k) * math.comb(rows[1], first - k)
        for k in range(max(0, first - rows[1]), min(first, rows[0]) + 1)
    ]
    seen = math.comb(rows[0], one[0]) * math.comb(rows[1], other[0])
    return sum(each for each in ways if each <= seen) / sum(ways)


def other_work(runs_a: Sequence[Run], runs_b: Sequence[Run]) -> str | None:
    """Return how the replies of the sides differ, as a sentence; None where both do the same work or it is unknown."""
    sizes = [_body_bytes(runs) for runs in (runs_a, runs_b)]
    if sizes[0] is not None and sizes[1] is not None:
        gap, larger = abs(sizes[0] - sizes[1]), max(sizes[0], sizes[1])
        if gap > max(limits.REPLY_BYTES_SHARE * larger, limits.REPLY_BYTES_FLOOR):
            return f"a reply's body has {sizes[0]} bytes in A and {sizes[1]} in B: other work"
    kept = [_keep_alive(runs) for runs in (runs_a, runs_b)]
    if None not in kept and kept[0] != kept[1]:
        words = {True: "kept open", False: "closed after each reply"}
        return f"connections are {words[bool(kept[0])]} in A and {words[bool(kept[1])]} in B: other work"
    return None


def _body_bytes(runs: Sequence[Run]) -> int | None:
    return next((run.contract.body_bytes for run in runs if run.contract and run.contract.body_bytes is not None), None)


def _keep_alive(runs: Sequence[Run]) -> bool | None:
    return next((run.contract.keep_alive for run in runs if run.contract and run.contract.keep_alive is not None), None)


def counted(counts: Mapping[str, int]) -> str:
    """Return counts by reason in words, the most frequent first."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])))

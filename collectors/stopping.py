"""Go on, or stop early: after how many blocks the medians are known as well as a campaign asked for.

A look holds each condition against every cell of its rounds: the interval of the cell's median, corrected for the
number of planned looks (collectors.replicates.missed). How wide an interval is, is said by its end that lies farther
from the median, as a share of the median: ±4.6 % means that the whole interval is within 4.6 % of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.codec import from_json, to_json
from collectors.compare.metrics import MetricName, has_too_few, is_bound, value_of
from collectors.compare.sides import why_left_out
from collectors.errors import TandemError
from collectors.jsonio import Fields, write_json
from collectors.load_runs import load_runs
from collectors.plan.looks import LOOKS_FILE, Stretch, looks_taken, stretch
from collectors.replicates import Spread, spread
from collectors.results import ResultsFolder
from collectors.run import Run
from collectors.units import significant

SCHEMA_VERSION: Final = 1
NOT_WAITED_FOR: Final = "not-installable"
"""A cell of which every run ended so has no figures however many blocks follow."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a campaign asks for, as its frozen plan has it, where anybody may have written it: of every cell of these
    rounds the interval of one of our metrics, narrower than so large a share."""

    metric: MetricName
    below: float
    rounds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one look saw of one condition. `cells` were looked at, in `without` of them too few runs count for an
    interval, or have no figure. `widest` is the largest share by which an interval lies off its median, in `cell`."""

    metric: MetricName
    below: float
    met: bool
    cells: int
    without: int
    widest: float | None
    cell: str | None

    @property
    def sentence(self) -> str:
        """Return what was seen, without a full stop."""
        asked = f"less than {100 * self.below:g} % was asked"
        if not self.cells:
            return f"{self.metric} is waited for in no cell, since no app of its rounds can be installed"
        if self.widest is None:
            return f"{self.metric} has no interval in any of {self.cells} cells, and {asked}"
        why = "too few runs count, or one has no figure"
        lacking = f", but {self.without} of {self.cells} cells have none ({why})" if self.without else ""
        wide = f"±{_percent(self.widest, self.below)} % in the widest cell ({self.cell})"
        return f"{self.metric}'s interval is {wide}{lacking}; {asked}"


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look: after how many blocks, what it saw, and whether measuring goes on. `use` are the verdicts whose runs
    counted as well."""

    blocks: int
    met: bool
    go_on: bool
    use: tuple[str, ...]
    seen: tuple[Seen, ...]


def look(folder: ResultsFolder, *, use: Collection[str] = ()) -> tuple[bool, str]:
    """Take the look that is due and keep it in the folder; return whether measuring goes on, and a sentence.

    No look is taken, and nothing goes on, where none is due or runs up to it are still to be done. TandemError where
    the campaign cannot be read or the look not be kept.
    """
    at = stretch(folder.plan.document, folder.directory)
    if at is None or at.stopped:
        return False, stopping_sentence(folder) or "the number of blocks is fixed: nothing to look for"
    runs, missing = load_runs(folder)
    lost = len(missing) + sum(1 for run in runs if run.outcome == "unreachable")
    if lost:
        due = f"{lost} of {len(folder.plan.runs)} runs up to block {at.blocks} are to be done"
        return False, f"no look is taken yet: {due}"
    cells = _cells(runs, several=len(folder.plan.profiles) > 1)
    seen = tuple(_seen(each, cells, use, at.looks) for each in _conditions(folder))
    met = all(each.met for each in seen)
    found = Look(
        blocks=at.blocks, met=met, go_on=not met and at.blocks < at.at_most, use=tuple(sorted(set(use))), seen=seen
    )
    path = folder.directory / LOOKS_FILE
    try:
        kept = [*looks_taken(folder.directory), to_json(found)]
        write_json(path, {"schema_version": SCHEMA_VERSION, "looks": kept})
    except OSError as error:
        raise TandemError(f"{path}: the look cannot be kept: {error.strerror}") from None
    return found.go_on, _told(found, at)


def stopping_sentence(folder: ResultsFolder) -> str | None:
    """Return why a campaign that stops early has as many blocks as it has, None where their number was fixed."""
    at = stretch(folder.plan.document, folder.directory)
    if at is None:
        return None
    taken = looks_taken(folder.directory)
    if not at.stopped:
        return f"not finished: at most {at.at_most} blocks, and the look after {at.blocks} is still to be taken"
    return _told(from_json(Look, taken[-1], file=folder.directory / LOOKS_FILE), at)


def half_width(found: Spread | None) -> float | None:
    """Return by which share of the median the interval's farther end lies off it; None where there is no interval."""
    if found is None or found.low is None or found.high is None or found.median <= 0:
        return None
    return max(found.high - found.median, found.median - found.low) / found.median


def _percent(share: float, limit: float) -> str:
    """Return the share in percent, with so many digits that it is on the same side of the limit as it is."""
    for digits in range(2, 6):
        shown = significant(100 * share, digits)
        if (float(shown) < round(100 * limit, 6)) == (share < limit):
            break
    return shown


def _told(found: Look, at: Stretch) -> str:
    what = "; ".join(each.sentence for each in found.seen)
    if found.go_on:
        return f"goes on after {found.blocks} of at most {at.at_most} blocks: {what}"
    if found.met and found.blocks < at.at_most:
        return f"stopped after {found.blocks} of at most {at.at_most} blocks: {what}"
    return f"stopped at the limit of {at.at_most} blocks{'' if found.met else ', not narrow enough'}: {what}"


def _conditions(folder: ResultsFolder) -> list[Wanted]:
    path = folder.directory / "campaign.json"
    rows = Fields(folder.plan.document, path).inner("until").rows("conditions")
    found = [from_json(Wanted, row.all(), file=path) for row in rows]
    for row, each in zip(rows, found, strict=True):
        if not each.rounds or not set(each.rounds) <= set(folder.plan.rounds):
            raise row.fail("rounds", "a list of the plan's rounds")
    if not found:
        raise TandemError(f"{path}: until.conditions is empty")
    return found


def _cells(runs: Iterable[Run], *, several: bool) -> dict[tuple[str, str], list[Run]]:
    """Return for each cell (its round, and what names it) its recorded runs; cells whose app cannot be installed are
    left out: no block would change that."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        cell = run.cell
        words = f"{cell.service} /{cell.endpoint}, {cell.round}{f', {cell.profile}' if several else ''}"
        found.setdefault((cell.round, words), []).append(run)
    return {key: own for key, own in found.items() if any(run.outcome != NOT_WAITED_FOR for run in own)}


def _seen(
    condition: Wanted, cells: dict[tuple[str, str], list[Run]], use: Collection[str], looks: int
) -> Seen:
    widths = {
        words: half_width(_spread(own, condition.metric, use, looks))
        for (round_, words), own in cells.items()
        if round_ in condition.rounds
    }
    known = {words: width for words, width in widths.items() if width is not None}
    cell = max(known, key=lambda each: known[each], default=None)
    without = len(widths) - len(known)
    return Seen(
        metric=condition.metric, below=condition.below, cells=len(widths), without=without,
        met=not without and all(width < condition.below for width in known.values()),
        widest=None if cell is None else round(known[cell], 6), cell=cell,
    )  # fmt: skip


def _spread(runs: Sequence[Run], metric: MetricName, use: Collection[str], looks: int) -> Spread | None:
    """Return the median and interval of the runs that count; None where one of them has a bound or too few requests
    and so no figure, since those of the others would flatter."""
    counting = [run for run in runs if why_left_out(run, use) is None]
    if any(is_bound(run, metric) or has_too_few(run, metric) for run in counting):
        return None
    return spread([value for run in counting if (value := value_of(run, metric)) is not None], looks=looks)

"""Two campaigns, or two sides of one, held against each other: environments first, then every cell and metric."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from collectors.compare.canaries import compare_canaries, machine_sentence
from collectors.compare.definition import PRESENT, definition_differences
from collectors.compare.environment import differences, environment, is_allowed, mixed, unrecorded
from collectors.compare.floor import NoiseFloor
from collectors.compare.judge import LEAST_PER_SIDE, Question, ask, judge
from collectors.compare.metrics import METRICS, MetricName
from collectors.compare.model import (
    EXIT,
    CellCompared,
    Comparison,
    ComparisonOutcome,
    Design,
    Difference,
    FloorUsed,
    SideNamed,
)
from collectors.compare.sides import (
    OUTSIDE,
    Kept,
    Pair,
    Side,
    counted,
    lopsided,
    other_work,
    pairs,
    usable,
    whole,
    within,
)
from collectors.compare.store import doubts, find, used
from collectors.compare.words import not_comparable, outcome_sentence
from collectors.errors import TandemError
from collectors.limits import ERROR_SHARE
from collectors.load_runs import load_runs
from collectors.results import ResultsFolder
from collectors.run import Run

MARGIN: Final = 0.05
"""Two figures are called equivalent where the interval of their ratio lies within this share."""
ASSUMED_APART: Final = 0.05
"""The noise floor of two campaigns one after the other on machines on which none was measured: what changes from
hour to hour is in one of them and not in the other, and no interval made of either can know it. Simulated with skewed,
drifting noise it leaves 7 of 17 false alarms in 100 campaigns (benchmarks/results/statistics.md)."""
ASSUMED_ERRORS: Final = ERROR_SHARE / 2
"""The same of the share of failed requests: half of what a valid run may have."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to compare. `allow`: declared differences; `use`: verdicts whose runs count all the same; `rounds` and
    `metrics`: only these (empty: all); `margin`: the share within which figures are equivalent; `floor`: a noise
    floor, or a share that stands for one."""

    allow: Collection[str] = ()
    use: Collection[str] = ()
    rounds: Collection[str] = ()
    metrics: Collection[MetricName] = ()
    margin: float = MARGIN
    floor: NoiseFloor | float | None = None
    floor_source: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Floor:
    """The noise floor in use; neither of the two where none is known and none is assumed."""

    measured: NoiseFloor | None
    share: float | None
    used: FloorUsed | None

    def of(self, round_: str, loop: str, metric: MetricName, design: Design) -> float | None:
        """Return the floor of one round and metric as a share."""
        row = None if self.measured is None else self.measured.row(round_, loop, metric, design)
        if row is not None:
            return row.largest
        if self.share is None and design == "apart":
            return ASSUMED_ERRORS if metric == "errors" else ASSUMED_APART
        return ASSUMED_ERRORS if metric == "errors" and self.share is not None else self.share

    def lacks(self, round_: str, loop: str, metric: MetricName, design: Design) -> bool:
        """Say whether a measured floor has no figure of a round and metric, nor of another round of that loop."""
        return self.measured is not None and self.measured.row(round_, loop, metric, design) is None


def compare_folders(a: ResultsFolder, b: ResultsFolder, options: Options) -> Comparison:
    """Hold two campaigns against each other; TandemError where one cannot be read or lacks a round asked for."""
    runs_a, runs_b = load_runs(a)[0], load_runs(b)[0]
    sides = whole(a.directory.name, a, runs_a), whole(b.directory.name, b, runs_b)
    found = [*differences(environment(a), environment(b)), *mixed(a, b), *definition_differences(a, b, runs_a, runs_b)]
    if options.rounds:
        found = [each for each in found if _in_rounds(each.key, options.rounds)]
    marked = tuple(
        dataclasses.replace(each, allowed=not each.never and is_allowed(each.key, options.allow)) for each in found
    )
    notes = [*_commits(a, b), *unrecorded(a, b)]
    compared = _compare(sides, options, design="apart", found=marked, notes=notes)
    canaries = compare_canaries(a, b)
    told = machine_sentence(canaries, compared.cells) if compared.cells else None
    return dataclasses.replace(compared, canaries=canaries, machine=told)


def compare_within(
    folder: ResultsFolder, what: Literal["service", "profile"], names: Sequence[str], options: Options
) -> Comparison:
    """Hold two services or profiles of one campaign against each other, block by block; TandemError where there is no
    such service or profile."""
    a, b = names
    if a == b:
        raise TandemError(f"{a!r} is given twice; allowed: two different {what}s of {folder.directory}")
    runs = load_runs(folder)[0]
    return compare_sides(within(folder, runs, what, a), within(folder, runs, what, b), what, options)


def compare_sides(a: Side, b: Side, what: Literal["service", "profile"], options: Options) -> Comparison:
    """Hold two sides of one campaign, that differ in a service or profile, against each other, block by block."""
    notes = [
        f"{each.key} changed between the campaign's sessions: {each.a}" for each in mixed(a.folder, a.folder)
    ]
    return _compare((a, b), options, design="interleaved", notes=notes, but=what)


def _compare(
    sides: tuple[Side, Side],
    options: Options,
    *,
    design: Design,
    found: tuple[Difference, ...] = (),
    notes: Sequence[str] = (),
    but: str | None = None,
) -> Comparison:
    a, b = sides
    _check_rounds(a, b, options.rounds)
    base = Comparison(
        a=_named(a),
        b=_named(b),
        design=design,
        outcome="not-comparable",
        exit_status=EXIT["not-comparable"],
        sentence="",
        margin=options.margin,
        differences=found,
        looks=looks_of_both(a.folder, b.folder),
    )
    wrong = [each for each in found if not each.allowed]
    if wrong:
        return dataclasses.replace(base, sentence=not_comparable(wrong))
    both = [pair for pair in pairs(a, b, but=but) if not options.rounds or pair.a.round in options.rounds]
    if not both:
        return dataclasses.replace(base, sentence="not comparable: A and B have no cell in common")
    blocks = [side.folder.plan.blocks for side in (a, b)]
    if min(blocks) < LEAST_PER_SIDE:
        has = f"A has {blocks[0]} block(s) and B {blocks[1]}"
        sentence = f"cannot tell: {has}; comparing takes {LEAST_PER_SIDE} on each side"
        return dataclasses.replace(base, outcome="cannot-tell", exit_status=EXIT["cannot-tell"], sentence=sentence)
    floor, faults = _floor(a, b, options, design)
    return _judged(dataclasses.replace(base, notes=(*notes, *faults), floor=floor.used), a, both, options, floor)


def _judged(base: Comparison, a: Side, both: Sequence[Pair], options: Options, floor: _Floor) -> Comparison:
    cells: list[CellCompared] = []
    questions: list[list[Question]] = []
    invalid: Counter[str] = Counter()
    lacking: dict[str, list[str]] = {}
    for pair in both:
        kept = usable(pair, options.use)
        runs_a, runs_b = kept[0].runs, kept[1].runs
        loop = a.folder.plan.rounds[pair.a.round].loop
        why = _why_invalid(*kept)
        if why is None and "not-equivalent" not in options.use:
            why = other_work(runs_a, runs_b)
            for side in kept if why else ():
                side.left_out["not-equivalent"] = len(side.runs)
        cells.append(_cell(pair, loop, kept, why))
        invalid.update(cells[-1].left_out if why is not None else {})
        shares = {name: floor.of(pair.a.round, loop, name, base.design) for name in options.metrics or METRICS}
        questions.append([] if why is not None else _questions(loop, (runs_a, runs_b), base, shares))
        for each in questions[-1]:
            if floor.lacks(pair.a.round, loop, each.metric.name, base.design):
                lacking.setdefault(pair.a.round, []).append(each.metric.name)
    deltas, count = judge([question for own in questions for question in own], margin=options.margin)
    answered = iter(deltas)
    cells = [
        dataclasses.replace(cell, deltas=tuple(next(answered) for _ in own))
        for cell, own in zip(cells, questions, strict=True)
    ]
    outcome = _outcome(cells)
    return dataclasses.replace(
        base,
        outcome=outcome,
        exit_status=EXIT[outcome],
        sentence=outcome_sentence(outcome, cells, invalid),
        comparisons=count,
        invalid=dict(invalid),
        notes=(*_looked(base.looks), *base.notes, *_lacking(lacking, base.design), *_left_out(cells)),
        cells=tuple(cells),
    )


def _questions(
    loop: str, runs: tuple[Sequence[Run], Sequence[Run]], base: Comparison, floors: Mapping[MetricName, float | None]
) -> list[Question]:
    asked = (
        ask(metric, loop, runs, design=base.design, floor=floors[name], looks=base.looks)
        for name, metric in METRICS.items()
        if name in floors
    )
    return [question for question in asked if question is not None]


def _why_invalid(a: Kept, b: Kept) -> str | None:
    """Return why a cell is not judged, None where it is."""
    left_out = _together(a, b)
    if not left_out:
        return None
    told = f"not judged, invalid runs: {counted(left_out)}"
    if set(left_out) - OUTSIDE:
        return told
    if min(len(a.runs), len(b.runs)) < LEAST_PER_SIDE:
        left = f"{len(a.runs)} of A and {len(b.runs)} of B are left"
        return f"{told}; {left}, and it takes {LEAST_PER_SIDE} on each side"
    if lopsided(a, b):
        split = f"{a.outside} of A and {b.outside} of B"
        return f"{told}; {split}, which is no chance: what disturbed them may come of the side itself"
    return None


def _together(a: Kept, b: Kept) -> dict[str, int]:
    return dict(Counter(a.left_out) + Counter(b.left_out))


def _outcome(cells: Iterable[CellCompared]) -> ComparisonOutcome:
    own = list(cells)
    deltas = [delta for cell in own for delta in cell.deltas]
    verdicts = {delta.verdict for delta in deltas}
    if "slower" in verdicts:
        return "worse"
    if any(cell.invalid is not None for cell in own):
        return "invalid-runs"
    return "cannot-tell" if not deltas or verdicts & {None, "cannot-tell"} else "same-or-better"


def _cell(pair: Pair, loop: str, kept: tuple[Kept, Kept], why: str | None) -> CellCompared:
    a, b = kept
    return CellCompared(
        round=pair.a.round, loop=loop, endpoint=pair.a.endpoint, service_a=pair.a.service, service_b=pair.b.service,
        profile_a=pair.a.profile, profile_b=pair.b.profile, left_out=_together(a, b), left_out_a=a.left_out,
        left_out_b=b.left_out, disturbed_a=a.causes, disturbed_b=b.causes, invalid=why,
    )  # fmt: skip


def _left_out(cells: Sequence[CellCompared]) -> list[str]:
    """Return what is said of the runs that do not count in the cells that were judged, of each side by itself."""
    judged = [cell for cell in cells if cell.invalid is None]
    parts = []
    for side in ("a", "b"):
        total: Counter[str] = Counter()
        for cell in judged:
            total.update(getattr(cell, f"left_out_{side}"))
        causes = dict.fromkeys(cause for cell in judged for cause in getattr(cell, f"disturbed_{side}"))
        why = f" ({', '.join(causes)})" if causes else ""
        parts.append(f"{counted(total) if total else 'none'} of {side.upper()}{why}")
    return [f"runs that do not count: {'; '.join(parts)}"] if any(cell.left_out for cell in judged) else []


def looks_of_both(a: ResultsFolder, b: ResultsFolder) -> int:
    """Return at how many moments two campaigns may have stopped: with each look of one, those of the other; within one
    campaign its own."""
    one, other = a.plan.looks, b.plan.looks
    return one if a.directory.resolve() == b.directory.resolve() else one * other


def _looked(looks: int) -> list[str]:
    if looks == 1:
        return []
    return [f"p and intervals are corrected for {looks} planned looks, at each of which measuring could have stopped"]


def _lacking(lacking: Mapping[str, Sequence[str]], design: Design) -> list[str]:
    """Return for which rounds and metrics a measured noise floor has no figure."""
    instead = "what is assumed between two campaigns stands in its place" if design == "apart" else "nothing is assumed"
    return [
        f"the noise floor has no figure of {', '.join(dict.fromkeys(metrics))} in {round_}: {instead}"
        for round_, metrics in lacking.items()
    ]


def _floor(a: Side, b: Side, options: Options, design: Design) -> tuple[_Floor, list[str]]:
    if isinstance(options.floor, NoiseFloor):
        source = options.floor_source or "--floor"
        given = used(options.floor, source, a.folder, b.folder)
        return _Floor(measured=options.floor, share=None, used=given), doubts(
            options.floor, a.folder, b.folder, options.use
        )
    if options.floor is not None:
        sentence = f"{100 * options.floor:g} %, declared with --floor"
        return _Floor(measured=None, share=options.floor, used=FloorUsed(source="--floor", sentence=sentence)), []
    measured, path, faults = find(a.folder, b.folder, design=design)
    if measured is not None and path is not None:
        faults += doubts(measured, a.folder, b.folder, options.use)
        return _Floor(measured=measured, share=None, used=used(measured, str(path), a.folder, b.folder)), faults
    sentence = "not measured on these machines (campaign noise, then tandem noise DIR)"
    if design == "apart":
        sentence += f"; {ASSUMED_APART:.0%} is assumed, since A and B were measured one after the other"
    return _Floor(measured=None, share=None, used=FloorUsed(source="assumed", sentence=sentence)), faults


def _named(side: Side) -> SideNamed:
    plan = side.folder.plan
    return SideNamed(
        label=side.label, directory=str(side.folder.directory), campaign=plan.campaign, created_utc=plan.created_utc,
        blocks=plan.blocks,
    )  # fmt: skip


def _check_rounds(a: Side, b: Side, rounds: Collection[str]) -> None:
    for side in (a, b):
        for name in rounds:
            if name not in side.folder.plan.rounds:
                known = ", ".join(side.folder.plan.rounds)
                raise TandemError(f"{side.folder.directory}: there is no round {name!r}; its rounds: {known}")


def _in_rounds(key: str, rounds: Collection[str]) -> bool:
    if key == PRESENT.format("rounds"):
        return False
    return not key.startswith("rounds.") or any(key.startswith(f"rounds.{name}.") for name in rounds)


def _commits(a: ResultsFolder, b: ResultsFolder) -> list[str]:
    """Return what is said of the commits: not a difference of the machines or the load, and yet worth knowing."""
    found = []
    for folder in (a, b):
        versions = folder.plan.document.get("versions")
        own = versions if isinstance(versions, dict) else {}
        found.append(f"{str(own.get('commit') or 'unknown')[:12]}{' and changes' if own.get('dirty') else ''}")
    return [] if found[0] == found[1] else [f"Tandem's own commit: {found[0]} in A, {found[1]} in B"]

"""What an explanation says in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from collectors.explain.model import Chain, Metric, RungRuns, Step
from collectors.results import PlannedRound
from collectors.statistics import Ratio
from collectors.units import DASH, significant

NAMES: Final[Mapping[tuple[Metric, str], str]] = {
    ("rate", "closed"): "requests/s",
    ("rate", "open"): "goodput (correct replies/s)",
    ("p99", "closed"): "p99 of the service time",
    ("p99", "open"): "p99 of the latency",
    ("cpu", "closed"): "CPU per request",
    ("cpu", "open"): "CPU per request",
}
"""What each metric is called in a loop."""
TIMES: Final = "\N{MULTIPLICATION SIGN}"
ONE_BY_ONE: Final = (
    "each interval holds its own effect with 95 %; of twenty such intervals one misses, so a factor that stands out "
    "alone and narrowly is worth a second campaign"
)


def times(value: float) -> str:
    """Return a ratio with the sign of multiplication, as in `x11.6`, and enough digits to tell it from 1."""
    near = 0.5 <= value < 2
    return TIMES + (f"{value:.3f}".rstrip("0").rstrip(".") if near else significant(value, 3))


def interval(ratio: Ratio | None) -> str:
    """Return a ratio's interval, a dash where there is none."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return DASH
    return f"{times(ratio.low)} to {times(ratio.high)}"


def share(value: float | None) -> str:
    """Return a share of the whole in whole percent, a dash for None."""
    return DASH if value is None else f"{round(100 * value) or 0} %"


def factor_words(factor: str | None) -> str:
    """Return a factor as its author wrote it, without the full stop."""
    return DASH if factor is None else factor.rstrip(".")


def step_words(step: Step) -> str:
    """Return what a step changes: one factor, or several that cannot be told apart."""
    return " + ".join(step.factors)


def sentences(chain: Chain) -> tuple[str, ...]:
    """Return one or two plain sentences about a chain, none where there is nothing to compare."""
    whole = chain.whole
    if whole is None or whole.ratio is None:
        return (f"{_capital(chain.name)}: no two rungs can be compared.",)
    ends = f"in {chain.name} from {whole.before} to {whole.after}"
    held = f", {interval(whole.ratio)} with 95 %" if whole.ratio.low is not None else ""
    if whole.share is None:
        return (f"No clear difference {ends} is shown ({times(whole.ratio.ratio)}{held}), so nothing is shared out.",)
    ordered = sorted((step for step in chain.steps if step.share is not None), key=_share_of, reverse=True)
    clear = [step for step in ordered if step.ratio is not None and step.ratio.shown is not False]
    unclear = [step for step in ordered if step.ratio is not None and step.ratio.shown is False]
    unknown = [step for step in chain.steps if step.ratio is None]
    parts = [f"{step_words(step)} was {share(step.share)} ({_times_of(step)})" for step in clear]
    if chain.remainder is not None:
        parts.append(f"not explained: {share(chain.remainder_share)} ({times(chain.remainder)})")
    first = f"Of the {_fold(whole.ratio.ratio)}-fold difference {ends}{held}: {'; '.join(parts)}."
    rest = []
    if unclear:
        rest.append("no effect is shown of " + "; ".join(f"{step_words(each)} ({_times_of(each)})" for each in unclear))
    if unknown:
        rest.append("no block has both sides of " + "; ".join(step_words(each) for each in unknown))
    return (first, f"{_capital('; '.join(rest))}.") if rest else (first,)


def notes(
    rungs: Sequence[RungRuns],
    chains: Sequence[Chain],
    round_: PlannedRound,
    kept_up: Sequence[str],
    *,
    strict: bool,
) -> tuple[str, ...]:
    """Return what must be known to read a round: runs used and left out, rungs without figures, limits."""
    planned, used = sum(each.planned for each in rungs), sum(each.used for each in rungs)
    left_out, disturbed, no_p99 = (
        _sum([getattr(each, name) for each in rungs]) for name in ("left_out", "disturbed", "no_p99")
    )
    found = [f"{used} of {planned} runs are used" + (f"; left out: {_counted(left_out)}" if left_out else "")]
    if disturbed and not strict:
        found.append(
            f"of the used runs some were disturbed ({_counted(disturbed)}): they count here, although a ranking would "
            "leave them out, since a block disturbs both sides of a ratio; --strict leaves them out"
        )
    if no_p99:
        found.append(f"p99 is not used of {_counted(no_p99)}")
    found += _gaps(rungs, chains)
    if round_.rate_per_s is not None and kept_up:
        names = "every rung" if len(kept_up) == len(rungs) else ", ".join(kept_up)
        found.append(
            f"{names} kept up with the {round_.rate_per_s:g} requests/s asked, so goodput shows no more of it than "
            "that; what it could do shows in a closed loop"
        )
    if any(step.ratio is not None and step.ratio.low is not None for chain in chains for step in chain.steps):
        found.append(ONE_BY_ONE)
    return tuple(found)


def _gaps(every: Sequence[RungRuns], chains: Sequence[Chain]) -> list[str]:
    found = []
    empty = {each.service: each for each in every if each.used == 0}
    for name, rung in empty.items():
        why = _counted(rung.left_out) or "none planned"
        found.append(f"{name} has no usable run ({why}): its factor cannot be told from the next one's")
    for chain in chains:
        skipped = {name for step in chain.steps for name in step.skipped}
        inside = [name for name in chain.missing if name in skipped and name not in empty]
        outside = [name for name in chain.missing if name not in skipped and name not in empty]
        words = ((inside, "the steps there are bridged"), (outside, "its ladder is shorter by them"))
        found += [f"{chain.name} is not known of {', '.join(names)}: {then}" for names, then in words if names]
    return found


def _sum(counts: Sequence[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _times_of(step: Step) -> str:
    if step.ratio is None:
        return DASH
    held = f", {interval(step.ratio)}" if step.ratio.low is not None else ""
    return f"{times(step.ratio.ratio)}{held}"


def _share_of(step: Step) -> float:
    return step.share or 0.0


def _fold(ratio: float) -> str:
    value = max(ratio, 1 / ratio)
    return f"{value:.0f}" if value >= 10 else significant(value, 3 if value < 2 else 2)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

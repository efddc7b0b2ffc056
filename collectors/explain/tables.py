"""An explanation as text for a terminal and as Markdown."""

from __future__ import annotations

import textwrap
from typing import Final

from collectors.explain.model import Chain, Explanation, Metric, RoundExplained, Step
from collectors.explain.words import interval, share, step_words, times
from collectors.grid import escaped, grid, markdown_grid
from collectors.units import DASH, show_latency, show_rate

WIDTH: Final = 120
_INDENT: Final = "  "
_LEAST_FACTOR: Final = 16
"""Letters of a factor that are always shown, however narrow the terminal."""
HEAD: Final = ("factor", "to", "before", "after", "ratio", "95 % interval", "share", "blocks")
LEFT: Final = frozenset({0, 1})
RUNGS_HEAD: Final = ("rung", "factor", "used", "requests/s", "p99", "CPU/req")
RUNGS_LEFT: Final = frozenset({0, 1})


def text(explanation: Explanation, *, width: int = WIDTH) -> str:
    """Return the explanation for a terminal."""
    lines = [f"{explanation.campaign}: {explanation.description}", explanation.interval_note]
    for each in explanation.rounds:
        lines += ["", f"{each.round} /{each.endpoint}: {each.sentence}"]
        for chain in each.chains:
            table = _fitted(chain_rows(chain), width - len(_INDENT))
            lines += ["", chain.name, *(f"{_INDENT}{line}" for line in table)]
            for sentence in chain.sentences:
                lines += textwrap.wrap(sentence, width, initial_indent="  ", subsequent_indent="  ")
        lines.append("")
        for note in each.notes:
            lines += textwrap.wrap(note, width, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


def markdown(explanation: Explanation, *, level: int = 1) -> str:
    """Return the explanation as Markdown; headings begin at `level`."""
    mark = "#" * level
    lines = [f"{mark} What explains the difference: {escaped(explanation.campaign)}", "", explanation.interval_note]
    for each in explanation.rounds:
        lines += ["", f"{mark}# {each.round} /{each.endpoint}", "", f"{each.sentence}.", ""]
        lines += markdown_grid(RUNGS_HEAD, rung_rows(each), left=RUNGS_LEFT)
        for chain in each.chains:
            lines += ["", f"{mark}## {chain.name}", "", *markdown_grid(HEAD, chain_rows(chain), left=LEFT), ""]
            lines += [escaped(sentence) for sentence in chain.sentences]
        lines += ["", *(f"- {escaped(note)}" for note in each.notes)]
    return "\n".join(lines) + "\n"


def rung_rows(each: RoundExplained) -> list[tuple[str, ...]]:
    """Return for each rung what it changes, the runs behind it and its medians."""
    return [
        (
            rung.service,
            rung.factor or DASH,
            f"{rung.used} of {rung.planned}",
            *(
                show_value(metric, None if spread is None else spread.median)
                for metric, spread in ((metric, rung.medians[metric]) for metric in _COLUMNS)
            ),
        )
        for rung in each.rungs
    ]


_COLUMNS: Final[tuple[Metric, ...]] = ("rate", "p99", "cpu")


def chain_rows(chain: Chain) -> list[tuple[str, ...]]:
    """Return the rows of a chain's table: its steps, the whole, what is not explained."""
    rows = [_row(chain.metric, step, step_words(step)) for step in chain.steps]
    if chain.whole is not None:
        rows.append(_row(chain.metric, chain.whole, f"all, from {chain.whole.before}"))
    if chain.remainder is not None:
        rows.append(
            ("not explained", "", "", "", times(chain.remainder), DASH, share(chain.remainder_share), "")
        )
    return rows


def show_value(metric: Metric, value: float | None) -> str:
    """Return a metric's value with its unit."""
    return show_rate(value) if metric == "rate" else show_latency(value)


def _row(metric: Metric, step: Step, name: str) -> tuple[str, ...]:
    ratio = step.ratio
    return (
        name,
        step.after,
        show_value(metric, step.before_value),
        show_value(metric, step.after_value),
        DASH if ratio is None else times(ratio.ratio),
        interval(ratio),
        share(step.share),
        "0" if ratio is None else str(ratio.n),
    )


def _fitted(rows: list[tuple[str, ...]], width: int) -> list[str]:
    """Return the table's lines, the factors cut where it would be wider."""
    lines = grid(HEAD, rows, left=LEFT)
    over = max(map(len, lines)) - width
    if over <= 0:
        return lines
    limit = max(_LEAST_FACTOR, max(len(row[0]) for row in rows) - over)
    return grid(HEAD, [(_cut(row[0], limit), *row[1:]) for row in rows], left=LEFT)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""What all drawings of the page share: style, colours, and how a drawing becomes part of the page.

Drawn the same again from the same data: fixed ids, no date, text as text. Colours are placeholders that
the page's style sheet gives a meaning to, so that one drawing serves light, dark and paper.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

SERIES: Final = 8
"""Colours that the style sheet defines; more daemons start again with the first."""
INK, FAINT, GRID = "#010101", "#020202", "#030303"
WIDTH = 1080.0
_SERIES_COLOURS = tuple(f"#0100{index + 16:02x}" for index in range(SERIES))
_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    GRID: "var(--rule)",
    **{colour: f"var(--series-{index + 1})" for index, colour in enumerate(_SERIES_COLOURS)},
}


def colour_of(service: str, services: Sequence[str]) -> str:
    """Return a daemon's colour, the same in every drawing of a page."""
    index = services.index(service) if service in services else len(services)
    return _SERIES_COLOURS[index % SERIES]


def style() -> AbstractContextManager[None]:
    """Return the settings to draw under."""
    return mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "tandem",
            "font.family": "sans-serif",
            "font.size": 10,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": GRID,
            "xtick.color": FAINT,
            "ytick.color": INK,
            "axes.linewidth": 0.8,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
        }
    )


def to_svg(figure: Figure, *, label: str, prefix: str) -> str:
    """Return a drawing as part of a page: no prologue, ids that begin with the prefix, colours and fonts from the
    style sheet. The label is what the drawing says in words."""
    stream = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(stream, format="svg", transparent=True, metadata=metadata)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\1{prefix}-", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"font: ([^;\"]*?)(\d+(?:\.\d+)?)px [^;\"]*", r"font: \1\2px var(--sans)", svg)
    svg = re.sub(r'\s(?:xmlns(?::xlink)?|version)="[^"]*"', "", svg)
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        rf'<svg viewBox="\1" role="img" aria-label="{_attribute(label)}">',
        svg,
        count=1,
    )
    return re.sub(r"[ \t]+\n", "\n", svg).strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")

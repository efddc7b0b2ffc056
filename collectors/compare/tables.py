"""A comparison as text for a terminal, as Markdown, and as JUnit XML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree import ElementTree

from collectors.compare.canaries import HEAD as CANARY_HEAD
from collectors.compare.canaries import LEFT as CANARY_LEFT
from collectors.compare.canaries import canary_table
from collectors.compare.model import CellCompared, Comparison, Delta, Difference
from collectors.compare.words import DESIGN, effect, floor, interval, p_value, shown, value
from collectors.grid import escaped, grid, markdown_grid

WIDTH: Final = 120
HEAD: Final = ("metric", "A", "B", "B / A", "95 % interval", "p", "floor", "runs", "verdict")
LEFT: Final = frozenset({0, 8})
DIFFERENCES_HEAD: Final = ("--allow", "A", "B")
LISTED: Final = 40
"""Differences that a terminal shows; --json has all."""


def text(found: Comparison, *, width: int = WIDTH) -> str:
    """Return the comparison for a terminal."""
    lines = [line for head in _head(found) for line in textwrap.wrap(head, width, subsequent_indent="   ")]
    if found.differences:
        lines += ["", _differences_title(found)]
        rows = [_difference_row(each) for each in found.differences[:LISTED]]
        lines += [f"  {line}" for line in grid(DIFFERENCES_HEAD, rows, left={0, 1, 2})]
        if len(found.differences) > LISTED:
            lines.append(f"  and {len(found.differences) - LISTED} more (--json lists all)")
    for cell in found.cells:
        lines += ["", _title(cell)]
        if cell.invalid is not None:
            lines += textwrap.wrap(cell.invalid, width, initial_indent="  ", subsequent_indent="  ")
        else:
            lines += [f"  {line}" for line in grid(HEAD, _rows(cell.deltas), left=LEFT, width=width - 2)]
    if found.canaries:
        lines += ["", "machine canaries, before and after each campaign"]
        lines += [f"  {line}" for line in grid(CANARY_HEAD, canary_table(found.canaries), left=CANARY_LEFT)]
    if found.cells:
        lines.append("")
        for note in _notes(found):
            lines += textwrap.wrap(note, width, initial_indent="- ", subsequent_indent="  ")
    lines += ["", *textwrap.wrap(_capital(found.sentence), width)]
    lines += textwrap.wrap(_capital(found.machine or ""), width)
    return "\n".join(lines) + "\n"


def markdown(found: Comparison) -> str:
    """Return the comparison as Markdown."""
    lines = ["# Comparison", "", f"**{escaped(_capital(found.sentence))}.**", ""]
    lines += [f"**{escaped(_capital(found.machine))}.**", ""] if found.machine else []
    lines += [f"- {escaped(line)}" for line in _head(found)]
    if found.differences:
        rows = [_difference_row(each) for each in found.differences]
        lines += ["", f"## {_differences_title(found).rstrip(':')}", ""]
        lines += markdown_grid(DIFFERENCES_HEAD, rows, left={0, 1, 2})
    for cell in found.cells:
        lines += ["", f"## {escaped(_title(cell))}", ""]
        lines += [escaped(cell.invalid)] if cell.invalid else markdown_grid(HEAD, _rows(cell.deltas), left=LEFT)
    if found.canaries:
        lines += ["", "## Machine canaries", ""]
        lines += markdown_grid(CANARY_HEAD, canary_table(found.canaries), left=CANARY_LEFT)
    if found.cells:
        lines += ["", *(f"- {escaped(note)}" for note in _notes(found))]
    return "\n".join(lines) + "\n"


def junit(found: Comparison) -> str:
    """Return the comparison as JUnit XML: worse is a failure, invalid or not comparable an error, cannot tell is
    skipped."""
    suite = ElementTree.Element("testsuite", name=f"tandem compare {found.a.label} {found.b.label}")
    if not found.cells:
        case = ElementTree.SubElement(suite, "testcase", classname="tandem.compare", name="A and B can be compared")
        kind = "skipped" if found.outcome == "cannot-tell" else "error"
        ElementTree.SubElement(case, kind, message=found.sentence)
    for cell in found.cells:
        if cell.invalid is not None:
            case = ElementTree.SubElement(suite, "testcase", classname=cell.label, name="runs are valid")
            ElementTree.SubElement(case, "error", message=cell.invalid)
        for delta in cell.deltas:
            _case(suite, cell, delta)
    cases = list(suite)
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite.set("tests", str(len(cases)))
    for name, kind in kinds.items():
        suite.set(name, str(sum(1 for case in cases if case.find(kind) is not None)))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, cell: CellCompared, delta: Delta) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=cell.label, name=delta.name)
    told = f"{delta.words}: B / A {effect(delta)}, {interval(delta)} with 95 %, noise floor {floor(delta)}"
    if delta.verdict == "slower":
        ElementTree.SubElement(case, "failure", message=told)
    elif delta.verdict in {None, "cannot-tell"}:
        ElementTree.SubElement(case, "skipped", message=delta.words if delta.verdict is None else told)
    else:
        ElementTree.SubElement(case, "system-out").text = told


def _head(found: Comparison) -> list[str]:
    lines = [
        f"{name} = {side.label}: {side.campaign} of {side.created_utc}, {side.blocks} block(s)"
        for name, side in (("A", found.a), ("B", found.b))
    ]
    lines.append(DESIGN[found.design])
    if found.floor is not None:
        lines.append(f"noise floor: {found.floor.sentence}")
    return lines


def _differences_title(found: Comparison) -> str:
    declared = all(each.allowed for each in found.differences)
    return "A and B differ, as declared, in:" if declared else "A and B differ in:"


def _difference_row(each: Difference) -> tuple[str, str, str]:
    mark = " (never)" if each.never else ""
    return f"{each.key}{mark}", shown(each.a), shown(each.b)


def _title(cell: CellCompared) -> str:
    profiles = "" if cell.profile_a == cell.profile_b else f", {cell.profile_a} / {cell.profile_b}"
    return f"{cell.label} ({cell.loop} loop){profiles}"


def _rows(deltas: Iterable[Delta]) -> list[Sequence[str]]:
    return [
        (
            delta.name,
            value(delta, "a"),
            value(delta, "b"),
            effect(delta),
            interval(delta),
            p_value(delta.p_corrected),
            floor(delta),
            f"{delta.n_a}+{delta.n_b}",
            delta.words,
        )
        for delta in deltas
    ]


def _notes(found: Comparison) -> list[str]:
    rule = "a change is claimed where it is at most 0.05 and the effect is beyond the noise floor"
    return [f"p is corrected for {found.comparisons} comparisons (Holm); {rule}", *found.notes]


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]

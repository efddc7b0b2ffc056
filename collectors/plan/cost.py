"""A plan in words: what it measures, what it costs, and what arithmetic has against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from collectors.plan import constants as c
from collectors.plan.commands import plain
from collectors.plan.model import Finding, Plan, PlannedRun, Round

NOT_KNOWN: Final = "\N{EN DASH}"


def duration(seconds: float) -> str:
    """Seconds as people say them: `48 s`, `8 min 40 s`, `2 h 5 min`."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def describe(plan: Plan) -> str:
    """The whole text that `tandem plan` prints."""
    campaign = plan.campaign
    blocks = "1 block" if campaign.blocks == 1 else f"{campaign.blocks} blocks"
    order = f"{blocks} in random order from seed {campaign.seed}"
    head = [
        f"Campaign {campaign.name}: {campaign.description}",
        *(f"Profile {profile.name}: {profile.description}" for profile in plan.profiles),
        f"Data set {campaign.dataset}, {campaign.workers} workers, {order}",
    ]
    return "\n".join([*head, "", *_services(plan), "", *_rounds(plan), "", *_findings(plan.findings)])


def _services(plan: Plan) -> list[str]:
    return table(
        ("service", "port", "keep-alive", "what it is"),
        [(s.id, str(s.port), "yes" if s.keep_alive else "no", s.description) for s in plan.services],
        right={1},
    )


def _rounds(plan: Plan) -> list[str]:
    rows = [
        _round(load, [run for run in plan.runs if run.cell.round.name == load.name])
        for load in plan.campaign.rounds
    ]
    rows.append(("all", "", "", "", str(len(plan.runs)), "", duration(plan.seconds)))
    lines = table(("round", "generator", "path", "load", "runs", "each", "together"), rows, right={4, 5, 6})
    note = (
        f"Each run: warm-up, load, and {plain(c.RUN_OVERHEAD_S)} s for restart, contract check and fetching. "
        "Provisioning and link checks come on top."
    )
    if len(plan.profiles) > 1:
        note += f" Going from one profile to another takes about {plain(c.PROFILE_SWITCH_S)} s more."
    return [*lines, note]


def _round(load: Round, runs: Sequence[PlannedRun]) -> tuple[str, ...]:
    each = duration(min(run.expected_s for run in runs)) if runs else NOT_KNOWN
    return (
        load.name,
        load.generator,
        load.path,
        _load(load),
        str(len(runs)),
        each,
        duration(sum(run.expected_s for run in runs)),
    )


def _load(load: Round) -> str:
    rate = "closed loop" if load.rate_per_s is None else f"{plain(load.rate_per_s)} req/s"
    threads = "" if load.threads is None else f" over {load.threads} thread{'s' if load.threads > 1 else ''}"
    if load.streams is not None and load.protocol == "h2":
        threads += f" of {load.streams} HTTP/2 stream{'s' if load.streams > 1 else ''} each"
    warmup = f" after {plain(load.warmup_s)} s" if load.warmup_s else ""
    return f"{rate}, {load.connections} connections{threads}, {plain(load.duration_s)} s{warmup}"


def _findings(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return ["Feasibility: nothing against it."]
    return [
        "Feasibility:",
        *(
            f"  {'CANNOT BE MEASURED' if f.fatal else 'note'} [{f.kind}] {f.where}: {f.advice}."
            for f in findings
        ),
    ]


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[int] | frozenset[int] = frozenset()
) -> list[str]:
    """Lines of columns as wide as their widest cell; the columns in right are aligned to the right."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]

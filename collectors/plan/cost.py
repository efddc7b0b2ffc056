"""A plan in words: what it measures, what it costs, and what arithmetic has against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from collectors.plan import constants as c
from collectors.plan.commands import plain
from collectors.plan.model import Campaign, Finding, Plan, PlannedRun, Round

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
    blocks = "1 block" if campaign.most_blocks == 1 else f"{_span(campaign.least_blocks, campaign.most_blocks)} blocks"
    order = f"{blocks} in random order from seed {campaign.seed}"
    head = [
        f"Campaign {campaign.name}: {campaign.description}",
        *(f"Profile {profile.name}: {profile.description}" for profile in plan.profiles),
        f"Data set {campaign.dataset}, {campaign.workers} workers, {order}",
        *_until(campaign),
    ]
    return "\n".join([*head, "", *_services(plan), "", *_rounds(plan), "", *_findings(plan.findings)])


def _until(campaign: Campaign) -> list[str]:
    """When it stops, and what is not waited for."""
    if campaign.until is None:
        return []
    looks = ", ".join(map(str, campaign.until.looks[:-1]))
    after = f"looked at after {looks} blocks, and stopped" if looks else "stopped"
    lines = [f"Until {campaign.until.text}: {after} after {campaign.most_blocks} in any case"]
    for each in campaign.until.conditions:
        others = [load.name for load in campaign.rounds if load.name not in each.rounds]
        if others:
            lines.append(f"  {each.metric} is waited for in {', '.join(each.rounds)} and not in {', '.join(others)}")
    return lines


def _services(plan: Plan) -> list[str]:
    return table(
        ("service", "port", "keep-alive", "what it is"),
        [(s.id, str(s.port), "yes" if s.keep_alive else "no", s.description) for s in plan.services],
        right={1},
    )


def _rounds(plan: Plan) -> list[str]:
    rows = [
        _round(load, *([run for run in runs if run.cell.round.name == load.name] for runs in (plan.least, plan.runs)))
        for load in plan.campaign.rounds
    ]
    seconds = sum(run.expected_s for run in plan.least)
    rows.append(("all", "", "", "", _span(len(plan.least), len(plan.runs)), "", _time(seconds, plan.seconds)))
    lines = table(("round", "generator", "path", "load", "runs", "each", "together"), rows, right={4, 5, 6})
    note = (
        f"Each run: warm-up, load, and {plain(c.RUN_OVERHEAD_S)} s for restart, contract check and fetching. "
        "Provisioning and link checks come on top."
    )
    if len(plan.profiles) > 1:
        note += f" Going from one profile to another takes about {plain(c.PROFILE_SWITCH_S)} s more."
    return [*lines, note]


def _round(load: Round, least: Sequence[PlannedRun], runs: Sequence[PlannedRun]) -> tuple[str, ...]:
    each = duration(min(run.expected_s for run in runs)) if runs else NOT_KNOWN
    return (
        load.name,
        load.generator,
        load.path,
        _load(load),
        _span(len(least), len(runs)),
        each,
        _time(sum(run.expected_s for run in least), sum(run.expected_s for run in runs)),
    )


def _span(least: int, most: int) -> str:
    return str(most) if least == most else f"{least} to {most}"


def _time(least_s: float, most_s: float) -> str:
    return duration(most_s) if least_s == most_s else f"{duration(least_s)} to {duration(most_s)}"


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

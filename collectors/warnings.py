"""What an operator should know before reading a campaign's numbers: link, settings, durability, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from collectors.errors import ReadError
from collectors.jsonio import read_object
from collectors.link import LinkFigures, drift
from collectors.model import Evidence, Finding
from collectors.results import PlannedProfile, ResultsFolder
from collectors.run import Run
from collectors.units import show_quantity

MACHINES = ("server", "client")
ENVIRONMENT_ADVICE: Mapping[str, str] = {
    "time taken by the hypervisor": "; the host under these machines serves others as well: use machines of your own",
    "pages swapped": "; the machine has too little memory for this",
    "wall clock stepped by": "; let the clocks settle first",
}
"""What to do about each cause of a changed environment."""
FOUND_AFTERWARDS = frozenset({"drifted", "others_changed", "remaining"})
NOT_HAD = frozenset({"unavailable", "refused"})
SETTINGS_WORDS: Mapping[str, str] = {
    "unavailable": "settings of the profile that this machine cannot have",
    "refused": "settings that were refused",
    "drifted": "settings of the profile that somebody else changed during the campaign",
    "others_changed": "other settings that changed during the campaign",
    "remaining": "settings that could not be put back",
}
"""What is said of each list of settings that an operator should know of."""
DURABILITY: Mapping[str, tuple[str, ...]] = {
    "fsync": ("off",),
    "synchronous_commit": ("off",),
    "full_page_writes": ("off",),
}
"""PostgreSQL settings, and the values of them, that trade the data's safety for speed."""


def warnings(
    folder: ResultsFolder,
    runs: Sequence[Run],
    missing: Sequence[str],
    before: LinkFigures | None,
    after: LinkFigures | None,
) -> tuple[Finding, ...]:
    """Return everything to know first, most weighty first, in a stable order."""
    found = [*_gaps(runs, missing), *_link(folder, before, after), *_environment(runs), *_generators(runs)]
    found += [
        *_durability(folder),
        *_settings(folder),
        *_refused(folder),
        *_feasibility(folder),
        *_dirty(folder),
    ]
    found += _raw(runs)
    return tuple(found)


def machine_label(folder: ResultsFolder) -> str | None:
    """Return how the machines are labelled ("virtual lab"), None where no facts were kept."""
    for machine in MACHINES:
        facts = machine_file(folder, f"{machine}-facts.json")
        if isinstance(facts.get("label"), str):
            return str(facts["label"])
    return None


def machine_file(folder: ResultsFolder, name: str, profile: str | None = None) -> Mapping[str, object]:
    """Return a file of machines/, or of what applying a later profile left; empty where there is none or it cannot be
    read."""
    path = (folder.directory / "machines" if profile is None else folder.machine_folder(profile)) / name
    if not path.is_file():
        return {}
    try:
        return read_object(path)
    except ReadError:
        return {}


def settings_outcome(
    folder: ResultsFolder, machine: str, when: str, profile: str | None = None
) -> Mapping[str, object]:
    """Return what applying (`report`) or putting back (`restored`) the settings did on a machine, empty where
    nothing is on record.
    """
    document = machine_file(folder, f"settings-{machine}-{when}.json", profile)
    inner = document.get("report")
    return inner if isinstance(inner, dict) else document


def settings_rows(folder: ResultsFolder, machine: str, kind: str) -> list[Mapping[str, object]]:
    """Return one list of a machine's settings: applied, unavailable, refused, side_effects (of applying them),
    or drifted, others_changed, remaining (found when they were put back). Those that could not be had are those of all
    profiles, each once.
    """
    when = "restored" if kind in FOUND_AFTERWARDS else "report"
    profiles = [each.name for each in folder.plan.profiles] if kind in NOT_HAD else [None]
    found: list[Mapping[str, object]] = []
    for profile in profiles:
        rows = settings_outcome(folder, machine, when, profile).get(kind)
        found += [row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict) and row not in found]
    return found


def _gaps(runs: Sequence[Run], missing: Sequence[str]) -> Iterable[Finding]:
    for run in runs:
        if run.outcome != "measured":
            yield Finding(kind=run.outcome, where=run.id, advice=f"{run.label}: {run.outcome_reason}")
    if missing:
        named = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
        yield Finding(
            kind="missing-runs",
            where="campaign",
            value=len(missing),
            limit=0,
            advice=f"{len(missing)} planned runs were not measured: {named}",
        )


def _link(folder: ResultsFolder, before: LinkFigures | None, after: LinkFigures | None) -> Iterable[Finding]:
    over_link = any(round_.path == "link" for round_ in folder.plan.rounds.values())
    for when, figures in (("before", before), ("after", after)):
        if figures is None and folder.link_file(when).is_file():
            path = folder.link_file(when).relative_to(folder.directory)
            advice = f"{path} cannot be read: make it again with tandem link --when {when}"
            yield Finding(kind="link", where=str(path), advice=advice)
    if before is None and over_link:
        yield Finding(
            kind="link-not-checked",
            where="link",
            advice="the link was not checked before the campaign: its ceiling is not known",
        )
    for when, figures in (("before", before), ("after", after)):
        if figures is not None and not figures.ok:
            for fault in figures.faults:
                advice = f"link check {when} the campaign: {fault}"
                yield Finding(kind="link", where=f"link {when}", advice=advice)
    if before is not None and after is not None:
        yield from drift(before, after)
    yield from _floor(folder)


def _floor(folder: ResultsFolder) -> Iterable[Finding]:
    path, floor = folder.floor_file, folder.floor
    where = str(path.relative_to(folder.directory))
    if floor is None and path.is_file():
        yield Finding(kind="floor", where=where, advice=f"{where} cannot be read, so the floor is not known")
    elif floor is not None and floor.fault is not None:
        yield Finding(kind="floor", where=where, value=floor.verdict, advice=floor.fault)


def _environment(runs: Sequence[Run]) -> Iterable[Finding]:
    """Gather what changed the environment over all runs: one sentence for each cause, with its worst value."""
    causes: dict[str, list[tuple[str, Evidence]]] = {}
    for run in runs:
        for verdict in run.verdicts:
            for evidence in verdict.evidence if verdict.kind == "environment-changed" else ():
                causes.setdefault(evidence.what, []).append((run.id, evidence))
    for what, seen in causes.items():
        worst = max((evidence for _, evidence in seen), key=lambda each: abs(_number(each.value)))
        value, limit = (show_quantity(each, worst.unit) for each in (worst.value, worst.limit))
        told = f"up to {value} (limit {limit})" if not isinstance(worst.value, str) else _told(worst)
        advice = f"{what}: {told}, in {len({run_id for run_id, _ in seen})} of {len(runs)} runs"
        yield Finding(
            kind="environment-changed",
            where=worst.where,
            value=worst.value,
            limit=worst.limit,
            advice=f"{advice}{ENVIRONMENT_ADVICE.get(what, '')}",
        )


def _told(evidence: Evidence) -> str:
    return f"{evidence.value}" if evidence.limit is None else f"{evidence.value} ({evidence.limit})"


def _generators(runs: Sequence[Run]) -> Iterable[Finding]:
    """Gather what generators got wrong over all runs: one sentence for each kind, the gravest run's."""
    kinds: dict[str, list[tuple[Run, Finding]]] = {}
    for run in runs:
        for flag in run.load.flags if run.load is not None else ():
            kinds.setdefault(flag.kind, []).append((run, flag))
    for kind, seen in kinds.items():
        _, worst = max(seen, key=lambda each: abs(_number(each[1].value)))
        rounds = ", ".join(dict.fromkeys(run.cell.round for run, _ in seen))
        advice = f"{rounds}: {worst.advice} (in {len(seen)} of {len(runs)} runs)"
        yield Finding(kind=kind, where=rounds, value=worst.value, limit=worst.limit, advice=advice)


def _number(value: float | str | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _durability(folder: ResultsFolder) -> Iterable[Finding]:
    said = set()
    for profile in folder.plan.profiles:
        settings = _postgresql(folder, profile)
        said |= {(key, settings[key]) for key, risky in DURABILITY.items() if settings.get(key) in risky}
    for key in DURABILITY:
        for value in sorted(value for name, value in said if name == key):
            yield Finding(
                kind="durability",
                where="PostgreSQL",
                value=f"{key} = {value}",
                advice=f"{key} = {value} trades the data's safety for speed: a database that is "
                "kept must not "
                "run so",
            )


def _postgresql(folder: ResultsFolder, profile: PlannedProfile) -> dict[str, str]:
    found = dict(profile.postgresql)
    answered = machine_file(folder, "postgresql.json", profile.name).get("settings")
    for row in answered if isinstance(answered, list) else []:
        if isinstance(row, dict) and isinstance(row.get("name"), str) and "setting" in row:
            found[row["name"]] = str(row["setting"])
    return found


def _settings(folder: ResultsFolder) -> Iterable[Finding]:
    for machine in MACHINES:
        for kind, words in SETTINGS_WORDS.items():
            rows = settings_rows(folder, machine, kind)
            if rows:
                named = ", ".join(str(row.get("key")) for row in rows)
                yield Finding(
                    kind=f"settings-{kind}",
                    where=machine,
                    value=len(rows),
                    limit=0,
                    advice=f"{machine}: {words}: {named}",
                )
        if settings_outcome(folder, machine, "restored").get("restored") is False:
            yield Finding(
                kind="not-restored",
                where=machine,
                advice=f"the {machine} was not put back as it was found: run playbooks/restore.yml",
            )


def _refused(folder: ResultsFolder) -> Iterable[Finding]:
    refused = {key: why for profile in folder.plan.profiles for key, why in profile.refused.items()}
    for key, why in refused.items():
        yield Finding(
            kind="refused",
            where="profile",
            value=str(key),
            advice=f"{key} is not applied as published: {why}",
        )


def _feasibility(folder: ResultsFolder) -> Iterable[Finding]:
    rows = folder.plan.document.get("feasibility")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("advice"), str):
            where = str(row.get("where") or "campaign")
            yield Finding(kind=f"feasibility-{row.get('kind')}", where=where, advice=f"{where}: {row['advice']}")


def _dirty(folder: ResultsFolder) -> Iterable[Finding]:
    versions = folder.plan.document.get("versions")
    if isinstance(versions, dict) and versions.get("dirty") is True:
        yield Finding(
            kind="dirty",
            where="versions",
            advice=(
                "the working copy held changes that are in no commit: the commit alone does not repeat this campaign"
            ),
        )


def _raw(runs: Sequence[Run]) -> list[Finding]:
    return [
        Finding(kind=finding.kind, where=run.id, advice=f"{run.label}: {finding.where}: {finding.advice}")
        for run in runs
        for finding in run.findings
    ]

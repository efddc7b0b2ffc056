"""What two campaigns asked for: the parts of their plans that make a figure mean what it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from collectors.compare.environment import differences, flat
from collectors.compare.model import Difference
from collectors.jsonio import Fields
from collectors.results import Plan, ResultsFolder
from collectors.run import Run

NEVER: Final = frozenset(
    {"loop", "generator", "path", "endpoints", "timeout_s", "dispatch", "arrival", "protocol", "streams"}
)
"""Parts of a round without which its figures are others: a latency of a closed loop is another thing than one of an
open loop, a pool of connections hides what a pinned request suffers, a timeout cuts the distribution off."""
ROUND_IGNORED: Final = frozenset({"name"})
PRESENT: Final = "{}.present"
"""The key of a difference in which services or rounds a campaign has at all."""
COMMON: Final = ("workers", "dataset", "database")
SERVICE_IGNORED: Final = frozenset({"id", "unit", "description", "kind", "why", "conditions", "packages", "python"})
"""What a plan says of a service that does not change how it runs."""
DISPATCH, ARRIVAL = "--dispatch", "--arrival"
_DEFAULTS: Final[Mapping[str, str]] = {DISPATCH: "pinned", ARRIVAL: "uniform"}


def round_parts(folder: ResultsFolder) -> dict[str, dict[str, str]]:
    """Return for each round what its load is made of, generator's version and dispatch included."""
    document = Fields(folder.plan.document, folder.directory / "campaign.json")
    rounds = document.inner("rounds")
    found: dict[str, dict[str, str]] = {}
    for name in rounds.names():
        parts = {key: value for key, value in rounds.inner(name).all().items() if key not in ROUND_IGNORED}
        found[name] = flat({**parts, **_words(folder.plan, name, str(parts.get("generator")))}, "")
    return {name: {key.removeprefix("."): value for key, value in parts.items()} for name, parts in found.items()}


def definition_differences(
    a: ResultsFolder, b: ResultsFolder, runs_a: Sequence[Run], runs_b: Sequence[Run]
) -> list[Difference]:
    """Return where two campaigns asked for different things, in the rounds and services that both have."""
    found = [*differences(_common(a.plan), _common(b.plan))]
    rounds_a, rounds_b = round_parts(a), round_parts(b)
    found += _present("rounds", rounds_a, rounds_b)
    for name in (each for each in rounds_a if each in rounds_b):
        found += [
            Difference(key=f"rounds.{name}.{each.key}", a=each.a, b=each.b, never=each.key in NEVER)
            for each in differences(rounds_a[name], rounds_b[name])
        ]
        versions_a, versions_b = _versions(runs_a, name), _versions(runs_b, name)
        found += differences(versions_a, versions_b) if versions_a and versions_b else []
    found += _code(a.plan, b.plan)
    services_a, services_b = _services(a.plan), _services(b.plan)
    found += _present("services", services_a, services_b)
    for name in (each for each in services_a if each in services_b):
        found += differences(services_a[name], services_b[name])
    return found


def _words(plan: Plan, round_: str, generator: str) -> dict[str, str]:
    """Return what the generator's command says beside the round's own keys: how requests meet connections and come."""
    if generator != "pacer":
        return {}
    argv = next((run.load_argv for run in plan.runs if run.cell.round == round_), ())
    return {word.lstrip("-"): _option(argv, word) for word in (DISPATCH, ARRIVAL)}


def _option(argv: Sequence[str], word: str) -> str:
    for index, each in enumerate(argv):
        if each == word and index + 1 < len(argv):
            return argv[index + 1]
        if each.startswith(f"{word}="):
            return each.partition("=")[2]
    return _DEFAULTS[word]


def _common(plan: Plan) -> dict[str, str]:
    document = plan.document
    found = flat({key: document.get(key) for key in COMMON}, "campaign")
    several, versions = document.get("profiles"), document.get("versions")
    rows = several if isinstance(several, list) else [document.get("profile")]
    for row in rows:
        if isinstance(row, dict):
            name = "profile" if len(rows) == 1 else f"profile.{row.get('name')}"
            found |= flat({key: row.get(key) for key in ("kernel", "limits", "postgresql")}, name)
    if isinstance(versions, dict):
        found |= flat({"tandem": versions.get("tandem")}, "version")
    return found


def _code(a: Plan, b: Plan) -> list[Difference]:
    """Return whose programs or pinned packages differ, of what both campaigns ran."""
    one, other = (plan.document.get("code") for plan in (a, b))
    if not isinstance(one, dict) or not isinstance(other, dict):
        return differences(flat(one, "code"), flat(other, "code"))
    both = [name for name in one if name in other]
    return differences(*(flat({name: each[name] for name in both}, "code") for each in (one, other)))


def _services(plan: Plan) -> dict[str, dict[str, str]]:
    rows = plan.document.get("services")
    return {
        str(row["id"]): flat(
            {key: value for key, value in row.items() if key not in SERVICE_IGNORED}, f"services.{row['id']}"
        )
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and "id" in row
    }


def _versions(runs: Iterable[Run], round_: str) -> dict[str, str]:
    """Return the generator of a round as its results name it."""
    seen = {
        f"{run.load.tool} {run.load.tool_version or ''}".strip()
        for run in runs
        if run.cell.round == round_ and run.load is not None
    }
    return {f"rounds.{round_}.generator_version": ", ".join(sorted(seen))} if seen else {}


def _present(what: str, a: Iterable[str], b: Iterable[str]) -> list[Difference]:
    """Return a difference where one side has names that the other lacks; what both have can still be compared."""
    names_a, names_b = list(a), list(b)
    if set(names_a) == set(names_b):
        return []
    return [Difference(key=PRESENT.format(what), a=" ".join(names_a), b=" ".join(names_b))]

"""Campaign files: reading, checking and overriding what an experiment consists of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from collectors.errors import PlanError
from collectors.limits import NOISE_LEAST_BLOCKS
from collectors.plan import constants as c
from collectors.plan.document import Item, listed, unknown
from collectors.plan.ladder import check_rounds, read_ladder
from collectors.plan.load import parse
from collectors.plan.model import Campaign
from collectors.plan.rounds import read_round
from collectors.plan.until import read_until
from collectors.published.names import published_names

COMMON = ("description", "dataset", "workers", "blocks", "seed")
PROFILE = ("profile", "profiles")
"""Exactly one of them: the one profile of a campaign, or several between which it goes to and fro."""
KINDS = {"comparison": ("apps", "rounds"), "ladder": ("kind", "ladder", "rounds")}
"""What a campaign of each kind must have beside the common keys. A file that names no kind is a comparison."""
STOPPING = ("until", "at_most_blocks")
OPTIONAL = {"comparison": ("kind", "published", "noise", *STOPPING), "ladder": ("published", *STOPPING)}
KEYS = (*COMMON, *PROFILE, "apps", "rounds", "kind", "ladder", "published", "noise", *STOPPING)
SETTABLE = (*PROFILE, "dataset", "workers", "blocks", "seed", *STOPPING, "rounds.ROUND.KEY")


def read_campaign(name: str, document: Item) -> Campaign:
    """The campaign that document describes.

    Raises PlanError for unknown or missing keys, and for values of a wrong type or out of range. Whether
    profile, apps and endpoints exist is for those who read them.
    """
    kind = _kind(document)
    fields = document.fields(required=(*COMMON, *KINDS[kind]), optional=(*PROFILE, *OPTIONAL[kind]))
    profiles = tuple(item.text() for item in wanted_profiles(document))
    rounds = fields["rounds"].named_entries("a round")
    if not rounds:
        raise fields["rounds"].refuse("is empty", "at least one round")
    ladder = read_ladder(fields["ladder"]) if kind == "ladder" else ()
    loads = tuple(read_round(key, item) for key, item in rounds.items())
    blocks = fields["blocks"].integer(1, c.BLOCKS_MAX)
    campaign = Campaign(
        name=name,
        description=fields["description"].text(),
        profiles=profiles,
        dataset=fields["dataset"].choice(c.DATASETS, "data set"),
        workers=fields["workers"].integer(1, c.WORKERS_MAX),
        blocks=blocks,
        seed=fields["seed"].integer(0, c.SEED_MAX),
        apps=tuple(rung.service for rung in ladder) if ladder else fields["apps"].distinct("app"),
        rounds=loads,
        ladder=ladder,
        published=fields["published"].choice(published_names(), "set of published figures")
        if "published" in fields
        else None,
        noise=_noise(fields),
        until=read_until(fields, blocks, loads),
    )
    if ladder:
        if len(profiles) > 1:
            raise fields["profiles"].refuse("names several in a ladder, whose rungs differ in one thing", "one profile")
        check_rounds(campaign.rounds, {key: item.entries()["endpoints"].where for key, item in rounds.items()})
    return campaign


def _noise(fields: Mapping[str, Item]) -> bool:
    """Whether the campaign is for the noise floor; PlanError where its blocks are too few to make one."""
    if "noise" not in fields or not fields["noise"].boolean():
        return False
    blocks = fields["blocks"].integer(1, c.BLOCKS_MAX)
    if blocks < NOISE_LEAST_BLOCKS:
        allowed = f"{NOISE_LEAST_BLOCKS} to {c.BLOCKS_MAX}, or a campaign without noise: true"
        raise fields["blocks"].refuse(f"is {blocks}, too few for a noise floor", allowed)
    return True


def _kind(document: Item) -> str:
    """The campaign's kind; keys that belong to the other kind are refused with that said."""
    items = document.entries()
    kind = items["kind"].choice(KINDS, "kind of campaign") if "kind" in items else "comparison"
    if kind == "ladder" and "apps" in items:
        raise items["apps"].refuse("is given for a ladder, whose apps are its rungs", "leave it out")
    if kind != "ladder" and "ladder" in items:
        raise items["ladder"].refuse("is given for a campaign that is no ladder", "leave it out, or kind: ladder")
    return kind


def wanted_profiles(document: Item) -> tuple[Item, ...]:
    """The campaign's profiles, each with its place; PlanError where `profile` or `profiles` is missing, or both stand
    there."""
    fields = document.entries()
    given = [key for key in PROFILE if key in fields]
    if len(given) != 1:
        wrong = "names both profile and profiles" if given else "lacks the key 'profile'"
        place = fields["profiles"].where if given else document.where
        raise PlanError(f"{place}: the file {wrong}; allowed: profile for one, or profiles for a list of several")
    if given == ["profile"]:
        return (fields["profile"],)
    fields["profiles"].distinct("profile")
    return fields["profiles"].items()


def wanted_apps(document: Item) -> list[tuple[str, str]]:
    """The apps or rungs that a campaign names, each with its place, after read_campaign has accepted it."""
    fields = document.entries()
    if "ladder" in fields:
        rungs = [entry.entries()["service"] for entry in fields["ladder"].items()]
        return [(item.text(), item.where) for item in rungs]
    return [(item.text(), item.where) for item in fields["apps"].items()]


def override(document: Item, settings: Iterable[str], apps: str | None) -> Item:
    """The campaign's document with `--set key=value` and `--apps a,b` put in. Of profile and profiles, the one that is
    set takes the place of the other.

    Values are checked with the rest of the document; refusals then name the option instead of file and line.
    """
    for setting in settings:
        document = _set(document, setting)
    if apps is not None:
        names = [name.strip() for name in apps.split(",")]
        where = f"--apps {apps}"
        if not all(names):
            raise PlanError(f"{where}: a name is empty; allowed: names of apps with a comma between them")
        items = tuple(Item(value=name, name="apps", where=where) for name in names)
        document = document.put(("apps",), Item(value=items, name="apps", where=where))
    return document


def _set(document: Item, setting: str) -> Item:
    where = f"--set {setting}"
    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not text.strip():
        raise PlanError(f"{where}: this is not KEY=VALUE; allowed keys: {listed(SETTABLE)}")
    keys = _keys(document, key, where)
    if key in PROFILE:
        others = {name: item for name, item in document.entries().items() if name not in PROFILE}
        document = replace(document, value=others)
    return document.put(keys, parse(text, where, name=key, lines=False))


def _keys(document: Item, key: str, where: str) -> tuple[str, ...]:
    if key in SETTABLE[:-1]:
        return (key,)
    first, _, rest = key.partition(".")
    name, _, field = rest.rpartition(".")
    if first != "rounds" or not name:
        raise unknown("key", key, SETTABLE, where)
    rounds = document.fields(required=(), optional=KEYS).get("rounds")
    names = list(rounds.entries()) if rounds else []
    if name not in names:
        raise unknown("round", name, names, where)
    return ("rounds", name, field)

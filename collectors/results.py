"""A campaign's results folder: the frozen plan in it, and where its files are."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from collectors.errors import ReadError, TandemError
from collectors.jsonio import Fields, read_text
from collectors.link import LinkFigures, read_link
from collectors.plan.looks import Stretch, stretch
from collectors.plan.pending import read_plan
from collectors.readers.floor import Floor, read_floor
from collectors.run import Cell

ARCHIVES = ("server.tar.gz", "client.tar.gz")


@dataclass(frozen=True, kw_only=True)
class PlannedRound:
    """One load condition as the plan states it. `rate_per_s` is None in a closed loop."""

    name: str
    generator: str
    loop: str
    path: str
    rate_per_s: float | None
    connections: int
    threads: int | None
    warmup_s: float
    duration_s: float
    timeout_s: float | None
    streams: int | None = None
    protocol: str | None = None
    measures: str | None = None

    @property
    def sentence(self) -> str:
        """Return the load condition in words."""
        if self.rate_per_s is None:
            shape = f"closed loop, {self.connections} connections"
        else:
            shape = f"open loop, {self.rate_per_s:g} requests/s over {self.connections} connections"
        if self.protocol is not None:
            version = {"h2": "HTTP/2", "h1": "HTTP/1.1"}.get(self.protocol, self.protocol)
            shape += f" of {self.streams} stream(s), {version}" if self.protocol == "h2" else f", {version}"
        where = "through the link" if self.path == "link" else "on the server's own localhost"
        return f"{self.generator}, {shape}, {self.duration_s:g} s after {self.warmup_s:g} s of warm-up, {where}"


@dataclass(frozen=True, kw_only=True)
class PlannedService:
    """One daemon as the plan states it; `keep_alive` is what its launcher declares."""

    id: str
    app: str
    variant: str
    description: str
    keep_alive: bool | None


@dataclass(frozen=True, kw_only=True)
class PlannedProfile:
    """Settings of the machines as the plan states them: `kernel` is key to value, `optional` the kernel's keys that a
    machine may lack, `refused` published values that are not applied, each with the reason."""

    name: str
    description: str
    kernel: Mapping[str, str]
    optional: frozenset[str]
    limits: Mapping[str, str]
    postgresql: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run as the plan states it."""

    id: str
    index: int
    block: int
    cell: Cell
    label: str
    load_on: str
    load_argv: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What of campaign.json is needed to read and show results; `document` is all of it.

    `profiles` are the machines' settings in turn, mostly one; `profile` is their names in one line. Of a campaign that
    stops early `blocks` and `runs` are those up to the look that it stopped at, or that is due; `looks` is for how many
    planned looks its intervals are corrected, `look_due` after which block the next one is to be taken (None: none is).
    """

    campaign: str
    description: str
    created_utc: str
    blocks: int
    workers: int
    seed: int
    dataset: str
    profiles: tuple[PlannedProfile, ...]
    rounds: Mapping[str, PlannedRound]
    services: Mapping[str, PlannedService]
    runs: tuple[PlannedRun, ...]
    document: Mapping[str, object]
    looks: int = 1
    look_due: int | None = None

    @property
    def profile(self) -> str:
        """The names of all profiles."""
        return ", ".join(each.name for each in self.profiles)

    def profile_of(self, name: str) -> PlannedProfile:
        """Return the profile of that name, the first where there is none."""
        return next((each for each in self.profiles if each.name == name), self.profiles[0])

    @property
    def left_out(self) -> list[str]:
        """A sentence for each app that the plan left out because its own file is wrong."""
        rows = self.document.get("feasibility")
        return [
            f"{row.get('where')}: {row.get('advice')}"
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and row.get("kind") == "left-out"
        ]


class ResultsFolder:
    """A results folder; TandemError where the directory is none."""

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise TandemError(f"{directory}: there is no such folder; give a campaign's results folder")
        self.directory = directory

    @cached_property
    def plan(self) -> Plan:
        """Return the frozen plan; TandemError where it cannot be read."""
        document = read_plan(self.directory)
        return _plan(Fields(document, self.directory / "campaign.json"), stretch(document, self.directory))

    def planned(self, run_id: str) -> PlannedRun:
        """Return a run of the plan; TandemError where it holds no such run."""
        runs = self.plan.runs
        if run_id in self._by_id:
            return self._by_id[run_id]
        known = f"its runs are {runs[0].id} to {runs[-1].id}" if runs else "it holds none"
        raise TandemError(f"{self.directory}: the plan holds no run {run_id!r}; {known}")

    def run_folder(self, run_id: str) -> Path:
        """Return where a run's raw files are."""
        return self.directory / "runs" / run_id

    @cached_property
    def link_before(self) -> LinkFigures | None:
        """Return the link as it was measured before the campaign, None where it was not or cannot be read."""
        return self.link("before")

    def link(self, when: str) -> LinkFigures | None:
        """Return link.json of `before` or `after`, None where there is none or it is damaged."""
        try:
            return read_link(self.link_file(when))
        except ReadError:
            return None

    @property
    def floor_file(self) -> Path:
        """Return where the floor's raw output is."""
        return self.directory / "link" / "before" / "floor.json"

    @cached_property
    def floor(self) -> Floor | None:
        """Return what generator and link cost by themselves, None where that was not measured or cannot be read."""
        try:
            return read_floor(read_text(self.floor_file), self.floor_file)
        except ReadError:
            return None

    def machine_folder(self, profile: str) -> Path:
        """Return where the files are of what applying a profile did to the machines; the first one's are the campaign's
        own."""
        first = profile == self.plan.profiles[0].name
        return self.directory / "machines" if first else self.directory / "profiles" / profile / "machines"

    def unavailable(self, profile: str) -> Mapping[str, frozenset[str]]:
        """Return for each machine the settings that it was found unable to have when the profile was applied."""
        if profile not in self._unavailable:
            self._unavailable[profile] = {
                machine: _keys(self.machine_folder(profile) / f"settings-{machine}-report.json")
                for machine in ("server", "client")
            }
        return self._unavailable[profile]

    @cached_property
    def _unavailable(self) -> dict[str, Mapping[str, frozenset[str]]]:
        return {}

    @cached_property
    def _by_id(self) -> Mapping[str, PlannedRun]:
        return {run.id: run for run in self.plan.runs}

    def link_file(self, when: str) -> Path:
        """Return where the link's figures are (`when` is before or after)."""
        return self.directory / "link" / when / "link.json"


def _keys(path: Path) -> frozenset[str]:
    try:
        report = Fields.read(path).optional_inner("report")
        rows = [] if report is None or not report.has("unavailable") else report.rows("unavailable")
        return frozenset(row.text("key") for row in rows)
    except ReadError:
        return frozenset()


def unpack(folder: Path) -> list[str]:
    """Unpack what the machines sent into the run's folder and remove the archives.

    Returns a sentence for every archive that is damaged; it is kept. Only plain files and folders below
    the run's folder are taken.
    """
    faults = []
    for name in ARCHIVES:
        archive = folder / name
        if not archive.is_file():
            continue
        try:
            with tarfile.open(archive, "r:gz") as packed:
                members = [each for each in packed.getmembers() if each.isfile() or each.isdir()]
                packed.extractall(folder, members=members, filter="data")
        except (tarfile.TarError, OSError, EOFError) as error:
            faults.append(f"{archive}: the archive from the machine is damaged: {error}")
        else:
            archive.unlink()
    return faults


def _plan(top: Fields, up_to: Stretch | None) -> Plan:
    services = {row.text("id"): _service(row) for row in top.rows("services")}
    rounds = top.inner("rounds")
    profiles = tuple(map(_profile, top.rows("profiles") if top.has("profiles") else [top.inner("profile")]))
    if not profiles:
        raise top.fail("profiles", "at least one")
    runs = (_run(row, services, profiles[0].name) for row in top.rows("runs"))
    return Plan(
        campaign=top.text("campaign"),
        description=top.optional_text("description") or "",
        created_utc=top.text("created_utc"),
        blocks=top.integer("blocks") if up_to is None else up_to.blocks,
        workers=top.integer("workers"),
        seed=top.integer("seed"),
        dataset=top.text("dataset"),
        profiles=profiles,
        rounds={name: _round(name, rounds.inner(name)) for name in rounds.names()},
        services=services,
        runs=tuple(run for run in runs if up_to is None or run.block <= up_to.blocks),
        document=top.all(),
        looks=1 if up_to is None else up_to.looks,
        look_due=None if up_to is None or up_to.stopped else up_to.blocks,
    )


def _profile(row: Fields) -> PlannedProfile:
    kernel = row.optional_inner("kernel")
    values = {} if kernel is None else {key: kernel.raw(key) for key in kernel.names()}
    wanted = {key: value if isinstance(value, dict) else {"value": value} for key, value in values.items()}
    return PlannedProfile(
        name=row.text("name"),
        description=row.optional_text("description") or "",
        kernel={key: str(value.get("value")) for key, value in wanted.items()},
        optional=frozenset(key for key, value in wanted.items() if value.get("optional") is True),
        limits=_texts(row, "limits"),
        postgresql=_texts(row, "postgresql"),
        refused=_texts(row, "refused"),
    )


def _texts(row: Fields, name: str) -> Mapping[str, str]:
    inner = row.optional_inner(name)
    return {} if inner is None else {key: str(inner.raw(key)) for key in inner.names()}


def _service(row: Fields) -> PlannedService:
    return PlannedService(
        id=row.text("id"),
        app=row.text("app"),
        variant=row.text("variant"),
        description=row.optional_text("description") or "",
        keep_alive=row.truth("keep_alive") if row.has("keep_alive") else None,
    )


def _round(name: str, row: Fields) -> PlannedRound:
    return PlannedRound(
        name=name,
        generator=row.text("generator"),
        loop=row.text("loop"),
        path=row.text("path"),
        rate_per_s=row.optional_number("rate_per_s"),
        connections=row.integer("connections"),
        threads=row.optional_integer("threads"),
        warmup_s=row.optional_number("warmup_s") or 0.0,
        duration_s=row.number("duration_s"),
        timeout_s=row.optional_number("timeout_s"),
        streams=row.optional_integer("streams"),
        protocol=row.optional_text("protocol"),
        measures=row.optional_text("measures"),
    )


def _run(row: Fields, services: Mapping[str, PlannedService], profile: str) -> PlannedRun:
    service = services.get(row.text("service"))
    if service is None:
        raise row.fail("service", "a service of this plan")
    cell = Cell(
        service=service.id,
        app=service.app,
        variant=service.variant,
        endpoint=row.text("endpoint"),
        round=row.text("round"),
        profile=row.optional_text("profile") or profile,
    )
    return PlannedRun(
        id=row.text("id"),
        index=row.integer("index"),
        block=row.integer("block"),
        cell=cell,
        label=row.text("label"),
        load_on=row.text("load_on"),
        load_argv=row.texts("load_argv"),
    )

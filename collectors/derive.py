"""From a run's raw files to a Run: pure, so that it gives the same again from the same files, years later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from collectors.errors import ReadError
from collectors.jsonio import read_text
from collectors.link import LinkFigures
from collectors.machine import figures
from collectors.memory.figures import run_memory
from collectors.memory.model import RunMemory
from collectors.model import Evidence, Finding, LoadResult, MachineFigures, Outcome, Verdict
from collectors.readers.counters import read_counters
from collectors.readers.h2load import LOG_FILE, read_h2load
from collectors.readers.pacer import read_pacer
from collectors.readers.run_files import Contract, LoadExit, Stop, read_contract, read_load_exit, read_stop
from collectors.readers.wrk import read_wrk
from collectors.results import ARCHIVES, PlannedRound, PlannedRun, PlannedService
from collectors.run import RawFile, Run
from collectors.settings.in_force import MACHINES, InForce, not_in_force, read_in_force
from collectors.verdicts import Measured, judge

T = TypeVar("T")

PACER_MEASURED_STATUS = frozenset({0, 3, 4})
"""pacer's exit statuses that leave a complete result: fine, invalid by its own checks, too many errors."""
LOAD_FILE = {"wrk": "stdout.txt", "wrk2": "stdout.txt", "h2load": "stdout.txt", "pacer": "load.json"}
WARM_UP_COUNTED = frozenset({"pacer", "h2load"})
"""Generators that warm up by themselves, between the snapshots of the counters."""
BEFORE_ITS_ANSWER: Final[dict[str, Outcome]] = {
    "did-not-start": "did-not-start",
    "not-installable": "not-installable",
}
"""Failures of a contract check in which no answer was wrong, because there was none."""
NOT_RAW = frozenset({"run.json", *ARCHIVES})


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a run is judged against: its plan, its round, its daemon, the link as measured before the campaign, the open
    files that its profile asks for, and for each machine the settings that it was found unable to have.
    `switched`: the campaign has several profiles, so each run has to say which one was in force."""

    planned: PlannedRun
    round: PlannedRound
    service: PlannedService
    link: LinkFigures | None = None
    nofile: str | None = None
    unavailable: Mapping[str, frozenset[str]] = field(default_factory=dict)
    switched: bool = False


@dataclass(kw_only=True)
class _Parts:
    """What the files held; a damaged or absent one is a finding."""

    load: LoadResult | None = None
    load_fault: str | None = None
    exit: LoadExit | None = None
    contract: Contract | None = None
    stop: Stop | None = None
    server: MachineFigures | None = None
    client: MachineFigures | None = None
    in_force: list[InForce] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def fault(self, kind: str, where: str, error: str) -> None:
        """Note a file that cannot be used."""
        advice = f"the run is judged without it: {error}"
        self.findings.append(Finding(kind=kind, where=where, advice=advice))


def derive(folder: Path, context: Context) -> Run:
    """Return the run that a folder of raw files holds. Never fails on a bad raw file: that is its outcome."""
    planned = context.planned
    parts = _read(folder, context)
    outcome, reason = _outcome(folder, parts)
    load = parts.load
    verdicts: tuple[Verdict, ...] = ()
    memory = None
    if outcome == "measured" and load is not None:
        verdicts = judge(_measured(parts, load, context))
        memory = _memory(folder, parts, context)
    return Run(
        id=planned.id,
        index=planned.index,
        block=planned.block,
        cell=planned.cell,
        label=planned.label,
        load_on=planned.load_on,
        path=context.round.path,
        outcome=outcome,
        outcome_reason=reason,
        load=load,
        contract=None if parts.contract is None else parts.contract.figures,
        server=parts.server,
        client=parts.client,
        cpu_per_request_us=_cpu_per_request_us(parts, context),
        verdicts=verdicts,
        findings=tuple(parts.findings),
        command=_command(folder),
        wall_s=None if parts.exit is None else parts.exit.wall_s,
        raw_files=raw_files(folder),
        memory=memory,
    )


def raw_files(folder: Path) -> tuple[RawFile, ...]:
    """Return every raw file below a run's folder with its size and SHA-256, by path."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in NOT_RAW and not name.startswith("."):
            content = path.read_bytes()
            found.append(RawFile(path=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()))
    return tuple(found)


def _read(folder: Path, context: Context) -> _Parts:
    parts = _Parts()
    parts.exit = _optional(parts, folder / "load-exit.json", read_load_exit)
    parts.contract = _optional(parts, folder / "contract.json", read_contract)
    parts.stop = _optional(parts, folder / "stop.json", read_stop)
    parts.server = _machine(parts, folder, "server")
    parts.client = _machine(parts, folder, "client")
    settings = (_optional(parts, folder / f"settings-{machine}.json", read_in_force) for machine in MACHINES)
    parts.in_force = [each for each in settings if each is not None]
    path = folder / LOAD_FILE.get(context.round.generator, "load.json")
    if path.is_file():
        try:
            parts.load = _load(path, parts, context)
        except ReadError as error:
            parts.load_fault = str(error)
    return parts


def _load(path: Path, parts: _Parts, context: Context) -> LoadResult:
    text = read_text(path)
    if context.round.generator == "pacer":
        return read_pacer(text, path)
    argv = parts.exit.argv if parts.exit is not None else context.planned.load_argv
    if context.round.generator == "h2load":
        return _h2load(text, path, argv, parts)
    return read_wrk(text, path, argv=argv)


def _h2load(text: str, path: Path, argv: tuple[str, ...], parts: _Parts) -> LoadResult:
    """Return what h2load measured; a damaged log of single requests costs the percentiles and nothing else."""
    log = path.with_name(LOG_FILE)
    whole = read_h2load(text, path, argv=argv)
    if not log.is_file():
        return whole
    try:
        return read_h2load(text, path, argv=argv, log=(read_text(log), log))
    except ReadError as error:
        parts.fault("unreadable-log", log.name, str(error))
        return whole


def _optional(parts: _Parts, path: Path, reader: Callable[[Path], T]) -> T | None:
    if not path.is_file():
        return None
    try:
        return reader(path)
    except ReadError as error:
        parts.fault("unreadable-file", path.name, str(error))
        return None


def _machine(parts: _Parts, folder: Path, machine: str) -> MachineFigures | None:
    before, after = (folder / "counters" / f"{machine}-{when}.json" for when in ("before", "after"))
    if not before.is_file() or not after.is_file():
        return None
    try:
        return figures(read_counters(before), read_counters(after), file=str(after))
    except ReadError as error:
        parts.fault("unreadable-counters", f"counters of the {machine}", str(error))
        return None


def _outcome(folder: Path, parts: _Parts) -> tuple[Outcome, str | None]:
    return _daemon_outcome(parts) or _load_outcome(folder, parts) or ("measured", None)


def _daemon_outcome(parts: _Parts) -> tuple[Outcome, str] | None:
    contract = parts.contract
    if contract is None:
        return _absent(parts, "contract.json", "nothing came back from the server")
    if not contract.figures.ok:
        message = contract.figures.failure or "the contract check failed and gave no reason"
        return BEFORE_ITS_ANSWER.get(contract.failure_kind or "", "wrong-answer"), message
    if parts.stop is not None and parts.stop.died:
        return "died", f"the daemon died under load: {parts.stop.sentence}"
    return None


def _load_outcome(folder: Path, parts: _Parts) -> tuple[Outcome, str] | None:
    if parts.exit is None:
        return _absent(parts, "load-exit.json", "nothing came back of the load")
    if (failure := _generator_failure(folder, parts, parts.exit)) is not None:
        return "generator-failed", failure
    if parts.load_fault is not None:
        return "unreadable", parts.load_fault
    if parts.load is None:
        return "generator-failed", "the generator left no result"
    return None


def _absent(parts: _Parts, name: str, sentence: str) -> tuple[Outcome, str]:
    for finding in parts.findings:
        if finding.where == name:
            return "unreadable", finding.advice
    return "unreachable", f"{sentence}: no {name}"


def _generator_failure(folder: Path, parts: _Parts, ended: LoadExit) -> str | None:
    if ended.timed_out:
        return "the generator did not end before its deadline and was stopped"
    measured = PACER_MEASURED_STATUS if parts.load is not None and parts.load.tool == "pacer" else {0}
    if ended.exit_status is None:
        return "the generator was killed before it ended"
    if ended.exit_status not in measured:
        said = _last_line(folder / "stderr.txt") or _last_line(folder / "stdout.txt")
        return f"the generator ended with status {ended.exit_status}" + (f": {said}" if said else "")
    if parts.load is not None and parts.load.interrupted is not None:
        return f"the generator was interrupted by {parts.load.interrupted}"
    return None


def _measured(parts: _Parts, load: LoadResult, context: Context) -> Measured:
    link, contract = context.link, parts.contract
    return Measured(
        load=load,
        load_on=context.planned.load_on,
        path=context.round.path,
        wall_s=None if parts.exit is None else parts.exit.wall_s,
        server=parts.server,
        client=parts.client,
        forward_mbit=None if link is None else link.forward_mbit,
        reverse_mbit=None if link is None else link.reverse_mbit,
        keep_alive_declared=context.service.keep_alive,
        keep_alive_seen=None if contract is None else contract.figures.keep_alive,
        settings=(
            *(_not_read_back(parts) if context.switched else ()),
            *(
                evidence
                for each in parts.in_force
                for evidence in not_in_force(each, context.nofile, context.unavailable.get(each.machine, frozenset()))
            ),
        ),
    )


def _not_read_back(parts: _Parts) -> list[Evidence]:
    """Return the machines that did not say which settings held in the run."""
    said = {each.machine for each in parts.in_force}
    return [
        Evidence(
            what=f"the {machine}'s settings", value="not on record", limit=None, unit="",
            where=f"settings-{machine}.json",
        )
        for machine in MACHINES
        if machine not in said
    ]  # fmt: skip


def _cpu_per_request_us(parts: _Parts, context: Context) -> float | None:
    """Return the daemon's CPU time over the requests it answered in the same time.

    wrk's warm-up ends before the counters are read; pacer's and h2load's are between them, rate x warm-up
    requests in an open loop that keeps up. Elsewhere the warm-up's requests are not known and neither is
    this figure.
    """
    load, server = parts.load, parts.server
    if load is None or server is None or server.daemon_cpu_s is None or not load.counts.completed:
        return None
    requests = float(load.counts.completed)
    if load.tool in WARM_UP_COUNTED and context.round.warmup_s:
        scheduled = load.counts.scheduled
        if load.rate_asked_per_s is None or not scheduled or load.counts.completed < 0.99 * scheduled:
            return None
        requests += load.rate_asked_per_s * context.round.warmup_s
    return round(server.daemon_cpu_s * 1e6 / requests, 1)


def _memory(folder: Path, parts: _Parts, context: Context) -> RunMemory | None:
    round_ = context.round
    if round_.measures != "memory" or parts.exit is None:
        return None
    path = folder / "telemetry" / "server.jsonl"
    load_s = round_.warmup_s + round_.duration_s
    try:
        return run_memory(path, asked=round_.connections, started_utc=parts.exit.started_utc, load_s=load_s)
    except ReadError as error:
        parts.fault("no-telemetry", "what the daemon held", str(error))
        return None


def _command(folder: Path) -> str | None:
    try:
        return read_text(folder / "command.txt").strip() or None
    except ReadError:
        return None


def _last_line(path: Path) -> str | None:
    try:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    except ReadError:
        return None
    return lines[-1][:200] if lines else None

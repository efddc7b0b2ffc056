"""The small files a run leaves beside the generator's: how it ended, the contract check, how the daemon
ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collectors.jsonio import Fields
from collectors.run import ContractFigures


@dataclass(frozen=True, kw_only=True)
class LoadExit:
    """How the generator ended. `exit_status` is None where it was killed before it had one. `started_utc` is a time of
    the machine that ran it."""

    argv: tuple[str, ...]
    exit_status: int | None
    timed_out: bool
    wall_s: float | None
    started_utc: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The state of the daemon's unit before it was stopped."""

    active_state: str
    result: str
    exit_status: int | None
    restarts: int

    @property
    def died(self) -> bool:
        """Say whether the daemon was no longer the process that had been started."""
        return self.active_state in {"failed", "inactive"} or self.result != "success" or self.restarts > 0

    @property
    def sentence(self) -> str:
        """Return what systemd said of it."""
        parts = [f"the unit was {self.active_state}", f"result {self.result}"]
        if self.exit_status:
            parts.append(f"exit status {self.exit_status}")
        if self.restarts:
            parts.append(f"{self.restarts} restarts")
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """The contract check: its figures and, where it failed, the kind of failure."""

    figures: ContractFigures
    failure_kind: str | None


def read_load_exit(path: Path) -> LoadExit:
    """Return how the generator ended; ReadError where the file is absent or not of this form."""
    top = _opened(path)
    return LoadExit(
        argv=top.texts("argv"),
        exit_status=top.optional_integer("exit_status"),
        timed_out=top.truth("timed_out"),
        wall_s=top.optional_amount("wall_s"),
        started_utc=top.optional_text("started_utc"),
    )


def read_stop(path: Path) -> Stop:
    """Return how the daemon was found; ReadError where the file is absent or not of this form."""
    top = _opened(path)
    return Stop(
        active_state=top.optional_text("active_state") or "unknown",
        result=top.optional_text("result") or "success",
        exit_status=top.optional_integer("exit_status"),
        restarts=top.optional_count("restarts") or 0,
    )


def read_contract(path: Path) -> Contract:
    """Return the contract check; ReadError where the file is absent or not of this form."""
    top = _opened(path)
    failure = top.optional_inner("failure")
    headers = top.optional_inner("headers")
    figures = ContractFigures(
        ok=top.truth("ok"),
        requests=top.optional_count("requests"),
        reply_bytes=top.optional_count("reply_bytes"),
        body_bytes=top.optional_count("body_bytes"),
        keep_alive=top.truth("keep_alive") if top.has("keep_alive") else None,
        wait_s=top.optional_amount("wait_s"),
        failure=None if failure is None else failure.text("message"),
        headers=None if headers is None else {key: str(headers.raw(key)) for key in headers.names()},
    )
    return Contract(figures=figures, failure_kind=None if failure is None else failure.text("kind"))


def _opened(path: Path) -> Fields:
    top = Fields.read(path)
    if top.integer("schema_version") != 1:
        raise top.fail("schema_version", "1, the only one this version reads")
    return top

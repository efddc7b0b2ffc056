"""What a campaign, its profile, its daemons and its frozen plan are made of.

Frozen, keyword-only, with the unit in the name of every quantity. A number keeps the form it was written in:
`duration_s: 30` stays the integer 30 in the frozen plan and on command lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Generator = Literal["wrk", "wrk2", "pacer", "h2load"]
Protocol = Literal["h2", "h1"]
Measures = Literal["memory"]
Path = Literal["localhost", "link"]
Machine = Literal["client", "server"]
Loop = Literal["open", "closed"]
Kind = Literal["faithful", "fair", "plain"]
Front = Literal["nginx"]
FrontProtocol = Literal["http", "uwsgi"]
BodyBytes = int | tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Round:
    """One load condition.

    `rate_per_s` is None in a closed loop, where each connection sends its next request when the last reply is
    in. `threads` is None for a generator that has none. `streams` (requests at a time on each connection) and
    `protocol` are h2load's alone. `timeout_s` is the age at which a request is given up; wrk2 and h2load give
    up none, and are ended themselves a while after it. `measures`: what is looked at beside the load, on the server.
    """

    name: str
    generator: Generator
    path: Path
    rate_per_s: float | None
    connections: int
    threads: int | None
    warmup_s: float
    duration_s: float
    timeout_s: float
    endpoints: tuple[str, ...]
    streams: int | None = None
    protocol: Protocol | None = None
    measures: Measures | None = None

    @property
    def loop(self) -> Loop:
        """Open where requests follow a clock, closed where they follow replies."""
        return "closed" if self.rate_per_s is None else "open"


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One daemon of a ladder (`app` or `app:variant`), and the one factor that it changes against the rung before.

    The first rung has none before it; its factor, where given, says what the ladder starts from.
    """

    service: str
    factor: str | None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Of every cell of these rounds the metric's interval is to lie within a share (`below`) of its median."""

    metric: str
    below: float
    rounds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Until:
    """When a campaign stops: after which numbers of blocks it is looked at, and what is to hold of it then."""

    text: str
    conditions: tuple[Condition, ...]
    looks: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One experiment as its file describes it, after overrides.

    `profiles` are the settings that the machines have in turn, mostly one. `ladder` is empty but for campaigns of kind
    ladder, whose apps are its rungs. `published` names the published figures that the summary prints beside the
    measured ones. `noise`: it is measured to make the noise floor of it. `until`: its number of blocks is not fixed.
    """

    name: str
    description: str
    profiles: tuple[str, ...]
    dataset: str
    workers: int
    blocks: int
    seed: int
    apps: tuple[str, ...]
    rounds: tuple[Round, ...]
    ladder: tuple[Rung, ...] = ()
    published: str | None = None
    noise: bool = False
    until: Until | None = None

    @property
    def least_blocks(self) -> int:
        """The fewest blocks that it is measured for."""
        return self.until.looks[0] if self.until else self.blocks

    @property
    def most_blocks(self) -> int:
        """The most blocks that it is measured for."""
        return self.until.looks[-1] if self.until else self.blocks


@dataclass(frozen=True, kw_only=True)
class KernelValue:
    """A kernel setting's wanted value; an optional one may be absent from the kernel at hand."""

    value: str
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Settings of the machines; `refused` holds published values that are not applied, each with the
    reason.
    """

    name: str
    description: str
    kernel: Mapping[str, KernelValue]
    limits: Mapping[str, int]
    postgresql: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """A way to start daemons: the command with {placeholders}, and options that a variant may override.

    `http2`: it also answers HTTP/2 without TLS, with prior knowledge. `protocol` is what it speaks to a front.
    """

    name: str
    argv: tuple[str, ...]
    keep_alive: bool
    options: Mapping[str, str]
    env: Mapping[str, str]
    http2: bool = False
    protocol: FrontProtocol = "http"

    @property
    def takes_socket(self) -> bool:
        """Whether it can be told to listen on a unix socket."""
        return any("{listen}" in word or "{socket}" in word for word in self.argv)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A route's contract; `fields` is what contract.yml says of it, for the check to read.

    `fair_body_bytes` is the length of the body that every fair variant has; `upstream`: the daemon asks the bench's
    own slow page for it.
    """

    name: str
    method: str
    path: str
    fields: Mapping[str, Any]
    fair_body_bytes: Mapping[str, int] = field(default_factory=dict)
    upstream: bool = False


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An endpoint as one app offers it: the reply's body bytes per data set (absent where not stated, least and
    most where replies differ), and the largest number of pooled things that one worker holds while it serves it.

    `content_type` replaces the contract's; `reply_bytes` is the exact length with the head, per data set.
    `answers_per_worker`: after so many good answers each worker gives errors for ever, as published.
    """

    body_bytes: Mapping[str, BodyBytes]
    pool_size: int
    content_type: str | None = None
    reply_bytes: Mapping[str, int] = field(default_factory=dict)
    answers_per_worker: int | None = None


@dataclass(frozen=True, kw_only=True)
class Service:
    """One app variant, ready to become a unit.

    `argv` and `env` hold ${TANDEM_BIND}, ${TANDEM_PORT} and ${TANDEM_WORKERS} literally, because address and
    number of workers are chosen per run. `pool_size` is the largest number of pooled things that one worker
    holds. `code` is the app folder whose code runs. `kind` says what the variant stands for and `why` gives the
    reason. `front`: nginx listens on the port and asks the daemon through `socket`, in `protocol`. `packages` are
    Debian's, `python` the interpreters that its Python packages exist for (as in 3.10-3.12, or system, Debian's own),
    `conflicts` those whose own pins may be broken. `conditions` are what a fair comparison must know. `upstream` is
    the address of the bench's slow page, where an endpoint needs it.
    """

    id: str
    app: str
    variant: str
    description: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    port: int
    keep_alive: bool
    pool_size: int
    endpoints: Mapping[str, Offer]
    http2: bool = False
    code: str = ""
    launcher: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = "plain"
    why: str | None = None
    front: Front | None = None
    protocol: FrontProtocol = "http"
    packages: tuple[str, ...] = ()
    python: str | None = None
    conflicts: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    upstream: str | None = None

    @property
    def unit(self) -> str:
        """Name of the systemd unit."""
        return f"tandem-{self.id}.service"

    @property
    def socket(self) -> str | None:
        """Where the daemon listens for its front, in a folder that systemd makes with the unit."""
        return f"/run/tandem-{self.id}/daemon.sock" if self.front else None

    @property
    def front_unit(self) -> str | None:
        """Name of the front's systemd unit."""
        return f"tandem-front-{self.id}.service" if self.front else None

    @property
    def slice(self) -> str | None:
        """Name of the slice that holds daemon and front, so that the CPU of both is counted."""
        return f"tandem-{self.id}.slice" if self.front else None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is measured once in every block: app variant x endpoint x round x profile."""

    service: Service
    endpoint: Endpoint
    round: Round
    profile: str


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One cell in one block, with everything a machine needs to carry it out; durations in seconds."""

    id: str
    index: int
    block: int
    cell: Cell
    label: str
    bind: str
    url: str
    load_on: Machine
    load_argv: tuple[str, ...]
    warmup_argv: tuple[str, ...] | None
    contract: Mapping[str, Any]
    expected_s: float
    deadline_s: int


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that arithmetic says before anything runs; a fatal one means that the campaign cannot be
    measured.

    `value` and `limit` carry the unit that `advice` names; `value` is None where it cannot be known
    beforehand.
    """

    kind: str
    where: str
    value: float | None
    limit: float
    advice: str
    fatal: bool = False


@dataclass(frozen=True, kw_only=True)
class Versions:
    """What made the plan: our version, the commit and whether files differed from it (None outside a
    checkout).
    """

    tandem: str
    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A campaign, ready to be frozen; `profiles` are in the campaign's order, which begins with the first."""

    campaign: Campaign
    profiles: tuple[Profile, ...]
    services: tuple[Service, ...]
    runs: tuple[PlannedRun, ...]
    findings: tuple[Finding, ...]

    @property
    def profile(self) -> Profile:
        """The only profile, or the first."""
        return self.profiles[0]

    @property
    def least(self) -> tuple[PlannedRun, ...]:
        """The runs that are done in any case: of a campaign that stops early those up to its first look."""
        return tuple(run for run in self.runs if run.block <= self.campaign.least_blocks)

    @property
    def seconds(self) -> float:
        """Expected duration of all runs; provisioning and the link check come on top."""
        return sum(run.expected_s for run in self.runs)

"""The exact commands of the load generators, and how long they may take."""

from __future__ import annotations

import math

from collectors.plan import constants as c
from collectors.plan.model import Round
from collectors.readers.h2load import LOG_FILE

WRK = ("wrk", "wrk2")


def plain(value: float) -> str:
    """A number without exponent and without a needless fraction."""
    return str(int(value)) if float(value).is_integer() else f"{value:.9f}".rstrip("0")


def load_argv(load: Round, url: str) -> tuple[str, ...]:
    """The measured load. pacer and h2load warm up by themselves; pacer leaves load.json beside its output."""
    if load.generator in WRK:
        return _wrk(load, url, seconds=load.duration_s, latency=True)
    if load.generator == "h2load":
        return _h2load(load, url)
    rate = () if load.rate_per_s is None else ("-R", plain(load.rate_per_s))
    return (
        "python3",
        c.PACER,
        *rate,
        "-c",
        str(load.connections),
        "-d",
        plain(load.duration_s),
        "--warmup",
        plain(load.warmup_s),
        "--timeout",
        plain(load.timeout_s),
        "--format",
        "text",
        "--json",
        "load.json",
        url,
    )


def warmup_argv(load: Round, url: str) -> tuple[str, ...] | None:
    """A shorter wrk or wrk2 before the measured one; None where there is no warm-up or the generator does it
    itself."""
    if load.generator not in WRK or load.warmup_s == 0:
        return None
    return _wrk(load, url, seconds=load.warmup_s, latency=False)


def _wrk(load: Round, url: str, *, seconds: float, latency: bool) -> tuple[str, ...]:
    program, rate = ("wrk", ()) if load.rate_per_s is None else (c.WRK2, (f"-R{plain(load.rate_per_s)}",))
    return (
        program,
        *rate,
        f"-t{load.threads}",
        f"-c{load.connections}",
        f"-d{plain(seconds)}s",
        "--timeout",
        f"{plain(load.timeout_s)}s",
        *(("--latency",) if latency else ()),
        url,
    )


def _h2load(load: Round, url: str) -> tuple[str, ...]:
    """Without -N, the only timeout it has: h2load 1.52 aborts when one passes in a run of a given duration."""
    rate = () if load.rate_per_s is None else ("--rps", plain(load.rate_per_s / load.connections))
    return (
        "h2load",
        *(("--h1",) if load.protocol == "h1" else ()),
        "-c",
        str(load.connections),
        "-m",
        str(load.streams),
        "-t",
        str(load.threads),
        *rate,
        "-D",
        plain(load.duration_s),
        "--warm-up-time",
        plain(load.warmup_s),
        *((f"--log-file={LOG_FILE}",) if load.duration_s <= c.H2LOAD_LOG_MAX_S else ()),
        url,
    )


def deadline_s(load: Round) -> int:
    """Seconds after which a load command is ended: its phases, twice its timeout to drain, and a margin."""
    return math.ceil(load.warmup_s + load.duration_s + 2 * load.timeout_s) + c.DEADLINE_MARGIN_S


def load_words(load: Round) -> str:
    """The load in a few words, as in `4000 req/s, 30 s`."""
    amount = (
        f"{load.connections} connections" if load.rate_per_s is None else f"{plain(load.rate_per_s)} req/s"
    )
    return f"{amount}, {plain(load.duration_s)} s"

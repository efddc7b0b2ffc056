"""The exact commands of the load generators, and how long they may take."""

from __future__ import annotations

import math

from collectors.plan import constants as c
from collectors.plan.model import Round


def plain(value: float) -> str:
    """A number without exponent and without a needless fraction."""
    return str(int(value)) if float(value).is_integer() else f"{value:.9f}".rstrip("0")


def load_argv(load: Round, url: str) -> tuple[str, ...]:
    """The measured load. pacer warms up by itself and leaves load.json beside its output."""
    if load.generator == "wrk":
        return _wrk(load, url, seconds=load.duration_s, latency=True)
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
    """A shorter wrk before the measured one; None where there is no warm-up or pacer does it itself."""
    if load.generator != "wrk" or load.warmup_s == 0:
        return None
    return _wrk(load, url, seconds=load.warmup_s, latency=False)


def _wrk(load: Round, url: str, *, seconds: float, latency: bool) -> tuple[str, ...]:
    return (
        "wrk",
        f"-t{load.threads}",
        f"-c{load.connections}",
        f"-d{plain(seconds)}s",
        "--timeout",
        f"{plain(load.timeout_s)}s",
        *(("--latency",) if latency else ()),
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

"""Find the highest rate at which limits hold, as an interval, by repeated trials."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import sqrt

from pacer.distribution import PERCENTILES, samples_needed
from pacer.errors import PacerError, UsageError
from pacer.result import Outcome
from pacer.units import parse_duration_ns

PRECISION = 1.05                # the interval's upper end over its lower end
_CONFIRMATIONS = 3              # trials that the lower end has to hold; the upper end has to fail two
_MAX_TRIALS = 60
_LOWEST_PER_S = 1.0
_CLIENT_HALVINGS = 4            # rates in a row that the generator could not hold before it is taken to be unfit
_ALL_PERCENT = 100
_LONGER = ((1.15, 4), (1.5, 2))     # below this ratio of the ends, trials take so many times as long

HOLDS, FAILS, CLIENT = "holds", "fails", "client-bound"

_LIMIT = re.compile(r"\s*([a-z0-9.]+)\s*(<=?)\s*([^\s<]+)\s*")
_TIMES = {"mean": None, "max": None} | {f"p{percent}": percent for percent in PERCENTILES}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """`name` (mean, max, p50 to p99.99 of the latency in ns, or errors as a share) must be below `bound`."""

    name: str
    bound: float
    text: str

    def value(self, outcome: Outcome) -> float | None:
        """Return what a run measured, None when its sample does not support the figure."""
        if self.name == "errors":
            return outcome.recording.error_share
        distribution = outcome.latency[outcome.primary]
        percent = _TIMES[self.name]
        if percent is not None:
            return distribution.percentiles[percent]
        return distribution.mean_ns if self.name == "mean" else distribution.max_ns

    def holds(self, outcome: Outcome) -> bool:
        """Tell whether a run kept the limit; a figure that is not known did not."""
        value = self.value(outcome)
        return value is not None and value < self.bound

    @property
    def samples(self) -> int:
        """How many requests a trial needs to tell."""
        percent = _TIMES.get(self.name)
        return samples_needed(percent) if percent is not None else 100


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run at one rate."""

    rate_per_s: float
    duration_s: float
    result: str                 # HOLDS, FAILS or CLIENT
    values: dict[str, float | None]
    verdict: str


@dataclass(kw_only=True)
class Found:
    """The answer: the limits hold at `holds_per_s`, fail at `fails_per_s`; None where no such rate was seen.

    limited_by is "server", "generator" (it could not send faster: the true answer may be higher), "trials" (too many
    of them differed) or "stopped" (what is known so far; `stopped` says why).
    """

    holds_per_s: float | None = None
    fails_per_s: float | None = None
    limited_by: str = "server"
    stopped: str | None = None
    trials: list[Trial] = field(default_factory=list)


Try = Callable[[float, int], Trial]     # a rate, and how many times as long as usual


def parse_limits(text: str) -> tuple[Limit, ...]:
    """Return the limits of "p99<10ms,errors<0.1%". Raises UsageError with one sentence."""
    limits = []
    for part in text.split(","):
        match = _LIMIT.fullmatch(part)
        if match is None or (match[1] not in _TIMES and match[1] != "errors"):
            raise UsageError(f"'{part}' is not a limit: write NAME<VALUE, such as p99<10ms or errors<0.1%; "
                             f"names are {', '.join(_TIMES)} and errors")
        try:
            bound = _share(match[3]) if match[1] == "errors" else float(parse_duration_ns(match[3]))
        except ValueError as error:
            raise UsageError(f"'{part}' is not a limit: {error}") from error
        if not bound:
            raise UsageError(f"'{part}' is not a limit: nothing is below 0")
        limits.append(Limit(name=match[1], bound=bound, text=part.strip()))
    return tuple(limits)


def judge_trial(outcome: Outcome, limits: tuple[Limit, ...]) -> str:
    """Tell what a run says about its rate."""
    verdict = outcome.validity.verdict
    if verdict == "client-bound":
        return CLIENT
    tolerated = ("valid", "errors") if any(limit.name == "errors" for limit in limits) else ("valid",)
    return HOLDS if verdict in tolerated and all(limit.holds(outcome) for limit in limits) else FAILS


def search(attempt: Try, start_per_s: float) -> Found:
    """Search upwards or downwards from a rate, halve the interval, confirm its ends.

    A rate counts as holding when three trials in a row hold, as failing when two fail, the last ones longer. When a
    trial cannot be run (the target is gone, somebody pressed Ctrl-C), what is known by then is the answer; raises the
    trial's PacerError when that is nothing.
    """
    seeker = _Seeker(attempt)
    try:
        seeker.bracket(start_per_s)
        while not seeker.over:
            if not seeker.narrow():
                seeker.confirm()
    except PacerError as error:
        if not seeker.found.trials:
            raise
        seeker.stop(str(error))
    return seeker.found


class _Seeker:
    def __init__(self, attempt: Try) -> None:
        self._attempt = attempt
        self.found = Found()
        self.over = False
        self._client_limit = False
        self._confirmed = False

    def bracket(self, rate: float) -> None:
        """Double or halve until one rate holds and a higher one does not."""
        result = self._try(rate)
        grow = result == HOLDS
        spoilt = int(result == CLIENT)
        while not self.over and (self.found.holds_per_s is None or self.found.fails_per_s is None):
            if not grow and (rate <= _LOWEST_PER_S or spoilt >= _CLIENT_HALVINGS):
                self.over = True
                self.found.limited_by = "generator" if self._client_limit else "server"
                return
            rate = _round(rate * 2 if grow else max(_LOWEST_PER_S, rate / 2))
            result = self._try(rate)
            spoilt = spoilt + 1 if result == CLIENT else 0
            if grow == (result != HOLDS):
                return

    def stop(self, reason: str) -> None:
        """Take what is known as the answer."""
        self.found.limited_by, self.found.stopped = "stopped", reason
        if self._client_limit:
            self.found.fails_per_s = None       # it was the generator that failed there

    def narrow(self) -> bool:
        """Try the middle of the interval; False when it is narrow enough."""
        low, high = self.found.holds_per_s, self.found.fails_per_s
        if low is None or high is None:
            self.over = True
            return True
        middle = _round(sqrt(low * high))
        if high / low <= PRECISION or middle in (low, high):
            return False
        self._try(middle)
        return True

    def confirm(self) -> None:
        """Repeat the ends; an end that does not repeat moves, and the search goes on."""
        low, high = self.found.holds_per_s, self.found.fails_per_s
        if low is None or high is None:
            self.over = True
            return
        for _ in range(_CONFIRMATIONS - 1):
            if self._run(low) != HOLDS:
                self.found.holds_per_s, self.found.fails_per_s = None, low
                self._step_down(low)
                return
        if self._run(high) == HOLDS:
            self.found.holds_per_s, self.found.fails_per_s = high, None
            self._step_up(high)
            return
        self.over = True
        self.found.limited_by = "generator" if self._client_limit else "server"

    def _step_down(self, rate: float) -> None:
        while not self.over and self.found.holds_per_s is None:
            rate = _round(rate / PRECISION)
            self.over = self.over or rate < _LOWEST_PER_S
            if not self.over:
                self._try(rate)

    def _step_up(self, rate: float) -> None:
        while not self.over and self.found.fails_per_s is None:
            rate = _round(rate * PRECISION)
            self._try(rate)

    def _try(self, rate: float) -> str:
        """Run a rate and take it as one end of the interval."""
        result = self._run(rate)
        if result == HOLDS:
            self.found.holds_per_s = rate
        else:
            self.found.fails_per_s = rate
            self._client_limit = result == CLIENT
        return result

    def _run(self, rate: float) -> str:
        """Run a rate; a trial that the generator spoilt is repeated once."""
        result = CLIENT
        for _ in range(2):
            if len(self.found.trials) >= _MAX_TRIALS:
                self.over, self.found.limited_by = True, "trials"
                return FAILS
            trial = self._attempt(rate, self._length())
            self.found.trials.append(trial)
            result = trial.result
            if result != CLIENT:
                break
        return result

    def _length(self) -> int:
        low, high = self.found.holds_per_s, self.found.fails_per_s
        if low is None or high is None:
            return 1
        return next((factor for ratio, factor in _LONGER if high / low <= ratio), 1)


def _round(rate: float) -> float:
    """Return a rate of three digits."""
    return float(f"{rate:.3g}")


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", text, re.ASCII)
    if match is None or float(match[1]) > _ALL_PERCENT:
        raise ValueError(f"'{text}' is not a percentage such as 0.1%")
    return float(match[1]) / 100

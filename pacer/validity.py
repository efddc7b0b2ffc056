"""Judge a run by its own evidence: did the generator do what was asked, did the server keep up, were there
errors.

The limits are those of docs/pacer.md. A rate that the generator itself cannot hold shows as lag, never as a
slower server.
"""

from __future__ import annotations

from dataclasses import dataclass

from pacer.distribution import interval_ranks
from pacer.recording import Recording

MAX_ERROR_SHARE = 0.001
MAX_LAG_P99_NS = 1_000_000
MAX_LOOP_GAP_NS = 100_000_000
MAX_LATE_SHARE = 0.01           # of the requests: dealt with more than 1 ms after their time
MAX_CPU_SHARE = 0.95            # of the busiest process, in a closed loop, which has no schedule to be late for
MIN_COMPLETED_SHARE = 0.99      # below: degraded
MIN_KEPT_UP_SHARE = 0.95        # below: overloaded

VALID = "valid"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at. `blames` is the verdict when it is not ok."""

    name: str
    value: float | str | None
    limit: float | str | None
    unit: str
    ok: bool
    blames: str


@dataclass(frozen=True, kw_only=True)
class Validity:
    """The verdict and what it rests on."""

    verdict: str
    checks: tuple[Check, ...]

    @property
    def valid(self) -> bool:
        """Nothing speaks against the run."""
        return self.verdict == VALID

    @property
    def broken(self) -> list[Check]:
        """The checks that are not ok."""
        return [check for check in self.checks if not check.ok]


def judge(recording: Recording, *, open_loop: bool, connections_asked: int | None,
          max_error_share: float = MAX_ERROR_SHARE) -> Validity:
    """Check a run; the first check that fails, in this order, names the verdict.

    connections_asked is None where connections are not kept, so that there is nothing to count.
    """
    checks = [
        Check(name="interrupted", value=recording.interrupted, limit=None, unit="signal",
              ok=recording.interrupted is None, blames="interrupted"),
        Check(name="books_difference", value=_imbalance(recording), limit=0, unit="requests",
              ok=recording.balanced, blames="client-bound"),
        Check(name="responses", value=recording.completed, limit=1, unit="responses",
              ok=recording.completed >= 1, blames="errors"),
        Check(name="error_share", value=recording.error_share, limit=max_error_share,
              unit="share of scheduled", ok=recording.error_share <= max_error_share, blames="errors"),
        _at_most("loop_gap_max", recording.cost.loop_gap_max_ns, MAX_LOOP_GAP_NS, "ns"),
    ]
    if connections_asked is not None:
        established = recording.connections.established
        checks.append(Check(name="connections_established", value=established, limit=connections_asked,
                            unit="connections", ok=established == connections_asked, blames="client-bound"))
    checks += _open_loop_checks(recording) if open_loop else _closed_loop_checks(recording)
    blamed = [check.blames for check in checks if not check.ok]
    return Validity(verdict=blamed[0] if blamed else VALID, checks=tuple(checks))


def _open_loop_checks(recording: Recording) -> list[Check]:
    # In a small sample one hiccup is the 99th percentile: what counts is where it lies at least, with 95 %.
    lags = recording.values["lag"]
    lag = lags.at_rank(interval_ranks("99", lags.n)[0])
    share = recording.completed / recording.scheduled if recording.scheduled else 0.0
    late = recording.late / recording.scheduled if recording.scheduled else 0.0
    return [
        _at_most("late_share", late, MAX_LATE_SHARE, "share of scheduled"),
        _at_most("lag_p99_at_least", lag, MAX_LAG_P99_NS, "ns"),
        Check(name="kept_up_share", value=share, limit=MIN_KEPT_UP_SHARE, unit="completed / scheduled",
              ok=share >= MIN_KEPT_UP_SHARE, blames="overloaded"),
        Check(name="completed_share", value=share, limit=MIN_COMPLETED_SHARE, unit="completed / scheduled",
              ok=share >= MIN_COMPLETED_SHARE, blames="degraded"),
    ]


def _closed_loop_checks(recording: Recording) -> list[Check]:
    share = recording.cost.busiest_process_cpu_ns / recording.window_ns if recording.window_ns else 0.0
    return [_at_most("cpu_share", share, MAX_CPU_SHARE, "share of one core")]


def _at_most(name: str, value: float | None, limit: float, unit: str) -> Check:
    return Check(name=name, value=value, limit=limit, unit=unit, ok=value is None or value <= limit,
                 blames="client-bound")


def _imbalance(recording: Recording) -> int:
    ended = recording.ok + recording.http_errors + recording.failed + recording.unfinished
    return recording.scheduled - ended

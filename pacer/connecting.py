"""The first phase: open the connections, paced, and count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pacer.clock import now_ns
from pacer.connection import OPENED, Connection
from pacer.errors import PacerError, TargetError
from pacer.load import Load
from pacer.loop import Agenda, Loop
from pacer.request import Request
from pacer.schedule import Stage, uniform_times
from pacer.units import NS_PER_S


def connect_all(load: Load, connections: list[Connection], loop: Loop,
                stopped: Callable[[], str | None]) -> int:
    """Open the connections at the load's connect rate; return how many stand.

    Raises TargetError with one sentence when not all could be opened, PacerError when stopped meanwhile.
    """
    phase = Connecting(connections, load.timeout_ns, stopped)
    rate = load.connect_rate_per_s
    duration_ns = -(-len(connections) * NS_PER_S * rate.denominator // rate.numerator)
    start = now_ns()
    times = uniform_times(Stage(rate_per_s=rate, duration_ns=duration_ns), start)
    loop.run(Agenda((due, load.requests[0]) for due in times), phase, tick_from=start)
    if stopped() is not None:
        raise PacerError("interrupted before the load began: nothing was measured")
    if phase.failures:
        what = ", ".join(f"{number} {name.removeprefix('connect_').replace('_', ' ')}"
                         for name, number in phase.failures.most_common()) + phase.reason
        raise TargetError(f"cannot connect to {load.target}: {phase.opened} of {len(connections)} "
                          f"connections opened, {what}")
    return phase.opened


class Connecting:
    """The loop's handler in this phase."""

    idle_work = ()

    def __init__(self, connections: list[Connection], timeout_ns: int,
                 stopped: Callable[[], str | None]) -> None:
        self._connections = connections
        self._timeout_ns = timeout_ns
        self._stopped = stopped
        self._begun = 0
        self.opened = 0
        self.failures: Counter[str] = Counter()
        self.reason = ""            # what a failed handshake says, in brackets

    def due(self, _due_ns: int, _request: Request, _now: int) -> None:
        """See pacer.loop.Handler: open the next one."""
        if self._begun == len(self._connections):
            return
        connection = self._connections[self._begun]
        self._begun += 1
        outcome = connection.open()
        if outcome is not None:
            self.outcome(connection, outcome)

    def outcome(self, connection: Connection, outcome: str) -> None:
        """See pacer.loop.Handler."""
        if outcome == OPENED:
            self.opened += 1
        else:
            self.failures[outcome] += 1
            if outcome == "connect_tls":
                self.reason = f" ({getattr(connection, 'handshake_failure', 'unknown')})"

    def tick(self, now: int) -> bool:
        """See pacer.loop.Handler."""
        for connection in self._connections:
            outcome = connection.expire(now - self._timeout_ns)
            if outcome is not None:
                self.outcome(connection, outcome)
        settled = self.opened + sum(self.failures.values())
        return settled == len(self._connections) or self._stopped() is not None

    def idle(self) -> None:
        """See pacer.loop.Handler: never called."""

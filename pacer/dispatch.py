"""Which connection sends which request.

Pinned: request i goes out on connection i mod C, in order, however long it has to wait there: what a user who
is tied to one server process lives through. Pool: request i takes any idle connection. Closed: each
connection sends its next request as soon as it has the answer to the last.

A dispatcher is asked twice: `offer` when a request is due, `take` when a connection has become free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from pacer.connection import IDLE, Connection
from pacer.request import Request

PINNED = "pinned"
POOL = "pool"
DISPATCHES = (PINNED, POOL)

#: When a request is due (ns), and the request.
Work = tuple[int, Request]


class Dispatcher(Protocol):
    """What the engine needs of a dispatcher."""

    @property
    def waiting(self) -> int:
        """How many requests are due and not begun."""

    def offer(self, work: Work) -> Connection | None:
        """Return the connection that begins this request now, None when it has to wait."""

    def take(self, connection: Connection) -> Work | None:
        """Return what a connection that has just become free begins now, None when there is nothing."""

    def close(self) -> list[Work]:
        """Begin nothing more; return the requests that were waiting."""


class Pinned:
    """Request i on connection i mod C."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections
        self._queues: list[deque[Work]] = [deque() for _ in connections]
        self._turn = 0
        self.waiting = 0

    def offer(self, work: Work) -> Connection | None:
        """See Dispatcher."""
        turn = self._turn
        connection = self._connections[turn]
        self._turn = turn + 1 if turn + 1 < len(self._connections) else 0
        if connection.state <= IDLE:
            return connection
        self._queues[turn].append(work)
        self.waiting += 1
        return None

    def take(self, connection: Connection) -> Work | None:
        """See Dispatcher."""
        queue = self._queues[connection.number]
        if not queue:
            return None
        self.waiting -= 1
        return queue.popleft()

    def close(self) -> list[Work]:
        """See Dispatcher."""
        rest = [work for queue in self._queues for work in queue]
        for queue in self._queues:
            queue.clear()
        self.waiting = 0
        return rest


class Pool:
    """Any idle connection, the one idle longest first."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._idle = deque(connections)
        self._queue: deque[Work] = deque()

    @property
    def waiting(self) -> int:
        """See Dispatcher."""
        return len(self._queue)

    def offer(self, work: Work) -> Connection | None:
        """See Dispatcher."""
        if self._idle:
            return self._idle.popleft()
        self._queue.append(work)
        return None

    def take(self, connection: Connection) -> Work | None:
        """See Dispatcher."""
        if self._queue:
            return self._queue.popleft()
        self._idle.append(connection)
        return None

    def close(self) -> list[Work]:
        """See Dispatcher."""
        rest = list(self._queue)
        self._queue.clear()
        return rest


class Closed:
    """Each connection for itself: the next request when the last is answered.

    `next_work` makes the next request, None when it is too late for one. A connection rests at the start and
    whenever it could not connect, until `rested` is called, so that a server that is down is not asked a
    hundred thousand times a second.
    """

    waiting = 0

    def __init__(self, next_work: Callable[[int], Work | None], connections: Sequence[Connection]) -> None:
        self._next_work = next_work
        self._open = True
        self._resting = list(connections)

    def offer(self, work: Work) -> Connection | None:
        """See Dispatcher; in a closed loop nothing is due by itself."""
        raise NotImplementedError

    def take(self, connection: Connection) -> Work | None:
        """See Dispatcher."""
        if not self._open:
            return None
        if connection.sent_ns == 0:         # the last request never got as far as being sent
            self._resting.append(connection)
            return None
        return self._next_work(connection.ended_ns)

    def rested(self) -> list[Connection]:
        """Return the connections that have rested: they have to be started again."""
        rested, self._resting = self._resting, []
        return rested if self._open else []

    def close(self) -> list[Work]:
        """See Dispatcher."""
        self._open = False
        return []

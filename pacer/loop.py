"""The event loop: wake up when the next request is due or a socket is ready, and measure its own lateness."""

from __future__ import annotations

import select
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

from pacer.clock import now_ns
from pacer.connection import Connection
from pacer.dispatch import Work
from pacer.request import Request
from pacer.sleeper import Sleeper

NEVER = 1 << 62
TICK_NS = 10_000_000

_NOTABLE_GAP_NS = 20_000       # shorter ones are not looked at
_BURST = 64                     # requests begun in one turn before the sockets are looked at again
_IDLE_WORK_NS = 200_000         # time that has to be free before idle work is done
_NOTHING: Work = (NEVER, Request(wire=b""))


class Agenda:
    """The requests still to come: the next one's due_ns and request, NEVER when there is none."""

    __slots__ = ("_works", "due_ns", "request")

    def __init__(self, works: Iterator[Work]) -> None:
        self._works = works
        self.advance()

    def advance(self) -> None:
        """Go on to the next request."""
        self.due_ns, self.request = next(self._works, _NOTHING)

    def cut(self) -> Iterator[Work]:
        """Drop what is still to come, and return it."""
        next_one = [(self.due_ns, self.request)] if self.due_ns != NEVER else []
        rest, self._works, self.due_ns = self._works, iter(()), NEVER
        return chain(next_one, rest)


class Handler(Protocol):
    """What the loop tells about."""

    @property
    def idle_work(self) -> Sequence[object]:
        """Not empty while `idle` has something to do; the same object every time."""

    def due(self, due_ns: int, request: Request, now: int) -> None:
        """A request is due; now is when the loop came round to it."""

    def outcome(self, connection: Connection, outcome: str) -> None:
        """A connection has come to something: see pacer.connection."""

    def tick(self, now: int) -> bool:
        """Called every 10 ms; True ends the loop."""

    def idle(self) -> None:
        """Nothing to do for a while: do a few microseconds of other work."""


class Loop:
    """epoll and a timer. gap_max_ns is the longest time in which the loop did not come round: lateness of waking up
    plus the time it took to deal with everything found then.
    """

    def __init__(self, *, spin_ns: int = 0, max_events: int = 64) -> None:
        self.epoll = select.epoll()
        self.by_descriptor: dict[int, Connection] = {}
        self.gap_max_ns = 0
        self._max_events = max_events
        self._sleeper = Sleeper(self.epoll, spin_ns=spin_ns, max_events=max_events)

    def run(self, agenda: Agenda, handler: Handler, *, tick_from: int) -> None:
        """Turn until handler.tick returns True. Ticks fall on tick_from plus multiples of TICK_NS."""
        clock, poll, lookup = now_ns, self.epoll.poll, self.by_descriptor.get
        max_events, idle_work, sleeper = self._max_events, handler.idle_work, self._sleeper
        resumed = clock()                       # since when there has been something to do
        next_tick = resumed + (tick_from - resumed) % TICK_NS
        while True:
            now = clock()
            if now - resumed > _NOTABLE_GAP_NS:
                self.gap_max_ns = max(self.gap_max_ns, now - resumed)
            if next_tick <= now:                # first: a request due when a second begins belongs to it
                if handler.tick(now):
                    return
                next_tick = now + TICK_NS - (now - tick_from) % TICK_NS
            if agenda.due_ns <= now:
                self._begin(agenda, handler, now)
            wake = agenda.due_ns if agenda.due_ns < next_tick else next_tick
            idle = idle_work and wake - now > _IDLE_WORK_NS
            if idle or wake - now <= sleeper.shortest_ns:
                resumed = now
                events = poll(0, max_events)
                if idle and not events:
                    handler.idle()
            else:
                events, woke = sleeper.sleep(wake)
                resumed = woke if woke < wake else wake
            for descriptor, mask in events:
                connection = lookup(descriptor)
                if connection is not None:      # None: the timer
                    outcome = connection.advance(mask)
                    if outcome is not None:
                        handler.outcome(connection, outcome)

    @staticmethod
    def _begin(agenda: Agenda, handler: Handler, now: int) -> None:
        for _ in range(_BURST):
            handler.due(agenda.due_ns, agenda.request, now)
            agenda.advance()
            if agenda.due_ns > now:
                return

    def close(self) -> None:
        """Give the descriptors back."""
        self._sleeper.close()
        self.epoll.close()

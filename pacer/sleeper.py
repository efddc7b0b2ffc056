"""Sleep until a socket is ready or a request is nearly due.

A wake-up from the timer takes some 20 to 60 us on a virtual machine, and most of that every time. So the timer
is set early, by what the quickest quarter of the last wake-ups took. Of the other three quarters only the rest
becomes lag; that one quarter comes before the request is due, and the loop looks at the sockets without
sleeping until then: a few microseconds.
"""

from __future__ import annotations

import select

from pacer.clock import Timer, now_ns

_SHORTEST_NS = 15_000           # falling asleep and waking up takes longer than this
_STEP_NS = 200                  # by which the lead grows after a wake-up that took longer; it shrinks by three
_LEAD_MAX_NS = 60_000


class Sleeper:
    """A timer in an epoll. spin_ns: do not learn, set the timer so much earlier.

    shortest_ns: a sleep is worth while when the time is further away than this.
    """

    __slots__ = ("_expiry", "_lead_ns", "_learns", "_max_events", "_poll", "_set_for", "_timer", "shortest_ns")

    def __init__(self, epoll: select.epoll, *, spin_ns: int, max_events: int) -> None:
        self._timer = Timer()
        epoll.register(self._timer.fd, select.EPOLLIN | select.EPOLLET)
        self._poll = epoll.poll
        self._max_events = max_events
        self._learns = not spin_ns
        self._lead_ns = spin_ns
        self.shortest_ns = max(spin_ns, _SHORTEST_NS)
        self._set_for = 0               # the time the timer is set for, 0 when it is not
        self._expiry = 0                # when it goes off

    def sleep(self, wake_ns: int) -> tuple[list[tuple[int, int]], int]:
        """Sleep until shortly before wake_ns at most; return epoll's events and when they were seen."""
        if wake_ns != self._set_for:
            self._set_for, self._expiry = wake_ns, wake_ns - self._lead_ns
            self._timer.arm(self._expiry)
        events = self._poll(-1, self._max_events)
        woke_ns = now_ns()
        if woke_ns >= self._expiry:
            self._set_for = 0
            if self._learns:
                self._learn(woke_ns - self._expiry)
        return events, woke_ns

    def _learn(self, took_ns: int) -> None:
        """A wake-up took so long: move the lead towards what a quarter of them stay below."""
        if took_ns > self._lead_ns:
            self._lead_ns = min(self._lead_ns + _STEP_NS, _LEAD_MAX_NS)
        else:
            self._lead_ns = max(self._lead_ns - 3 * _STEP_NS, 0)
        self.shortest_ns = max(self._lead_ns, _SHORTEST_NS)

    def close(self) -> None:
        """Give the timer's descriptor back."""
        self._timer.close()

"""pacer's own engine in a world without noise: a virtual clock, timer, epoll, network and server.

Nothing of pacer is replaced except what it gets from the kernel: CLOCK_MONOTONIC, timerfd, epoll and sockets. Time
passes only in epoll.poll, so that what comes out is exactly what pacer's code makes of the schedule and the server.
"""

from __future__ import annotations

import heapq
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pacer.arguments import parse_options, parser
from pacer.clock import Timer
from pacer.engine import Engine
from pacer.histogram import Histogram
from pacer.recording import Recording
from pacer.result import Outcome, conclude
from pacer.run import share
from pacer.target import resolve
from tests.pacer.servers import OK

POLL_NS = 1_000                 # what looking at the sockets takes when nothing is there
NETWORK_NS = 10_000             # one way
START_NS = 1_000_000_000_000


@dataclass
class Queue:
    """A server: first come, first served by each worker; connection k belongs to worker k mod workers.

    From first_ns after the first request on, each of the `frozen_workers` does nothing for frozen_ns of every
    period_ns.
    """

    service_ns: int
    workers: int = 1
    frozen_ns: int = 0
    period_ns: int = 1
    first_ns: int = 0
    frozen_workers: tuple[int, ...] = (0,)
    came: list[int] = field(default_factory=list)
    _free: dict[int, int] = field(default_factory=dict)

    def done(self, connection: int, now: int) -> int:
        """Take a request; return when it is answered."""
        self.came.append(now)
        worker = connection % self.workers
        begin = max(now, self._free.get(worker, 0))
        if self.frozen_ns and worker in self.frozen_workers:
            end = self._awake(self._awake(begin) + self.service_ns)
        else:
            end = begin + self.service_ns
        self._free[worker] = end
        return end

    def _awake(self, when: int) -> int:
        since = when - self.came[0] - self.first_ns
        into = since % self.period_ns
        return when if since < 0 or into >= self.frozen_ns else when - into + self.frozen_ns


class World:
    """The time, and what is to happen."""

    def __init__(self, server: Queue) -> None:
        self.now = START_NS
        self.server = server
        self.timer_at: int | None = None
        self.sockets = 0
        self.ready: dict[int, None] = {}        # descriptors that can be read, in order
        self._todo: list[tuple[int, int, Socket]] = []
        self._number = 0

    def clock(self) -> int:
        return self.now

    def later(self, when: int, sock: Socket) -> None:
        """Have an answer arrive."""
        self._number += 1
        heapq.heappush(self._todo, (when, self._number, sock))

    def arrive(self) -> None:
        """Let what has arrived by now be there."""
        while self._todo and self._todo[0][0] <= self.now:
            _when, _number, sock = heapq.heappop(self._todo)
            sock.buffer += OK
            self.ready[sock.descriptor] = None

    def sleep(self) -> None:
        """Pass the time until something happens."""
        times = [self._todo[0][0]] if self._todo else []
        if self.timer_at is not None:
            times.append(self.timer_at)
        self.now = max(self.now, min(times))


class Socket:
    """A client's socket. Connections are numbered as they are opened."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.number = world.sockets
        world.sockets += 1
        self.descriptor = 1_000_000 + self.number
        self.buffer = b""

    def fileno(self) -> int:
        return self.descriptor

    def connect_ex(self, _address: object) -> int:
        return 0

    def setsockopt(self, *_: object) -> None:
        """Take any option."""

    def getsockopt(self, *_: object) -> int:
        return 0

    def send(self, data: bytes) -> int:
        world = self._world
        world.later(world.server.done(self.number, world.now + NETWORK_NS) + NETWORK_NS, self)
        return len(data)

    def recv(self, _size: int) -> bytes:
        if not self.buffer:
            raise BlockingIOError
        data, self.buffer = self.buffer, b""
        self._world.ready.pop(self.descriptor, None)
        return data

    def close(self) -> None:
        self._world.ready.pop(self.descriptor, None)


class VirtualTimer:
    """Like pacer.clock.Timer."""

    fd = 999_999

    def __init__(self, world: World) -> None:
        self._world = world

    def arm(self, at_ns: int) -> None:
        self._world.timer_at = at_ns

    def close(self) -> None:
        self._world.timer_at = None


class Epoll:
    """Like select.epoll, for sockets that can always be written and are only waited for to be read."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, _descriptor: int, _mask: int = 0) -> None:
        """Everything is looked at."""

    modify = register

    def unregister(self, _descriptor: int) -> None:
        """See register."""

    def close(self) -> None:
        """Nothing is held."""

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        world = self._world
        world.arrive()
        events = self._events(maxevents)
        if events:
            return events
        if timeout == 0:
            world.now += POLL_NS
        else:
            world.sleep()
        world.arrive()
        return self._events(maxevents)

    def _events(self, most: int) -> list[tuple[int, int]]:
        world = self._world
        events = [(descriptor, select.EPOLLIN) for descriptor in world.ready]
        if world.timer_at is not None and world.timer_at <= world.now:
            world.timer_at = None
            events.insert(0, (VirtualTimer.fd, select.EPOLLIN))
        return events[:most] if most > 0 else events


@dataclass
class Ideal:
    """A run in the virtual world."""

    outcome: Outcome
    recording: Recording
    came: list[int]

    def histogram(self, tag: str) -> Histogram:
        return self.recording.values[tag]

    def percentile_ns(self, percent: str, tag: str = "corrected") -> int:
        value = self.histogram(tag).percentile(percent)
        assert value is not None
        return value

    def mean_ns(self, tag: str = "corrected") -> float:
        mean = self.histogram(tag).mean()
        assert mean is not None
        return mean


def simulate(server: Queue, *arguments: str | float) -> Ideal:
    """Run pacer with these arguments against a virtual server."""
    world = World(server)
    words = [*map(str, arguments), "http://127.0.0.1:9/"]
    options = parse_options(parser().parse_args(words), ["pacer", *words])
    load, = share(options, resolve(options.url))
    with pytest.MonkeyPatch.context() as patch:
        _replace(patch, {id(time.monotonic_ns): world.clock, id(Timer): lambda: VirtualTimer(world)})
        patch.setattr(select, "epoll", lambda: Epoll(world))
        patch.setattr(socket, "socket", lambda *_: Socket(world))
        engine = Engine(load)
        engine.connect()
        recording = engine.run(world.now + 20_000_000)
        engine.close()
    outcome = conclude(options, recording, address="virtual", started_wall_ns=0, busiest_core=None)
    return Ideal(outcome, recording, server.came)


def _replace(patch: pytest.MonkeyPatch, substitutes: dict[int, Callable[..., Any]]) -> None:
    """Replace objects under whatever name pacer's modules know them."""
    modules: Iterable[tuple[str, Any]] = list(sys.modules.items())
    for module_name, module in modules:
        if module_name.startswith("pacer."):
            for name, value in list(vars(module).items()):
                if id(value) in substitutes:
                    patch.setattr(module, name, substitutes[id(value)])

"""The phases that send requests: warm-up, window, drain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count, repeat

from pacer.connection import ANSWERED, Connection
from pacer.cost import Meter
from pacer.dispatch import PINNED, Closed, Dispatcher, Pinned, Pool, Work
from pacer.load import Load
from pacer.loop import Agenda, Loop
from pacer.recorder import Recorder
from pacer.recording import Recording, Second
from pacer.request import Request, chooser
from pacer.schedule import Schedule
from pacer.units import NS_PER_S

LATE_NS = 1_000_000             # a request that is dealt with so much after its time counts as late
GRACE_SHARE = 100               # requests due in the window may be begun for 1/100 of it afterwards
_TIMEOUT_LOOKS = 50             # a timeout is noticed within 1/50 of its length, at least 10, at most 100 ms
_SETTLE_NS = 50_000_000
_INTERRUPTED_DRAIN_NS = NS_PER_S


class Loading:
    """The loop's handler while requests are sent. `stopped` tells the name of a signal that has come."""

    def __init__(self, load: Load, connections: list[Connection], recorder: Recorder, *, loop: Loop,
                 stopped: Callable[[], str | None],
                 on_second: Callable[[Second], None] | None = None) -> None:
        self._load = load
        self._connections = connections
        self._recorder = recorder
        self._loop = loop
        self._stopped = stopped
        self._on_second = on_second
        self._start = recorder.window_start - load.warmup_ns
        self._window_start = recorder.window_start
        self._window_end = recorder.window_end
        self._next_second = recorder.window_start + NS_PER_S
        self._timeout_look_ns = min(max(load.timeout_ns // _TIMEOUT_LOOKS, 10_000_000), 100_000_000)
        self._next_timeout_look = 0
        self._meter: Meter | None = None
        self._metered = False
        self._sending = True
        self._sending_stopped_ns = 0
        self._ended_ns = 0
        self._interrupted: str | None = None
        self._only = load.requests[0] if len(load.requests) == 1 else None
        self._choose = chooser(load.requests, load.seed)
        self._numbers = count(load.shard, load.shards)
        self._closed = Closed(self._next_closed_work, connections) if load.schedule is None else None
        self._dispatcher = self._closed or self._open_loop_dispatcher()
        self.agenda = Agenda(iter(()) if load.schedule is None else self._all_works(load.schedule))

    def _open_loop_dispatcher(self) -> Dispatcher:
        return (Pinned if self._load.dispatch == PINNED else Pool)(self._connections)

    def _all_works(self, schedule: Schedule) -> Iterator[Work]:
        warmup = self._load.warmup
        works = self._works(schedule, self._window_start)
        return works if warmup is None else chain(self._works(warmup, self._start), works)

    def _works(self, schedule: Schedule, start_ns: int) -> Iterator[Work]:
        times = schedule.times(start_ns)
        if self._only is not None:
            return zip(times, repeat(self._only), strict=False)
        choose, numbers = self._choose, count(schedule.shard, schedule.shards)
        return ((due, choose(number)) for number, due in zip(numbers, times, strict=False))

    def _next_closed_work(self, now: int) -> Work | None:
        if now >= self._window_end:
            return None
        if now >= self._window_start:
            self._recorder.current.scheduled += 1
        return now, self._only or self._choose(next(self._numbers))

    # The loop's side: see pacer.loop.Handler.

    @property
    def idle_work(self) -> Sequence[object]:
        """Histograms to digest."""
        return self._recorder.digesting

    def idle(self) -> None:
        """Digest a little."""
        self._recorder.digest_step()

    def due(self, due_ns: int, request: Request, now: int) -> None:
        """A request's time has come."""
        if due_ns >= self._window_start:
            recorder = self._recorder
            recorder.current.scheduled += 1
            if now - due_ns > LATE_NS:
                recorder.recording.late += 1
        connection = self._dispatcher.offer((due_ns, request))
        if connection is not None:
            outcome = connection.start(due_ns, request)
            if outcome is not None:
                self.outcome(connection, outcome)

    def outcome(self, connection: Connection, outcome: str | None) -> None:
        """Write down what became of a request, and let its connection go on with the next."""
        while outcome is not None:
            if outcome == ANSWERED:
                self._recorder.answered(connection)
            else:
                self._recorder.failed(connection, outcome)
            work = self._dispatcher.take(connection)
            if work is None:
                return
            outcome = connection.start(*work)

    def tick(self, now: int) -> bool:
        """Look after everything that is not a single request; True when all is over."""
        self._look_at_signal(now)
        self._look_at_clock(now)
        if now >= self._next_timeout_look:
            self._next_timeout_look = now + self._timeout_look_ns
            for connection in self._connections:
                self.outcome(connection, connection.expire(now - self._load.timeout_ns))
        if self._closed is not None and now >= self._start:
            self._wake_rested(self._closed, now)
        if not self._sending:
            return self._drained(now)
        if now >= self._window_end and (now >= self._grace_end() or self._nothing_waits()):
            self._stop_sending(now)
        return False

    def _look_at_signal(self, now: int) -> None:
        stopped = self._stopped()
        if stopped is not None and self._interrupted is None:
            self._interrupted = stopped
            self._window_end = self._recorder.window_end = min(self._window_end, now)

    def _look_at_clock(self, now: int) -> None:
        if self._meter is None and now >= self._window_start:
            self._loop.gap_max_ns = 0
            self._meter = Meter()
        if now >= self._window_end:
            self._measure_cost()
        while now >= self._next_second:
            in_flight = sum(connection.busy for connection in self._connections)
            entry = self._recorder.end_second(in_flight, self._dispatcher.waiting)
            self._next_second += NS_PER_S
            if self._on_second is not None:
                self._on_second(entry)

    def _measure_cost(self) -> None:
        """Read the meter, once."""
        if not self._metered and self._meter is not None:
            self._metered = True
            self._meter.read(self._recorder.recording.cost)
            self._recorder.recording.cost.loop_gap_max_ns = self._loop.gap_max_ns

    def _wake_rested(self, closed: Closed, now: int) -> None:
        for connection in closed.rested():
            work = self._next_closed_work(now)
            if work is not None:
                self.outcome(connection, connection.start(*work))

    # The end.

    def _nothing_waits(self) -> bool:
        return self.agenda.due_ns >= self._window_end and not self._dispatcher.waiting

    def _grace_end(self) -> int:
        """Until when a request due in the window may still be begun.

        It decides nothing, but keeps the last few requests of a healthy run from being left over.
        """
        if self._closed is not None or self._interrupted is not None:
            return self._window_end
        return self._window_end + (self._window_end - self._window_start) // GRACE_SHARE

    def _stop_sending(self, now: int) -> None:
        """Begin nothing any more; what was due and waits is unfinished."""
        self._sending = False
        self._sending_stopped_ns = now
        for due_ns, _request in self._dispatcher.close():
            self._recorder.unsent(due_ns, now)
        for due_ns, _request in self.agenda.cut():
            if due_ns >= self._window_end:
                break
            if due_ns >= self._window_start:
                self._recorder.current.scheduled += 1
                self._recorder.recording.late += 1
            self._recorder.unsent(due_ns, now)

    def _drained(self, now: int) -> bool:
        self._ended_ns = now
        drain_ns = self._load.drain_ns
        if drain_ns is None:
            drain_ns = self._load.timeout_ns + self._timeout_look_ns + _SETTLE_NS
        stopped = self._stopped()
        if stopped is not None:
            drain_ns = 0 if stopped.endswith("twice") else min(drain_ns, _INTERRUPTED_DRAIN_NS)
        return now >= self._sending_stopped_ns + drain_ns or not any(one.busy for one in self._connections)

    def recording(self) -> Recording:
        """Close the books and return them; called once, when the loop has ended."""
        for connection in self._connections:
            if connection.busy:
                if connection.sent_ns:
                    self._recorder.unfinished(connection, self._ended_ns)
                else:
                    self._recorder.unsent(connection.due_ns, self._ended_ns)
        recording = self._recorder.finish(window_end=self._window_end, now=self._ended_ns)
        recording.interrupted = self._interrupted
        return recording

"""One process's part of a run: connect, then warm up, measure and drain on one event loop."""

from __future__ import annotations

from collections.abc import Callable

from pacer.connecting import connect_all
from pacer.connection import Surroundings
from pacer.load import Load
from pacer.loading import Loading
from pacer.loop import Loop
from pacer.recorder import Recorder
from pacer.recording import ConnectionCounts, Recording, Second

_OPEN_LOOP_EVENTS = 64          # looked at in one turn: a due request does not wait behind more answers
_CLOSED_LOOP_EVENTS = 512


class Engine:
    """Runs one Load, once: `connect`, then `run`. `stop` may be called from a signal handler."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = Loop(spin_ns=load.spin_ns,
                          max_events=_CLOSED_LOOP_EVENTS if load.schedule is None else _OPEN_LOOP_EVENTS)
        self._counts = ConnectionCounts()
        self._around = Surroundings(
            epoll=self._loop.epoll, target=load.target, recorder=self._recorder(0), counts=self._counts,
            by_descriptor=self._loop.by_descriptor, keepalive=load.keepalive)
        sources: tuple[str | None, ...] = load.sources or (None,)
        self._connections = [load.connection_type(number, self._around, sources[number % len(sources)])
                             for number in range(load.connections)]
        self._stopped: str | None = None
        if not all(request.plain for request in load.requests):
            import hashlib  # noqa: F401, PLC0415 - not in the middle of the run: it loads OpenSSL

    def stop(self, reason: str) -> None:
        """End the window now; a second call ends the drain as well."""
        self._stopped = reason if self._stopped is None else f"{reason} twice"

    def connect(self) -> None:
        """Open all connections; without keep-alive open and close one, to see that the target is there.

        Raises TargetError with one sentence when not all of them could be opened.
        """
        wanted = self._connections if self._load.keepalive else self._connections[:1]
        self._counts.established = connect_all(self._load, wanted, self._loop, lambda: self._stopped)
        if not self._load.keepalive:
            wanted[0].close()

    def run(self, start_ns: int, on_second: Callable[[Second], None] | None = None) -> Recording:
        """Send the load; the warm-up begins at start_ns. Returns the closed books."""
        recorder = self._around.recorder = self._recorder(start_ns + self._load.warmup_ns)
        recorder.recording.connections = self._counts
        phase = Loading(self._load, self._connections, recorder, loop=self._loop,
                        stopped=lambda: self._stopped, on_second=on_second)
        self._loop.run(phase.agenda, phase, tick_from=recorder.window_start)
        return phase.recording()

    def close(self) -> None:
        """Give all descriptors back."""
        for connection in self._connections:
            connection.close()
        self._loop.close()

    def _recorder(self, window_start: int) -> Recorder:
        load = self._load
        return Recorder(window_start=window_start, window_end=window_start + load.duration_ns,
                        open_loop=load.schedule is not None, keep=load.keep_seconds)

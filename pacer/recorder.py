"""Write down what happens to requests, cheaply, while it happens.

Latencies go into the histograms of the current second only. When the second is over, they are digested (added
to the totals, percentiles taken, encoded when wanted) in small steps for which the event loop finds idle
time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from pacer.histogram import CELLS_PER_STEP, Histogram, cell_of
from pacer.recording import TAGS, Recording, Second, fill_percentiles

if TYPE_CHECKING:
    from pacer.connection import Connection


class Current:
    """The second that is being recorded: plain attributes, because each request touches them.

    Those named after a distribution are its histogram's counts. A request that did not wait is in `sent` alone
    until the second is over.
    """

    __slots__ = ("completed", "corrected", "error", "errors", "histograms", "lag", "not_ok", "scheduled", "second",
                 "sent", "service", "wait", "waited")

    def __init__(self, second: int) -> None:
        self.second = second
        self.scheduled = self.sent = self.completed = 0
        self.not_ok = 0             # completed, but an HTTP error or not what was expected
        self.errors = 0             # these and the failed ones
        self.waited = 0             # entries in wait
        self.histograms = {tag: Histogram() for tag in TAGS}
        self.corrected, self.service, self.lag, self.wait, self.error = (
            histogram.counts for histogram in self.histograms.values())


class Outside:
    """Requests at the window's edges: by them, what happened inside it differs from what belongs to it."""

    __slots__ = ("bytes_read", "completed", "ok", "sent")

    def __init__(self) -> None:
        self.sent = self.completed = self.ok = self.bytes_read = 0

    def answered(self, received: int, *, ok: bool) -> None:
        """Count a response."""
        self.completed += 1
        self.ok += ok
        self.bytes_read += received


class Recorder:
    """Fills a `Recording`. A request is measured when it is due at window_start or later.

    open_loop: requests have an intended time that is not just the moment their connection was free.
    keep: keep each second's encoded histograms.
    """

    def __init__(self, *, window_start: int, window_end: int, open_loop: bool, keep: bool) -> None:
        self.window_start = window_start
        self.window_end = window_end
        self.recording = Recording()
        self.digesting: list[Iterator[None]] = []
        self.current = Current(0)
        self._open_loop = open_loop
        self._keep = keep
        self._bytes_read = 0
        self._bytes_sent = 0
        self._status: defaultdict[int, int] = defaultdict(int)
        self._warm_up_responses = 0
        self._early = Outside()     # of the warm-up, but happened inside the window
        self._late = Outside()      # of the window, but happened after it

    def sent(self, connection: Connection) -> None:
        """A request went out for the first time (or was tried to)."""
        sent_ns, due_ns = connection.sent_ns, connection.due_ns
        if due_ns < self.window_start:
            self._early.sent += sent_ns >= self.window_start
            return
        if sent_ns >= self.window_end:
            self._late.sent += 1
        current = self.current
        current.sent += 1
        self._bytes_sent += connection.request.size
        if self._open_loop:
            lag = sent_ns - due_ns
            wait_ns = connection.wait_ns()
            if wait_ns:
                lag -= wait_ns
                current.waited += 1
                current.wait[cell_of(wait_ns)] += 1
            shift = lag.bit_length() - 11           # cell_of, written out here and below: every request comes by
            if shift > 0:
                lag = (shift << 10) + (lag >> shift)
            current.lag[lag] += 1

    def answered(self, connection: Connection) -> None:
        """A complete response came."""
        parser, ended_ns, due_ns = connection.parser, connection.ended_ns, connection.due_ns
        status = parser.status
        if status >= 400 or connection.request.expect is not None:
            http_error, wrong = connection.judge()
            if http_error or wrong:
                self._answered_badly(connection, wrong=wrong)
                return
        if due_ns < self.window_start:
            self._warm_up_responses += 1
            if ended_ns >= self.window_start:
                self._early.answered(parser.received, ok=True)
            return
        if ended_ns >= self.window_end:
            self._late.answered(parser.received, ok=True)
        self._status[status] += 1
        self._bytes_read += parser.received
        current = self.current
        current.completed += 1
        cell = ended_ns - connection.sent_ns
        shift = cell.bit_length() - 11
        if shift > 0:
            cell = (shift << 10) + (cell >> shift)
        current.service[cell] += 1
        if self._open_loop:
            cell = ended_ns - due_ns
            shift = cell.bit_length() - 11
            if shift > 0:
                cell = (shift << 10) + (cell >> shift)
            current.corrected[cell] += 1

    def _answered_badly(self, connection: Connection, *, wrong: bool) -> None:
        """A complete response came that is an HTTP error or, wrong, not what was expected."""
        received, ended_ns = connection.parser.received, connection.ended_ns
        if connection.due_ns < self.window_start:
            self._warm_up_responses += 1
            if ended_ns >= self.window_start:
                self._early.answered(received, ok=False)
            return
        if ended_ns >= self.window_end:
            self._late.answered(received, ok=False)
        self._status[connection.parser.status] += 1
        self._bytes_read += received
        if wrong:
            self.recording.failures["validate"] += 1
        else:
            self.recording.http_errors += 1
        self.current.completed += 1
        self.current.not_ok += 1
        self._error(connection)

    def failed(self, connection: Connection, failure: str) -> None:
        """A request ended without a complete response."""
        if connection.due_ns < self.window_start:
            return
        self.recording.failures[failure] += 1
        self._bytes_read += connection.parser.received
        self._error(connection)
        if failure == "timeout":
            self._censor(connection, connection.ended_ns)

    def retried(self, connection: Connection) -> None:
        """A request goes out a second time."""
        if connection.due_ns >= self.window_start:
            self.recording.retried += 1

    def unfinished(self, connection: Connection, now: int) -> None:
        """A request was out, without an answer, when the run ended."""
        if connection.due_ns >= self.window_start:
            self.recording.unfinished += 1
            self._bytes_read += connection.parser.received
            self._censor(connection, now)

    def unsent(self, due_ns: int, until_ns: int) -> None:
        """A request was due but never sent; until_ns is when sending stopped."""
        if due_ns >= self.window_start:
            self.recording.unfinished += 1
            self.recording.unsent += 1
            age = max(0, until_ns - due_ns)
            self.recording.censored["corrected"].record(age)
            self.recording.censored["wait"].record(age)

    def end_second(self, in_flight: int, backlog: int) -> Second:
        """Close the current second and open the next. Its percentiles come when it is digested."""
        done, self.current = self.current, Current(self.current.second + 1)
        if self._open_loop and done.sent > done.waited:
            done.wait[0] += done.sent - done.waited
        entry = Second(second=done.second, scheduled=done.scheduled, sent=done.sent, completed=done.completed,
                       ok=done.completed - done.not_ok, errors=done.errors, in_flight=in_flight,
                       backlog=backlog)
        self.recording.seconds.append(entry)
        for name in ("scheduled", "sent", "completed", "ok"):
            setattr(self.recording, name, getattr(self.recording, name) + getattr(entry, name))
        if len(self.digesting) > 1:
            self.digest_all()           # no idle time to be found
        self.digesting.append(self._digest(done, entry))
        return entry

    def digest_step(self) -> None:
        """Do a few microseconds' worth of digestion."""
        if next(self.digesting[0], StopIteration) is StopIteration:
            self.digesting.pop(0)

    def digest_all(self) -> None:
        """Digest everything that is waiting."""
        for steps in self.digesting:
            for _ in steps:
                pass
        self.digesting.clear()

    def finish(self, *, window_end: int, now: int) -> Recording:
        """Close the books and return them."""
        recording = self.recording
        self.end_second(recording.unfinished - recording.unsent, recording.unsent)
        last = recording.seconds[-1]
        if len(recording.seconds) > 1 and not (last.scheduled or last.sent or last.completed or last.errors):
            recording.seconds.pop()
        self.digest_all()
        recording.bytes_read, recording.bytes_sent = self._bytes_read, self._bytes_sent
        recording.connections.responses = recording.completed + self._warm_up_responses
        recording.status.update(self._status)
        early, late, inside = self._early, self._late, recording.inside
        inside.sent = recording.sent + early.sent - late.sent
        inside.completed = recording.completed + early.completed - late.completed
        inside.ok = recording.ok + early.ok - late.ok
        inside.bytes_read = recording.bytes_read + early.bytes_read - late.bytes_read
        recording.window_ns = max(0, window_end - self.window_start)
        recording.drain_ns = max(0, now - window_end)
        return recording

    def _error(self, connection: Connection) -> None:
        self.current.errors += 1
        since = connection.due_ns if self._open_loop else connection.sent_ns or connection.due_ns
        self.current.error[cell_of(max(0, connection.ended_ns - since))] += 1

    def _censor(self, connection: Connection, now: int) -> None:
        if self._open_loop:
            self.recording.censored["corrected"].record(now - connection.due_ns)
        self.recording.censored["service"].record(now - connection.sent_ns)

    def _digest(self, done: Current, entry: Second) -> Iterator[None]:
        for tag in TAGS:
            part = done.histograms[tag]
            total = self.recording.values[tag].counts
            cells = iter(part.counts.items())
            while piece := list(islice(cells, CELLS_PER_STEP)):
                for cell, count in piece:
                    total[cell] += count
                yield
            if self._keep:
                for text in part.encode_steps():
                    if text is not None:
                        entry.encoded[tag] = text
                    yield
        fill_percentiles(entry, done.histograms["corrected" if self._open_loop else "service"], done.histograms["lag"])
        yield


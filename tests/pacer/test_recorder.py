"""What belongs to the window, and what happened inside it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pacer.connection import Connection
from pacer.recorder import Recorder
from pacer.recording import TAGS, Recording, merge
from pacer.request import Request
from pacer.validity import judge

START, END = 1_000_000, 2_000_000
REQUEST = Request(wire=b"x" * 10)


@dataclass
class Parser:
    status: int = 200
    received: int = 100


@dataclass
class Fake:
    """A connection that has had one request."""

    due_ns: int
    sent_ns: int
    ended_ns: int
    free_ns: int = 0
    parser: Parser = field(default_factory=Parser)
    request: Request = REQUEST

    def wait_ns(self) -> int:
        return max(0, self.free_ns - self.due_ns)

    def judge(self) -> tuple[bool, bool]:
        return self.parser.status >= 400, False


def record(*requests: Fake, open_loop: bool = True) -> Recording:
    recorder = Recorder(window_start=START, window_end=END, open_loop=open_loop, keep=True)
    for one in requests:
        connection: Connection = one        # type: ignore[assignment]   # as far as the recorder looks
        recorder.current.scheduled += one.due_ns >= START
        recorder.sent(connection)
        recorder.answered(connection)
    return recorder.finish(window_end=END, now=END + 5)


def test_a_request_of_the_warm_up_that_ends_in_the_window_counts_only_as_throughput() -> None:
    recording = record(Fake(START - 10, START - 5, START + 10))
    assert (recording.scheduled, recording.completed, recording.sent) == (0, 0, 0)
    assert (recording.inside.completed, recording.inside.ok, recording.inside.sent) == (1, 1, 0)
    assert recording.inside.bytes_read == 100
    assert recording.values["corrected"].n == 0


def test_a_request_of_the_window_that_ends_after_it_counts_as_a_request_only() -> None:
    recording = record(Fake(END - 10, END - 5, END + 10))
    assert (recording.scheduled, recording.completed, recording.ok, recording.sent) == (1, 1, 1, 1)
    assert (recording.inside.completed, recording.inside.ok, recording.inside.bytes_read) == (0, 0, 0)
    assert recording.inside.sent == 1
    assert (recording.bytes_read, recording.bytes_sent) == (100, 10)


def test_corrected_is_wait_plus_lag_plus_service_for_each_request() -> None:
    recording = record(Fake(START, START + 700, START + 1700, free_ns=START + 500))
    sizes = {tag: recording.values[tag].maximum() for tag in TAGS}
    assert sizes == {"wait": 500, "lag": 200, "service": 1000, "corrected": 1700, "error": None}


def test_http_errors_are_in_their_own_histogram() -> None:
    recording = record(Fake(START, START, START + 50, parser=Parser(status=500)), Fake(START, START, START + 70))
    assert (recording.ok, recording.http_errors, recording.completed) == (1, 1, 2)
    assert (recording.values["error"].maximum(), recording.values["corrected"].maximum()) == (50, 70)
    assert recording.balanced


def test_a_closed_loop_has_service_times_only() -> None:
    recording = record(Fake(START, START + 5, START + 55), open_loop=False)
    assert {tag: recording.values[tag].n for tag in TAGS} == {
        "corrected": 0, "service": 1, "lag": 0, "wait": 0, "error": 0}
    assert recording.seconds[0].p50_ns == 50


def test_merging_adds_everything() -> None:
    one = record(Fake(START, START, START + 50), Fake(END - 1, END - 1, END + 9))
    two = record(Fake(START, START, START + 2000, parser=Parser(status=404)))
    both = merge([one, two])
    assert (both.scheduled, both.ok, both.http_errors, both.bytes_read) == (3, 2, 1, 300)
    assert both.status == {200: 2, 404: 1}
    assert both.balanced
    assert both.seconds[0].completed == 3
    assert both.seconds[0].max_ns == 50
    assert both.inside.completed == one.inside.completed + two.inside.completed


def healthy() -> Recording:
    recording = record(*(Fake(START + n, START + n + 20, START + n + 50) for n in range(2000)))
    recording.connections.established = 4
    return recording


@pytest.mark.parametrize(("harm", "verdict", "check"), [
    ({}, "valid", None),
    ({"interrupted": "SIGINT"}, "interrupted", "interrupted"),
    ({"scheduled": 1999}, "client-bound", "books_difference"),
    ({"scheduled": 2003, "failures": {"timeout": 3}}, "errors", "error_share"),
    ({"scheduled": 2030, "unfinished": 30}, "degraded", "completed_share"),
    ({"scheduled": 2200, "unfinished": 200}, "overloaded", "kept_up_share"),
    ({"gap": 150_000_000}, "client-bound", "loop_gap_max"),
    ({"established": 3}, "client-bound", "connections_established"),
    ({"lag": 2_000_000}, "client-bound", "lag_p99_at_least"),
    ({"late": 21}, "client-bound", "late_share"),
], ids=lambda value: str(value) if isinstance(value, str) else "")
def test_verdicts(harm: dict[str, object], verdict: str, check: str | None) -> None:
    recording = healthy()
    for name, value in harm.items():
        if name == "failures":
            recording.failures.update(value)            # type: ignore[call-overload]
        elif name == "gap":
            recording.cost.loop_gap_max_ns = value      # type: ignore[assignment]
        elif name == "established":
            recording.connections.established = value   # type: ignore[assignment]
        elif name == "lag":
            for _ in range(40):
                recording.values["lag"].record(value)   # type: ignore[arg-type]
        else:
            setattr(recording, name, value)
    validity = judge(recording, open_loop=True, connections_asked=4)
    assert (validity.verdict, validity.valid) == (verdict, verdict == "valid")
    assert check is None or check in [broken.name for broken in validity.broken]


def test_a_closed_loop_whose_generator_is_busy_all_the_time_is_client_bound() -> None:
    recording = record(Fake(START, START, START + 5), open_loop=False)
    recording.cost.busiest_process_cpu_ns = recording.window_ns
    assert judge(recording, open_loop=False, connections_asked=None).verdict == "client-bound"

"""Which connection begins which request, and what is left when nothing more begins."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pacer.connection import CLOSED, IDLE, READING, Connection
from pacer.dispatch import Closed, Pinned, Pool, Work
from pacer.loop import NEVER, Agenda
from pacer.request import Request

REQUEST = Request(wire=b"")


@dataclass(eq=False)
class Fake:
    """A connection as far as a dispatcher looks at it."""

    number: int
    state: int = IDLE
    sent_ns: int = 1
    ended_ns: int = 7


def fakes(count: int) -> list[Connection]:
    return [Fake(number) for number in range(count)]        # type: ignore[misc]   # as far as a dispatcher looks


def work(due: int) -> Work:
    return due, REQUEST


def test_pinned_requests_take_turns_and_wait_for_their_own_connection() -> None:
    connections = fakes(3)
    pinned = Pinned(connections)
    connections[1].state = READING
    assert [pinned.offer(work(due)) for due in range(5)] == [connections[0], None, connections[2], connections[0], None]
    assert pinned.waiting == 2
    assert pinned.take(connections[0]) is None
    assert pinned.take(connections[1]) == work(1)
    assert pinned.close() == [work(4)]
    assert pinned.waiting == 0
    assert pinned.take(connections[1]) is None


def test_a_closed_connection_is_free() -> None:
    connections = fakes(1)
    connections[0].state = CLOSED
    assert Pinned(connections).offer(work(0)) is connections[0]


def test_pooled_requests_take_any_idle_connection_the_one_idle_longest_first() -> None:
    one, two = fakes(2)
    pool = Pool([one, two])
    assert [pool.offer(work(due)) for due in range(4)] == [one, two, None, None]
    assert pool.waiting == 2
    assert pool.take(two) == work(2)
    assert pool.close() == [work(3)]
    assert [pool.take(two), pool.take(one)] == [None, None]
    assert [pool.offer(work(5)), pool.offer(work(6))] == [two, one]


def test_a_closed_loop_lets_connections_rest_that_could_not_connect() -> None:
    one, two = fakes(2)
    closed = Closed(work, [one, two])
    assert closed.rested() == [one, two]
    assert closed.take(one) == work(7)
    two.sent_ns = 0
    assert closed.take(two) is None
    assert closed.rested() == [two]
    assert closed.rested() == []
    assert closed.close() == []
    assert closed.take(one) is None
    with pytest.raises(NotImplementedError):
        closed.offer(work(1))


def test_an_agenda_that_is_cut_is_empty_at_once() -> None:
    agenda = Agenda(iter([work(1), work(2), work(3)]))
    assert agenda.due_ns == 1
    agenda.advance()
    rest = agenda.cut()
    assert agenda.due_ns == NEVER
    agenda.advance()
    assert agenda.due_ns == NEVER
    assert list(rest) == [work(2), work(3)]
    assert list(agenda.cut()) == []

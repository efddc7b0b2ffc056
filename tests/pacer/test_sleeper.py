"""Sleeping: how early the timer is set, and that it is never forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

import pytest

from pacer import sleeper
from pacer.sleeper import Sleeper

GAP_NS = 1_000_000


class Bed:
    """A clock, a timer and an epoll in one. Each wake-up from the timer takes the next of `delays_ns`."""

    fd = 3

    def __init__(self, delays_ns: Iterable[int]) -> None:
        self.now = 1_000_000_000
        self.set_for: int | None = None
        self.sets: list[int] = []
        self.socket_at: int | None = None
        self._delays: Iterator[int] = iter(delays_ns)

    def arm(self, at_ns: int) -> None:
        self.set_for = at_ns
        self.sets.append(at_ns)

    def register(self, *_: int) -> None:
        """Only the timer is."""

    def poll(self, _timeout: float, _most: int) -> list[tuple[int, int]]:
        if self.socket_at is not None and (self.set_for is None or self.socket_at < self.set_for):
            self.now, self.socket_at = self.socket_at, None
            return [(7, 1)]
        assert self.set_for is not None, "asleep for ever"
        self.now = max(self.now, self.set_for) + next(self._delays)
        self.set_for = None
        return [(self.fd, 1)]


def sleeping(monkeypatch: pytest.MonkeyPatch, delays_ns: Iterable[int], *, spin_ns: int = 0) -> tuple[Bed, Sleeper]:
    bed = Bed(delays_ns)
    monkeypatch.setattr(sleeper, "Timer", lambda: bed)
    monkeypatch.setattr(sleeper, "now_ns", lambda: bed.now)
    return bed, Sleeper(bed, spin_ns=spin_ns, max_events=64)        # type: ignore[arg-type]   # as far as it is used


def leads(bed: Bed, one: Sleeper, count: int) -> list[int]:
    """Sleep so many times; return how long before its time the timer was set each time."""
    found = []
    for _ in range(count):
        wake = bed.now + GAP_NS
        one.sleep(wake)
        found.append(wake - bed.sets[-1])
        bed.now = max(bed.now, wake)
    return found


def test_what_every_wake_up_takes_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    bed, one = sleeping(monkeypatch, repeat(30_000))
    found = leads(bed, one, 1000)
    assert found[0] == 0
    assert all(29_000 <= lead <= 30_200 for lead in found[500:])
    assert one.shortest_ns == pytest.approx(30_000, abs=1000)


def test_the_quicker_quarter_is_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    bed, one = sleeping(monkeypatch, chain.from_iterable(repeat((20_000, 40_000, 45_000, 50_000, 900_000))))
    assert all(39_000 <= lead <= 41_000 for lead in leads(bed, one, 2000)[1000:])


def test_it_grows_no_further_than_its_limit_and_shrinks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bed, one = sleeping(monkeypatch, chain(repeat(500_000, 1000), repeat(5_000)))
    assert max(leads(bed, one, 1000)) == 60_000
    assert leads(bed, one, 500)[-1] <= 5_200
    assert one.shortest_ns == 15_000


def test_with_a_time_to_spin_nothing_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    bed, one = sleeping(monkeypatch, repeat(30_000), spin_ns=100_000)
    assert set(leads(bed, one, 100)) == {100_000}
    assert one.shortest_ns == 100_000


def test_the_timer_is_set_once_for_a_time_and_again_after_it_went_off(monkeypatch: pytest.MonkeyPatch) -> None:
    bed, one = sleeping(monkeypatch, repeat(0))
    wake = bed.now + GAP_NS
    bed.socket_at = bed.now + 100
    assert one.sleep(wake) == ([(7, 1)], bed.now)
    assert one.sleep(wake) == ([(3, 1)], wake)
    assert bed.sets == [wake]
    one.sleep(wake)
    assert bed.sets == [wake, wake]

"""Which machine gets which processors."""

from __future__ import annotations

import pytest

from lab import cpus


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("", (), id="none"),
        pytest.param("0\n", (0,), id="one"),
        pytest.param("0-3", (0, 1, 2, 3), id="range"),
        pytest.param("0-1,4,6-7", (0, 1, 4, 6, 7), id="mixed"),
    ],
)
def test_cpu_lists_are_read_and_written_as_the_kernel_does(text: str, numbers: tuple[int, ...]) -> None:
    assert cpus.parse_list(text) == numbers
    assert cpus.format_list(numbers) == text.strip()


@pytest.mark.parametrize(
    ("cores", "server", "client"),
    [
        pytest.param([(0,)], (0,), (0,), id="one core is shared"),
        pytest.param([(0, 1)], (0,), (1,), id="the threads of one core are shared out"),
        pytest.param([(0,), (1,)], (0,), (1,), id="two cores"),
        pytest.param([(0, 2), (1, 3)], (0, 2), (1, 3), id="two cores of two threads are not torn apart"),
        pytest.param([(0,), (1,), (2,)], (0,), (1, 2), id="three cores"),
        pytest.param([(4,), (2,), (7,), (3,)], (2, 3), (4, 7), id="any numbers"),
    ],
)
def test_cores_are_split(cores: list[tuple[int, ...]], server: tuple[int, ...], client: tuple[int, ...]) -> None:
    assert cpus.split(cores) == (server, client)


@pytest.mark.parametrize("count", range(2, 17))
def test_a_split_uses_every_processor_once(count: int) -> None:
    server, client = cpus.split([(number, number + count) for number in range(count)])
    assert sorted(server + client) == list(range(2 * count))
    assert not set(server) & set(client)


def test_only_available_threads_make_a_core() -> None:
    siblings = {0: (0, 4), 1: (1, 5), 4: (0, 4), 5: (1, 5)}
    assert cpus.cores_of([0, 1, 5], siblings) == [(0,), (1, 5)]


@pytest.mark.parametrize(
    ("server", "client", "words"),
    [
        pytest.param((0,), (0,), "only one core", id="one core"),
        pytest.param((0, 1), (0, 1), "not pinned", id="not pinned"),
        pytest.param((0,), (1,), "server on cpu 0, client on cpu 1", id="pinned"),
    ],
)
def test_what_the_pinning_means_is_said(
    server: tuple[int, ...], client: tuple[int, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpus, "_siblings", lambda numbers: {number: (number,) for number in numbers})
    assert words in cpus.describe(server, client)


def test_threads_of_one_core_are_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "_siblings", lambda numbers: dict.fromkeys(numbers, (0, 1)))
    assert "two threads of one physical core" in cpus.describe((0,), (1,))

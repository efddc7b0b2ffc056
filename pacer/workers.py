"""Several processes that share one schedule and begin at the same instant."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any

from pacer.clock import die_with_parent, run_on, stop_garbage_collector, wake_exactly
from pacer.engine import Engine
from pacer.errors import PacerError
from pacer.load import Load
from pacer.recording import Recording, Second, merge_seconds
from pacer.run import OnSecond, stop_on_signals

_PATIENCE_S = 5


class Workers:
    """One process per load. Use as a context manager; leaving it ends whatever still runs."""

    def __init__(self, loads: list[Load], cpus: tuple[int, ...]) -> None:
        context = multiprocessing.get_context("fork")
        self._pipes: list[Pipe] = []
        self._processes = []
        for number, load in enumerate(loads):
            ours, theirs = context.Pipe()
            own = frozenset({cpus[number % len(cpus)]}) if cpus else frozenset()
            process = context.Process(target=_work, args=(load, own, theirs), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Workers:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None,
                 _trace: TracebackType | None) -> None:
        """End what still runs; at once when something has failed."""
        for pipe in self._pipes:
            pipe.close()            # a process that waits for its start time sees this and ends
        for process in self._processes:
            if kind is not None:
                process.kill()
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()

    def stop(self, reason: str) -> None:
        """Pass a signal on, by its name."""
        for process in self._processes:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, signal.Signals[reason])

    def connect(self) -> None:
        """Wait until all have connected. Raises what the first of them raised."""
        for number in range(len(self._pipes)):
            answer = self._receive(number)
            if isinstance(answer, PacerError):
                raise answer

    def run(self, start_ns: int, on_second: OnSecond | None) -> list[Recording]:
        """Begin all at start_ns and return what each has recorded."""
        for pipe in self._pipes:
            pipe.send((start_ns, on_second is not None))
        recordings: dict[int, Recording] = {}
        progress = _Progress(len(self._pipes), on_second)
        while waiting := [number for number in range(len(self._pipes)) if number not in recordings]:
            ready = wait([self._pipes[number] for number in waiting])
            for number in waiting:
                if self._pipes[number] in ready:
                    answer = self._receive(number)
                    if isinstance(answer, Second):
                        progress.add(answer)
                    else:
                        recordings[number] = answer
        return [recordings[number] for number in sorted(recordings)]

    def _receive(self, number: int) -> Any:     # noqa: ANN401 - whatever the process has to say
        try:
            return self._pipes[number].recv()
        except (EOFError, OSError) as error:
            raise PacerError(f"process {number + 1} of {len(self._pipes)} ended before its time: nothing was "
                             "measured") from error


class _Progress:
    """Tells of a second when all processes have told of it."""

    def __init__(self, processes: int, on_second: OnSecond | None) -> None:
        self._processes = processes
        self._on_second = on_second
        self._heard: dict[int, list[Second]] = {}

    def add(self, entry: Second) -> None:
        heard = self._heard.setdefault(entry.second, [])
        heard.append(entry)
        if len(heard) == self._processes and self._on_second is not None:
            self._on_second(merge_seconds([[part] for part in heard])[0])
            del self._heard[entry.second]


def _work(load: Load, cpus: frozenset[int], pipe: Pipe) -> None:
    """Run one load in this process."""
    os.setpgid(0, 0)                # signals from the terminal come through the parent, once
    die_with_parent()
    wake_exactly()
    if cpus:
        run_on(cpus)
    engine = Engine(load)
    stop_on_signals(engine.stop)
    try:
        engine.connect()
        pipe.send("connected")
        start_ns, tell = pipe.recv()
        stop_garbage_collector()
        pipe.send(engine.run(start_ns, pipe.send if tell else None))
    except PacerError as error:
        pipe.send(error)
    except (EOFError, BrokenPipeError):
        pass                        # the parent has given up
    finally:
        engine.close()

"""The text of sysbench 1.0: its processor test and its memory test."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collectors.readers.lines import Lines

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)"
_HEAD = re.compile(r"sysbench ([0-9][0-9.]{0,20})(?: \(.*\))?")
_RUNNING = re.compile(r"Running the test with following options:")
_THREADS = re.compile(r"Number of threads: ([0-9]{1,6})")
_RANDOM = re.compile(r"Initializing random number generator from .*")
_PRIMES = re.compile(r"Prime numbers limit: ([0-9]{1,12})")
_MEMORY = re.compile(r"Running memory speed test with the following options:")
_BLOCK = re.compile(r"  block size: ([0-9]{1,12})KiB")
_TOTAL = re.compile(r"  total size: [0-9]{1,15}MiB")
_OPERATION = re.compile(r"  operation: (read|write|none)")
_SCOPE = re.compile(r"  scope: (global|local)")
_WORKERS = re.compile(r"Initializing worker threads\.\.\.")
_STARTED = re.compile(r"Threads started!")
_CPU = re.compile(r"CPU speed:")
_EVENTS = re.compile(rf"    events per second: +{_NUMBER}")
_OPERATIONS = re.compile(rf"Total operations: [0-9]{{1,15}} \( *{_NUMBER} per second\)")
_MOVED = re.compile(rf"{_NUMBER} MiB transferred \({_NUMBER} MiB/sec\)")
_GENERAL = re.compile(r"General statistics:")
_TIME = re.compile(rf"    total time: +{_NUMBER}s")
_COUNT = re.compile(r"    total number of events: +([0-9]{1,15})")


@dataclass(frozen=True, kw_only=True)
class SysbenchResult:
    """One run of a test: `speed` is in events per second (cpu) or MiB per second (memory), over `seconds`.
    Latencies and fairness, which follow in the text, are of no use here.

    `work` is what an event was, in words: speeds of other work are other figures. `threads` worked at once.
    """

    version: str
    test: Literal["cpu", "memory"]
    threads: int
    work: str
    speed: float
    seconds: float
    events: int


def read_sysbench(text: str, file: Path | str) -> SysbenchResult:
    """Return what was measured; ReadError where a line is damaged or foreign, or where nothing was done."""
    lines = Lines(text, file)
    version = lines.take(_HEAD, "'sysbench N.N.N …', the first line of sysbench")[1]
    lines.take(_RUNNING, "'Running the test with following options:'")
    threads = int(lines.take(_THREADS, "'Number of threads: N'")[1])
    lines.take(_RANDOM, "'Initializing random number generator …'")
    lines.skip_blank()
    memory = lines.take_if(_MEMORY) is not None
    work, speed = _memory(lines) if memory else _cpu(lines)
    lines.take(_GENERAL, "'General statistics:'")
    seconds = float(lines.take(_TIME, "'total time: Ns'")[1])
    events = int(lines.take(_COUNT, "'total number of events: N'")[1])
    if not (events and seconds and speed and threads):
        raise lines.error("nothing was done in this time")
    return SysbenchResult(
        version=version, test="memory" if memory else "cpu", threads=threads, work=work, speed=speed, seconds=seconds,
        events=events,
    )  # fmt: skip


def _cpu(lines: Lines) -> tuple[str, float]:
    primes = lines.take(_PRIMES, "'Prime numbers limit: N' or 'Running memory speed test …'")[1]
    _start(lines)
    lines.take(_CPU, "'CPU speed:'")
    return f"primes up to {int(primes)}", float(lines.take(_EVENTS, "'events per second: N'")[1])


def _memory(lines: Lines) -> tuple[str, float]:
    block = lines.take(_BLOCK, "'block size: NKiB'")[1]
    lines.take(_TOTAL, "'total size: NMiB'")
    operation = lines.take(_OPERATION, "'operation: …'")[1]
    scope = lines.take(_SCOPE, "'scope: …'")[1]
    _start(lines)
    lines.take(_OPERATIONS, "'Total operations: N (N per second)'")
    moved = lines.take(_MOVED, "'N MiB transferred (N MiB/sec)'")
    return f"{operation} blocks of {int(block)} KiB, {scope}", float(moved[2])


def _start(lines: Lines) -> None:
    lines.take(_WORKERS, "'Initializing worker threads...'")
    lines.take(_STARTED, "'Threads started!'")

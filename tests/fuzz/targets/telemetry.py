"""collectors/readers/telemetry.py: what a daemon held, second by second, and the figures of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable

from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.memory.figures import run_memory
from collectors.readers.telemetry import read_telemetry
from tests.fuzz.target import Target, check_figures, in_a_file, read_twice

STARTED = "2026-03-01T10:00:00.000Z"
_STARTED_NS = 1_772_359_200 * 10**9
_GROUP = {"current_bytes": 9, "anon_bytes": 5, "file_bytes": 1, "kernel_bytes": 2, "sock_bytes": 1}


def _line(second: float, **more: object) -> bytes:
    sample = {
        "schema_version": 1, "monotonic_ns": round((second + 9) * 10**9),
        "realtime_ns": _STARTED_NS + round(second * 10**9),
        "processes": 2, "threads": 3, "rss_bytes": 8192, "source": "processes", "anon_bytes": 4096, "group": None,
        "connections": {"accepted": 200, "waiting": 1}, "cost_ns": 900,
    }  # fmt: skip
    return json.dumps({**sample, **more}).encode() + b"\n"


def seeds() -> Iterable[bytes]:
    """Samples of the processes, of the control group, of neither, and files cut short."""
    of_processes = b"".join(_line(second) for second in (-1, 6, 9))
    of_group = b"".join(_line(second, source="group", group=_GROUP, anon_bytes=5) for second in (-1, 6, 9))
    gone = _line(-1) + _line(6, processes=0, threads=0, rss_bytes=0, anon_bytes=None)
    return [of_processes, of_group, gone, of_processes[:-20], _line(-1) + _line(6, source="group", group=_GROUP), b""]


def check(data: bytes) -> bool:
    """Samples in order, or a ReadError; the same of the figures of a load that began when the seeds say."""
    path = in_a_file(data)
    samples = read_twice(lambda: read_telemetry(path), ReadError)
    if samples is None:
        return False
    check_figures(samples)
    assert samples
    found = read_twice(lambda: run_memory(path, asked=200, started_utc=STARTED, load_s=10.0), ReadError)
    if found is not None:
        check_figures(found)
        assert found.samples >= 1
        growth = (found.anon_growth_bytes, found.threads_growth, found.kernel_growth_bytes)
        assert found.enough or growth == (None, None, None)
        dump(to_json(found)).encode("utf-8")
    return True


TARGET = Target(
    check=check, seeds=seeds, shape="lines",
    words=(b'"group": null', b'"source": "group"', b'"anon_bytes": null', b'{"schema_version": 1, ', b"}\n", *seeds()),
)  # fmt: skip

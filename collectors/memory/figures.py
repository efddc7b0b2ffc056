"""From the samples of one run to what the daemon held without and with open connections."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from collectors.errors import ReadError
from collectors.memory.model import Held, RunMemory
from collectors.readers.telemetry import Sample, read_telemetry
from collectors.replicates import all_median
from collectors.units import significant

BEFORE_LOAD_S: Final = 10.0
"""The first sample is at most this long before the load, which the controller has begun next; more is another clock."""


def run_memory(path: Path, *, asked: int, started_utc: str | None, load_s: float) -> RunMemory:
    """Return a run's figures; ReadError where the samples are broken or none of them is from the load.

    The first sample was taken after the contract check, just before the load was begun: where it was not, the machines'
    clocks differ, and the other samples are not from when they seem to be. The load's second half is that of
    its warm-up and duration (`load_s`): opening the connections comes before and is over then.
    """
    samples = read_telemetry(path)
    begin_ns = _clock_ns(started_utc, path)
    before_s = (begin_ns - samples[0].realtime_ns) / 1e9
    if not 0 <= before_s <= BEFORE_LOAD_S:
        raise ReadError(
            f"the first sample is not from the {BEFORE_LOAD_S:g} s before the load, but {significant(abs(before_s))} s "
            f"{'before' if before_s > 0 else 'after'} its begin: the machines' clocks differ",
            file=path,
        )
    loaded = [each for each in samples if load_s / 2 * 1e9 <= each.realtime_ns - begin_ns <= load_s * 1e9]
    idle = samples[0]
    if not loaded or idle in loaded:
        raise ReadError(
            "no sample is from the second half of the load alone: the machines' clocks differ, or the sampler ended",
            file=path,
        )
    sources = {each.source for each in (idle, *loaded)}
    if len(sources) > 1:
        raise ReadError("some samples are of the control group and some of its processes", file=path)
    return RunMemory(
        asked=asked,
        source=idle.source,
        samples=len(loaded),
        cost_share=_cost_share(samples),
        idle=held([idle]),
        loaded=held(loaded),
    )


def held(samples: Sequence[Sample] | Sequence[Held]) -> Held:
    """Return the medians of at least one sample, or of runs' medians; a figure that one of them lacks is None."""
    return Held(
        accepted=statistics.median(each.accepted for each in samples),
        waiting=statistics.median(each.waiting for each in samples),
        processes=statistics.median(each.processes for each in samples),
        threads=statistics.median(each.threads for each in samples),
        anon_bytes=all_median([each.anon_bytes for each in samples]),
        kernel_bytes=all_median([each.kernel_bytes for each in samples]),
        rss_bytes=statistics.median(each.rss_bytes for each in samples),
    )


def _clock_ns(text: str | None, path: Path) -> float:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise ReadError("load-exit.json does not say when the load began", file=path) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1e9


def _cost_share(samples: Sequence[Sample]) -> float:
    """Return the processor time of looking over the time from the first look to the last."""
    passed = samples[-1].monotonic_ns - samples[0].monotonic_ns
    return sum(each.cost_ns for each in samples[:-1]) / passed if passed else 0.0

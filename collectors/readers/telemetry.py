"""What a daemon held, looked at once a second (telemetry/*.jsonl, one JSON object a line, schema_version 1)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from collectors.errors import ReadError
from collectors.jsonio import LARGEST, Fields, parse_object, read_text

Source = Literal["group", "processes"]
SOURCES: tuple[Source, ...] = ("group", "processes")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One look. `source`: anonymous memory as the kernel charges it to the control group, or summed over processes.

    `rss_bytes` counts a shared page in each process that has it. `kernel_bytes` is what the kernel holds for the group,
    socket buffers included; None where it does not account it. `accepted` are the established connections that the
    daemon has, `waiting` those it has not accepted. `cost_ns` is the processor time that the look took.
    """

    monotonic_ns: int
    realtime_ns: int
    processes: int
    threads: int
    rss_bytes: int
    source: Source
    anon_bytes: int | None
    kernel_bytes: int | None
    accepted: int
    waiting: int
    cost_ns: int


def read_telemetry(path: Path) -> tuple[Sample, ...]:
    """Return the samples of a file, at least one; ReadError where it is absent, broken or of another version.

    A last line without its end is what a sampler leaves that was ended while it wrote: it is left out.
    """
    text = read_text(path)
    whole = text[: text.rfind("\n") + 1].split("\n")[:-1]
    if not whole:
        raise ReadError("no sample in it", file=path)
    samples = tuple(_sample(line, number, path) for number, line in enumerate(whole, 1))
    for number, (before, after) in enumerate(pairwise(samples), 2):
        if after.monotonic_ns <= before.monotonic_ns:
            raise ReadError("a sample is not later than the one before it", file=path, line=number)
    return samples


def _sample(line: str, number: int, path: Path) -> Sample:
    try:
        top = Fields(parse_object(line, path), path)
        if top.integer("schema_version") != 1:
            raise top.fail("schema_version", "1, the only one this version reads")
        return _of(top)
    except ReadError as error:
        raise ReadError(error.reason, file=path, line=number, text=line) from None


def _of(top: Fields) -> Sample:
    source = top.text("source")
    if source not in SOURCES:
        raise top.fail("source", " or ".join(SOURCES))
    connections, group = top.inner("connections"), top.optional_inner("group")
    return Sample(
        monotonic_ns=top.count("monotonic_ns"),
        realtime_ns=top.count("realtime_ns"),
        processes=top.count("processes"),
        threads=top.count("threads"),
        rss_bytes=top.count("rss_bytes"),
        source=source,
        anon_bytes=top.optional_count("anon_bytes"),
        kernel_bytes=None if group is None else _kernel_bytes(group),
        accepted=connections.count("accepted"),
        waiting=connections.count("waiting"),
        cost_ns=top.count("cost_ns"),
    )


def _kernel_bytes(group: Fields) -> int:
    held = group.count("kernel_bytes") + group.count("sock_bytes")
    if held >= LARGEST:
        raise group.fail("sock_bytes", "no more than a machine can hold, with kernel_bytes")
    return held

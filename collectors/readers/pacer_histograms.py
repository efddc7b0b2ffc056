"""The distributions inside pacer's JSON result: every request's latency, not only the figures taken from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collectors.errors import ReadError
from collectors.jsonio import Fields, parse_object
from pacer.histogram import Histogram


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """Latencies from the time each request was due, in nanoseconds.

    `known` are those of answered requests. `censored` are the ages of requests that were never answered, or timed out:
    their latency is at least that.
    """

    known: Histogram
    censored: Histogram


def read_corrected(text: str, file: Path | str) -> Corrected:
    """Return the corrected latencies of a result; ReadError where they are damaged or contradict its figures."""
    top = Fields(parse_object(text, file), file)
    kept, figures = top.inner("histograms"), top.inner("latency").inner("corrected")
    found = Corrected(known=_decode(kept, "corrected"), censored=_decode(kept, "censored_corrected"))
    for name, histogram, count in (
        ("corrected", found.known, figures.integer("n")),
        ("censored_corrected", found.censored, figures.integer("censored")),
    ):
        if histogram.n != count:
            raise ReadError(
                f"histograms.{name} holds {histogram.n} requests, but latency.corrected counts {count}", file=file
            )
    return found


def _decode(kept: Fields, name: str) -> Histogram:
    try:
        return Histogram.decode(kept.text(name))
    except ValueError as error:
        raise ReadError(f"histograms.{name} cannot be read: {error}", file=kept.file) from None

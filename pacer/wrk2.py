"""The result in the words of wrk2, for programs that read wrk2."""

from __future__ import annotations

from fractions import Fraction

from pacer.histogram import Histogram, cell_high, rank_of
from pacer.result import Outcome
from pacer.units import show_bytes

_DISTRIBUTION = ("50", "75", "90", "99", "99.9", "99.99", "99.999", "100")
_TICKS_PER_HALF = 5             # of the detailed spectrum, as HdrHistogram's outputPercentileDistribution


def show_wrk2(outcome: Outcome) -> str:
    """Return the result the way wrk2 prints it; latency is corrected, in a closed loop the service time."""
    options, recording = outcome.options, outcome.recording
    inside = recording.inside
    values = _with_censored(outcome, outcome.primary)
    lines = [
        f"Running {_whole_time(options.duration_ns)} test @ {options.url.text}",
        f"  {options.processes} threads and {options.connections} connections",
        "  Thread Stats   Avg      Stdev     Max   +/- Stdev",
        f"    Latency   {_stats(values)}",
        f"    Req/Sec   {_rate_stats([entry.completed for entry in recording.seconds if entry.scheduled])}",
    ]
    if options.latency:
        lines += _distribution(values, "Recorded Latency")
    if options.uncorrected:
        lines += _distribution(_with_censored(outcome, "service"),
                               "Uncorrected Latency (measured without taking delayed starts into account)")
    lines.append(f"  {inside.completed} requests in {_time(recording.window_ns)}, "
                 f"{show_bytes(recording.bytes_read)} read")
    lines += _errors(outcome)
    lines.append(f"Requests/sec: {outcome.per_s(inside.completed):9.2f}")
    lines.append(f"Transfer/sec: {show_bytes(outcome.per_s(inside.bytes_read)):>11}")
    return "\n".join(lines) + "\n"


def _with_censored(outcome: Outcome, tag: str) -> Histogram:
    """Return a distribution with the requests that have no answer at the age they had: wrk2 has no ">="."""
    values = Histogram(outcome.recording.values[tag].counts)
    values.add(outcome.recording.censored[tag])
    return values


def _errors(outcome: Outcome) -> list[str]:
    failures, recording = outcome.recording.failures, outcome.recording
    timeouts = failures["timeout"] + failures["connect_timeout"]
    connect = sum(n for name, n in failures.items() if name.startswith("connect_"))
    connect -= failures["connect_timeout"]
    read = sum(n for name, n in failures.items() if name.startswith("read_")) + failures["parse"]
    read += failures["validate"]
    lines = []
    if connect or read or failures["write"] or timeouts:
        lines.append(f"  Socket errors: connect {connect}, read {read}, write {failures['write']}, "
                     f"timeout {timeouts}")
    if recording.http_errors:
        lines.append(f"  Non-2xx or 3xx responses: {recording.http_errors}")
    return lines


def _stats(values: Histogram) -> str:
    mean, deviation, highest = values.mean(), values.deviation(), values.maximum()
    if mean is None or deviation is None or highest is None:
        return "    -nan      -nan    -nan      -nan%"
    near = sum(count for cell, count in values.counts.items() if abs(cell_high(cell) - mean) <= deviation)
    return _columns(_time(mean), _time(deviation), _time(highest), 100 * near / values.n)


def _rate_stats(rates: list[int]) -> str:
    if not rates:
        return _columns("0.00", "0.00", "0.00", 0.0)
    mean = sum(rates) / len(rates)
    deviation = (sum((rate - mean) ** 2 for rate in rates) / len(rates)) ** 0.5
    near = sum(abs(rate - mean) <= deviation for rate in rates)
    return _columns(_metric(mean), _metric(deviation), _metric(max(rates)), 100 * near / len(rates))


def _columns(mean: str, deviation: str, highest: str, near_percent: float) -> str:
    return f"{_padded(mean, 8)}{_padded(deviation, 10)}{_padded(highest, 9)}{near_percent:8.2f}%"


def _padded(text: str, width: int) -> str:
    """Right-align a figure so that units of two, one and no letters leave the digits in one column."""
    letters = len(text[-2:]) - len(text[-2:].rstrip("abcdefghijklmnopqrstuvwxyzGM"))
    return text.rjust(width - 2 + letters) + " " * (2 - letters)


def _distribution(values: Histogram, name: str) -> list[str]:
    lines = [f"  Latency Distribution (HdrHistogram - {name})"]
    lines += [f"{float(percent):7.3f}%{_padded(_time(values.percentile(percent) or 0), 10)}"
              for percent in _DISTRIBUTION]
    return [*lines, "", "  Detailed Percentile spectrum:",
            "       Value   Percentile   TotalCount 1/(1-Percentile)", "", *_spectrum(values),
            *_spectrum_foot(values), "-" * 58]


def _spectrum(values: Histogram) -> list[str]:
    """Return the spectrum: ever finer percentiles towards 100 %, values in milliseconds."""
    if not values.counts:
        return []
    total, percentiles = values.n, _spectrum_percentiles(values.n)
    ranks = [rank_of(str(percent), total) for percent in percentiles]
    below = _counts_up_to(values)
    lines = []
    for percent, value in zip(percentiles, values.at_ranks(ranks), strict=True):
        share, shown = float(percent) / 100, (value or 0) / 1e6
        tail = f" {1 / (1 - share):12.2f}" if share < 1 else "          inf"
        lines.append(f"{shown:12.3f} {share:12.6f} {below[value]:12d}{tail}")
    return lines


def _spectrum_foot(values: Histogram) -> list[str]:
    mean, deviation = ("-nan" if ns is None else f"{ns / 1e6:.3f}" for ns in (values.mean(), values.deviation()))
    return [f"#[Mean    = {mean:>12}, StdDeviation   = {deviation:>12}]",
            f"#[Max     = {(values.maximum() or 0) / 1e6:12.3f}, Total count    = {values.n:12d}]",
            f"#[Buckets = {27:12d}, SubBuckets     = {2048:12d}]"]


def _spectrum_percentiles(total: int) -> list[Fraction]:
    percentiles = [Fraction(0)]
    left = Fraction(100)
    while left * total > 100:           # more than one sample is left above
        step = left / 2 / _TICKS_PER_HALF
        percentiles += [100 - left + step * tick for tick in range(1, _TICKS_PER_HALF + 1)]
        left /= 2
    return [*percentiles, Fraction(100)]


def _counts_up_to(values: Histogram) -> dict[int | None, int]:
    below: dict[int | None, int] = {}
    seen = 0
    for cell in sorted(values.counts):
        seen += values.counts[cell]
        below[cell_high(cell)] = seen
    return below


def _time(ns: float) -> str:
    """Return a time as wrk prints it: two decimals and us, ms, s, m or h."""
    value = ns / 1e3
    for unit, next_unit in (("us", 1000), ("ms", 1000), ("s", 60), ("m", 60)):
        if value < next_unit * 0.999995:
            return f"{value:.2f}{unit}"
        value /= next_unit
    return f"{value:.2f}h"


def _whole_time(ns: int) -> str:
    value, unit = ns / 1e9, "s"
    for larger, size in (("m", 60), ("h", 60)):
        if value >= size and value % size == 0:
            value, unit = value / size, larger
    return f"{value:g}{unit}"


def _metric(value: float) -> str:
    for unit in ("", "k", "M"):
        if value < 1000:
            return f"{value:.2f}{unit}"
        value /= 1000
    return f"{value:.2f}G"

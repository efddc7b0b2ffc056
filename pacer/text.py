"""The result for people."""

from __future__ import annotations

from pacer import __version__
from pacer.distribution import Distribution, at_least_sign
from pacer.recording import TAGS, Second
from pacer.result import Outcome
from pacer.units import ABSENT, seconds, show_bytes, show_ns, show_rate
from pacer.validity import Check

_COLUMNS = ("mean", "50", "90", "99", "99.9", "99.99", "max")
_VERDICTS = {
    "valid": "valid",
    "interrupted": "INTERRUPTED: the window is shorter than asked",
    "errors": "ERRORS: too many requests failed",
    "client-bound": "CLIENT-BOUND: the generator did not keep its schedule; latencies are not the server's",
    "overloaded": "OVERLOADED: the server did not keep up; the latencies are those of a growing backlog",
    "degraded": "DEGRADED: the server did not quite keep up",
}


def show_text(outcome: Outcome) -> str:
    """Return the result as text."""
    lines = [*_head(outcome), "", *_books(outcome), "", *_table(outcome), "", *_foot(outcome)]
    return "\n".join(lines) + "\n"


def show_second(entry: Second, seconds_in_all: int) -> str:
    """Return the progress line of one second."""
    when = f"{entry.second + 1:d}/{seconds_in_all} s" if entry.second < seconds_in_all else "drain"
    return (f"{when:>9}  sent {entry.sent}  ok {entry.ok}  errors {entry.errors}  "
            f"in flight {entry.in_flight}  backlog {entry.backlog}")


def _head(outcome: Outcome) -> list[str]:
    options, recording = outcome.options, outcome.recording
    if options.rate_per_s is not None:
        shape = f"{show_rate(float(options.rate_per_s))} req/s asked, {options.arrival} arrivals"
        places = f"{options.connections} connections ({options.dispatch})"
        if options.arrival == "poisson":
            shape += f" (seed {options.seed})"
    else:
        shape = "closed loop"
        places = f"{options.connections} connections"
    kept = "" if options.keepalive else ", no keep-alive"
    times = f"warm-up {seconds(options.warmup_ns):g} s, measured {seconds(recording.window_ns):g} s"
    return [f"pacer {__version__}  {options.requests[0].method} {options.url.text}  at {outcome.address}",
            f"{shape}, {places}{kept}, {times}"]


def _books(outcome: Outcome) -> list[str]:
    recording = outcome.recording
    inside = recording.inside
    failures = ", ".join(f"{name} {count}" for name, count in recording.failures.items() if count)
    status = ", ".join(f"{code}: {recording.status[code]}" for code in sorted(recording.status))
    ok, answers = (show_rate(outcome.per_s(number)) for number in (inside.ok, inside.completed))
    sum_of = (f"ok {recording.ok} + http errors {recording.http_errors} + failed {recording.failed} + "
              f"unfinished {recording.unfinished}")
    lines = [
        f"  got         {ok} ok/s of {answers} answers/s, {show_bytes(outcome.per_s(inside.bytes_read))}/s",
        f"  scheduled   {recording.scheduled} = {sum_of}",
        f"  status      {status or ABSENT}",
    ]
    if failures:
        lines.append(f"  failed      {failures}")
    if recording.unfinished:
        in_flight = recording.unfinished - recording.unsent
        lines.append(f"  unfinished  {in_flight} sent, {recording.unsent} never sent")
    if recording.retried:
        lines.append(f"  retried     {recording.retried}")
    counts = recording.connections
    lines.append(f"  connections {counts.opened} opened, {counts.closed_after_response} closed after a "
                 f"response, {counts.closed_idle} while idle")
    return lines


def _table(outcome: Outcome) -> list[str]:
    rows = [["latency", "n", *(name if name in ("mean", "max") else f"p{name}" for name in _COLUMNS)]]
    for tag in TAGS:
        distribution = outcome.latency[tag]
        if distribution.n or distribution.censored:
            rows.append([tag, str(distribution.n), *(_figure(distribution, name) for name in _COLUMNS)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + row[0].ljust(widths[0]) + "".join(f"  {cell.rjust(width)}" for cell, width
            in zip(row[1:], widths[1:], strict=True)) for row in rows]


def _figure(distribution: Distribution, name: str) -> str:
    others = {"mean": distribution.mean_ns, "max": distribution.max_ns}
    value = others[name] if name in others else distribution.percentiles[name]
    return at_least_sign(distribution, name) + show_ns(value)


def _foot(outcome: Outcome) -> list[str]:
    cost, wall_ns = outcome.recording.cost, outcome.recording.window_ns
    share = 100 * cost.busiest_process_cpu_ns / wall_ns if wall_ns else 0.0
    generator = (f"CPU {share:.0f} %, longest loop gap {show_ns(cost.loop_gap_max_ns)}, "
                 f"{cost.involuntary_switches} involuntary switches, {cost.rss_max_bytes / 2**20:.0f} MiB")
    lines = [f"  generator   {generator}", f"  verdict     {_VERDICTS[outcome.validity.verdict]}"]
    return lines + [f"              {show_check(check)}" for check in outcome.validity.broken]


def show_check(check: Check) -> str:
    """Return a failed check as evidence: name, value, limit."""
    is_time = check.unit == "ns"
    value, limit = (show_ns(figure) if is_time and isinstance(figure, (int, float)) else _plain(figure)
                    for figure in (check.value, check.limit))
    unit = "" if is_time else f" ({check.unit})"
    return f"{check.name.replace('_', ' ')} {value}, limit {limit}{unit}"


def _plain(figure: float | str | None) -> str:
    if figure is None:
        return "none"
    return f"{figure:.6g}" if isinstance(figure, float) else str(figure)

"""`pacer --search`: the trials, and the answer for people and as JSON."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

from pacer import __version__
from pacer.cli import Files, as_document, complain, print_or_tell, write_or_tell
from pacer.errors import EXIT_INVALID, EXIT_OK, EXIT_USAGE, UsageError
from pacer.options import Options, check
from pacer.run import run, stop_on_signals
from pacer.schedule import Stage
from pacer.search import Found, Limit, Trial, judge_trial, parse_limits
from pacer.search import search as search_rate
from pacer.units import NS_PER_S, seconds, show_ns, show_rate

_START_PER_S = Fraction(100)
_PAUSE_S = 0.5                  # between trials, for the server to settle
_SCHEMA_VERSION = 1


def search(options: Options, text: str, files: Files) -> int:
    """Search, print, write; return the exit status: 3 when no rate was found that holds, or it was stopped."""
    limits = parse_limits(text)
    if len(options.stages) > 1 or options.shards > 1 or options.t0_wall_ns is not None or options.hlog_file is not None:
        raise UsageError("--search chooses the rates itself: leave --stages, --shard, --t0 and --hlog out")
    if options.format == "wrk2":
        raise UsageError("--search has no answer in wrk2's format: choose --format text or json")
    start = options.stages[0].rate_per_s if options.stages else _START_PER_S

    def attempt(rate: float, factor: int) -> Trial:
        trial = _attempt(options, limits, rate, factor)
        complain(show_trial(trial))
        return trial

    found = search_rate(attempt, float(start))
    document = as_document(to_json(options, limits, found))
    written = write_or_tell(files.json, lambda: document)
    as_json = options.format == "json"
    printed = print_or_tell(document if as_json else show_found(options, limits, found) + ("" if written else document))
    if found.stopped is not None:
        complain(f"the search is not finished: {found.stopped}")
    if found.holds_per_s is None or found.stopped is not None:
        return EXIT_INVALID
    return EXIT_OK if written and printed else EXIT_USAGE


def _attempt(options: Options, limits: tuple[Limit, ...], rate: float, factor: int) -> Trial:
    """Run one trial, long enough for every limit's percentile."""
    rate_per_s = Fraction(str(rate))
    needed_ns = max(limit.samples for limit in limits) * NS_PER_S * 11 // 10
    duration_ns = max(options.duration_ns * factor, int(needed_ns / rate_per_s))
    stages = (Stage(duration_ns=duration_ns, rate_per_s=rate_per_s),)
    trial_options = replace(options, stages=stages, duration_ns=duration_ns)
    check(trial_options)
    signals: list[str] = []
    stop_on_signals(signals.append)         # while there is no run that could be told
    time.sleep(_PAUSE_S)
    if not signals:
        outcome = run(trial_options)
        stop_on_signals(signals.append)
    if signals or outcome.recording.interrupted is not None:
        raise UsageError("interrupted")
    return Trial(rate_per_s=rate, duration_s=seconds(duration_ns), result=judge_trial(outcome, limits),
                 verdict=outcome.validity.verdict,
                 values={limit.name: limit.value(outcome) for limit in limits})


def to_json(options: Options, limits: tuple[Limit, ...], found: Found) -> dict[str, Any]:
    """Return the search as JSON; times in nanoseconds, errors as a share."""
    return {"schema_version": _SCHEMA_VERSION, "kind": "search",
            "tool": {"name": "pacer", "version": __version__, "command": list(options.command)},
            "url": options.url.text,
            "limits": [{"name": limit.name, "below": limit.bound, "text": limit.text} for limit in limits],
            "holds_per_s": found.holds_per_s, "fails_per_s": found.fails_per_s,
            "limited_by": found.limited_by, "stopped": found.stopped,
            "trials": [asdict(trial) for trial in found.trials]}


def show_found(options: Options, limits: tuple[Limit, ...], found: Found) -> str:
    """Return the answer for people."""
    wanted = ", ".join(limit.text for limit in limits)
    if found.holds_per_s is None:
        answer = f"no rate was found at which {wanted} holds"
        if found.fails_per_s is not None:
            answer += f"; it fails at {show_rate(found.fails_per_s)} req/s"
    elif found.fails_per_s is None and found.limited_by != "generator":
        answer = f"{wanted} holds at {show_rate(found.holds_per_s)} req/s; no rate was found at which it fails"
    elif found.fails_per_s is None or found.limited_by == "generator":
        answer = (f"{wanted} holds at {show_rate(found.holds_per_s)} req/s; above it the generator, not the "
                  "server, was the limit")
    else:
        answer = (f"{wanted} holds at {show_rate(found.holds_per_s)} req/s and fails at "
                  f"{show_rate(found.fails_per_s)} req/s")
    unsure = {"trials": "; the ends are not confirmed, too many trials differed",
              "stopped": f"; STOPPED, the ends are not confirmed: {found.stopped}"}.get(found.limited_by, "")
    lines = [f"pacer {__version__}  {options.url.text}", f"  {answer}{unsure}", ""]
    return "\n".join(lines + [f"  {show_trial(trial)}" for trial in found.trials]) + "\n"


def show_trial(trial: Trial) -> str:
    """Return a trial as one line."""
    values = ", ".join(f"{name} {_show(name, value)}" for name, value in trial.values.items())
    return (f"{show_rate(trial.rate_per_s)} req/s for {trial.duration_s:g} s: {trial.result} "
            f"({values}; {trial.verdict})")


def _show(name: str, value: float | None) -> str:
    if name == "errors" and value is not None:
        return f"{100 * value:.3g} %"
    return show_ns(value)

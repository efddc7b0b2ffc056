"""One run from options to outcome: resolve, share the load among processes, agree on a start, collect."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

from pacer.clock import now_ns, run_on, stop_garbage_collector, wake_exactly
from pacer.connection import Connection
from pacer.cost import busiest_core, read_cpu_times
from pacer.engine import Engine
from pacer.errors import UsageError
from pacer.load import Load
from pacer.options import Options
from pacer.recording import Recording, Second, merge
from pacer.result import Outcome, conclude
from pacer.target import Target, check_source, resolve
from pacer.units import seconds

_LEAD_NS = 20_000_000           # between the end of the connect phase and the first request

OnSecond = Callable[[Second], None]


def run(options: Options, on_second: OnSecond | None = None) -> Outcome:
    """Run the load and judge it. Raises PacerError with one sentence when it could not begin."""
    target = resolve(options.url, unix_socket=options.unix_socket)
    for source in options.sources:
        check_source(source, target)
    loads = share(options, target)
    wake_exactly()
    before = read_cpu_times()
    runner = _run_here if len(loads) == 1 else _run_in_processes
    recording, started_wall_ns = runner(options, loads, on_second)
    return conclude(options, recording, address=str(target), started_wall_ns=started_wall_ns,
                    busiest_core=busiest_core(before, read_cpu_times()))


def share(options: Options, target: Target) -> list[Load]:
    """Divide the load among the processes: every P-th request, a P-th of the connections each."""
    processes = options.processes
    whole = Load(
        target=target, requests=options.requests, connections=options.connections, schedule=None,
        warmup_ns=options.warmup_ns, duration_ns=options.duration_ns, timeout_ns=options.timeout_ns,
        drain_ns=options.drain_ns, dispatch=options.dispatch, keepalive=options.keepalive,
        connect_rate_per_s=options.connect_rate_per_s / processes, seed=options.seed,
        sources=options.sources, spin_ns=options.spin_ns,
        keep_seconds=options.hlog_file is not None or processes > 1,
        connection_type=_connection_type(options))
    loads = []
    for number in range(processes):
        shard, shards = options.shard + options.shards * number, options.shards * processes
        turn = number % max(1, len(options.sources))
        loads.append(replace(
            whole, connections=(options.connections + processes - 1 - number) // processes, shard=shard,
            shards=shards, schedule=options.schedule(shard, shards), warmup=options.warmup(shard, shards),
            sources=options.sources[turn:] + options.sources[:turn]))
    return loads


def _connection_type(options: Options) -> type[Connection]:
    if not options.url.tls:
        return Connection
    from pacer.tls import client_context, connection_type  # noqa: PLC0415 - ssl is slow to import

    return connection_type(client_context(verify=options.tls_verify, ca_file=options.tls_ca_file))


def start_times(options: Options) -> tuple[int, int]:
    """Return when the warm-up begins by CLOCK_MONOTONIC, and when the window opens by the wall clock.

    This is the only time the two clocks are compared. Raises UsageError when --t0 has passed.
    """
    now, wall_now = now_ns(), time.time_ns()
    if options.t0_wall_ns is None:
        return now + _LEAD_NS, wall_now + _LEAD_NS + options.warmup_ns
    ahead_ns = options.t0_wall_ns - wall_now - options.warmup_ns
    if ahead_ns < 0:
        raise UsageError(f"--t0 is {seconds(-ahead_ns):.1f} s too early: connecting and warm-up come before it")
    return now + ahead_ns, options.t0_wall_ns


def _run_here(options: Options, loads: list[Load], on_second: OnSecond | None) -> tuple[Recording, int]:
    if options.cpus:
        run_on(frozenset(options.cpus))
    engine = Engine(loads[0])
    stop_on_signals(engine.stop)
    try:
        engine.connect()
        stop_garbage_collector()
        start_ns, started_wall_ns = start_times(options)
        return engine.run(start_ns, on_second), started_wall_ns
    finally:
        engine.close()


def _run_in_processes(options: Options, loads: list[Load],
                      on_second: OnSecond | None) -> tuple[Recording, int]:
    from pacer.workers import Workers  # noqa: PLC0415 - multiprocessing is slow to import

    with Workers(loads, options.cpus) as workers:
        stop_on_signals(workers.stop)
        workers.connect()
        start_ns, started_wall_ns = start_times(options)
        return merge(workers.run(start_ns, on_second)), started_wall_ns


def stop_on_signals(stop: Callable[[str], None]) -> None:
    """Call stop with the signal's name on SIGINT, SIGTERM and, unless nohup has it ignored, SIGHUP."""
    def handle(number: int, _frame: FrameType | None) -> None:
        stop(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)

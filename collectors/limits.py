"""Every limit a verdict or a gate uses, in one place. They are defaults; the sentence beside each says what
it guards.

Shares are fractions (0.05 is 5 %), rates are per second, latencies carry their unit in the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# -- what a sample supports -----------------------------------------------------------------------------
SAMPLES_BEYOND_PERCENTILE: Final = 10
"""Percentile p is shown when at least this many samples lie beyond it: N >= 10 / (1 - p)."""
SHOWN_PERCENTILES: Final = ("50", "90", "99", "99.9")
"""The percentiles a table shows, in percent, as they are keyed in result files."""
REPLICATES_FOR_INTERVAL: Final = 6
"""The fewest replicates whose range is a 95 % interval for their median (order statistics)."""

# -- verdicts of a run ----------------------------------------------------------------------------------
OVERLOADED_COMPLETED_SHARE: Final = 0.95
"""Below this share of the schedule completed, a constant-rate run measured its backlog: overloaded."""
DEGRADED_COMPLETED_SHARE: Final = 0.99
"""Below this share (and not overloaded) the run is degraded: still ranked, but marked."""
ERROR_SHARE: Final = 0.001
"""Above this share of failed requests the run is not ranked: fast error pages must not win."""
LAG_P99_US: Final = 1_000.0
"""The generator's own delay (p99 of its schedule lag) above which the client limited the run."""
LAG_SHARE_OF_P99: Final = 0.10
"""... or above this share of the p99 it reports ..."""
LAG_UNAVOIDABLE_US: Final = 250.0
"""... unless it is below what the best generator's timer shows: beside a fast server that is a large share."""
WRK2_TIMER_US: Final = 1_000.0
"""wrk2 waits by timers of whole milliseconds and does not say how late it sent: this is taken for its lag p99."""
WRK2_CALIBRATION_S: Final = 10.0
"""wrk2 throws away the latencies of its first seconds (but not their counts) ..."""
WRK2_CALIBRATION_PER_CONNECTION_S: Final = 0.005
"""... and of so much more for each connection."""
H2LOAD_SILENT_END_S: Final = 1.0
"""A closed loop of h2load without one reply for so long at its end has lost connections that it does not report."""
CLIENT_CORE_BUSY_SHARE: Final = 0.80
"""... or with one of the client's cores busier than this."""
WIRE_SHARE_OF_LINK: Final = 0.90
"""Above this share of what the link check measured, the network is the limiter."""
HALVES_DIFFERENCE_SHARE: Final = 0.05
"""First and second half of the measured time may differ by this share of their mean."""
HALVES_LEAST_REQUESTS: Final = 100
"""Halves with fewer requests than this are too small to be compared, unless one has not half of the other's."""
STEAL_SHARE: Final = 0.001
"""Above this share of a machine's time taken by its hypervisor, the environment changed."""
SWAPPED_PAGES: Final = 0
"""Pages swapped in or out during a run."""
CLOCK_STEP_MS: Final = 10.0
"""Difference between the wall clock's and the monotonic clock's progress that reading them can explain ..."""
CLOCK_SLEW_SHARE: Final = 0.0005
"""... plus the fastest slewing NTP does (500 parts per million)."""
REPLY_BYTES_SHARE: Final = 0.01
"""Replies whose body differs by more than this from their peers' do different work ..."""
REPLY_BYTES_FLOOR: Final = 16
"""... unless it is only so many bytes: a space more or less in a short JSON text is no other work."""

# -- the link gate --------------------------------------------------------------------------------------
LINK_SHARE_OF_NOMINAL: Final = 0.93
"""Each way alone: 930 Mb/s of 1000 (theory 941.5 at MTU 1500 with timestamps)."""
LINK_BOTH_SHARE_OF_NOMINAL: Final = 0.90
"""Both ways at once: acknowledgements share the wire with data, up to 2.7 % of it at MTU 1500."""
LINK_SPREAD_SHARE: Final = 0.02
"""Interquartile range of the per-second throughput over its median, each way alone."""
LINK_RETRANSMITS_SHARE: Final = 0.001
"""Retransmitted segments over sent segments."""
LINK_PING_P99_MS: Final = 1.0
"""Round trip, nearest-rank p99 of the echoes."""
LINK_PING_LOSS_SHARE: Final = 0.0
"""No echo may be lost."""
LINK_DRIFT_SHARE: Final = 0.02
"""Throughput before and after a campaign may differ by this share before the drift is reported."""
LINK_LEAST_INTERVALS: Final = 3
"""Fewer per-second intervals than this say nothing about spread."""
LINK_ECHOES_FOR_P99: Final = 1_000
"""With fewer echoes the p99 is little more than the largest of them, and that is said."""


def samples_needed(percentile: str) -> int:
    """Return how many samples the percentile needs: p50 20, p99 1,000, p99.9 10,000.

    `percentile` is in percent, as text ("99.9"), so that the arithmetic is exact.
    """
    whole, _, fraction = percentile.partition(".")
    scale = 10 ** len(fraction)
    beyond = 100 * scale - int(whole + fraction)
    if beyond <= 0:
        raise ValueError(f"percentile {percentile} is not below 100")
    needed: int = -(-SAMPLES_BEYOND_PERCENTILE * 100 * scale // beyond)
    return needed

# -- memory of open connections --------------------------------------------------------------------------
CONNECTIONS_FOR_MEMORY: Final = 100
"""With fewer connections really open, what an allocator happens to keep is more than what they need."""

# -- canaries of the machines -----------------------------------------------------------------------------
CANARY_CHANGE: Final[Mapping[str, float]] = {"cpu": 0.05, "memory": 0.10, "disk": 0.30, "link": LINK_DRIFT_SHARE}
"""A canary that moved by more than this says that the machine did. The processor: what two campaigns may differ by
before anything is claimed of them (5 %); memory twice that, since a second's throughput depends on where its pages
happen to lie; the disk: a second of small direct operations depends on what its cache and its upkeep do meanwhile."""
CANARY_SHARE_OF_CHANGE: Final = 0.5
"""A canary that moved by at least this share of the daemon's change (as logarithms) is named as its like."""

# -- the noise floor --------------------------------------------------------------------------------------
NOISE_LEAST_BLOCKS: Final = 12
"""Fewer blocks make fewer than six pairs, and stretches of one or two runs."""

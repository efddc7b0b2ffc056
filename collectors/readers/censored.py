"""What requests without an answer do to the printed figures of those that had one."""

from __future__ import annotations

from collections.abc import Iterable

from collectors.limits import DEGRADED_COMPLETED_SHARE


def lower_bounds(percentiles: Iterable[str], *, recorded: int, censored: int) -> tuple[str, ...]:
    """Return the figures that are lower bounds because `censored` requests are missing from the `recorded` ones.

    The missing ones are taken for the slowest, since all that is known of them is that they were still
    waiting. A percentile whose rank among all of them lies beyond the recorded ones is then a lower bound, and
    the maximum with it; where more are missing than a degraded run may miss, every figure is.
    """
    if censored <= 0:
        return ()
    total = recorded + censored
    every = recorded < DEGRADED_COMPLETED_SHARE * total
    named = [name for name in percentiles if every or float(name) / 100 * total > recorded]
    if not named and not every:
        return ()
    return (*(("mean",) if every else ()), *named, "max")

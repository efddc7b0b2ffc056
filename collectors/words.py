"""What each verdict and outcome means, in one sentence each: the words of the report and of docs/reading-
a-report.md."""

from __future__ import annotations

from typing import Final

from collectors import limits
from collectors.model import Outcome, VerdictKind

VERDICTS: Final[dict[VerdictKind, str]] = {
    "valid": "Nothing below applies: counted and ranked.",
    "degraded": (
        f"Between {limits.OVERLOADED_COMPLETED_SHARE:.0%} and {limits.DEGRADED_COMPLETED_SHARE:.0%} of the "
        "scheduled "
        "requests were completed in time: ranked, but near its limit."
    ),
    "overloaded": (
        f"Less than {limits.OVERLOADED_COMPLETED_SHARE:.0%} of the scheduled requests were completed in "
        "time. The "
        "latencies are those of a growing backlog and depend on how long the run lasted: not ranked."
    ),
    "errors": f"More than {limits.ERROR_SHARE:.1%} of the requests failed: not ranked, a fast error page must not win.",
    "client-bound": (
        "The load generator or its machine was the limit, so the figures are not the server's alone: not "
        "ranked. Its "
        f"schedule lag p99 was above {limits.LAG_P99_US / 1000:g} ms or above "
        f"{limits.LAG_SHARE_OF_P99:.0%} of the p99 "
        f"it reports, or one of the client's cores was busier than {limits.CLIENT_CORE_BUSY_SHARE:.0%}."
    ),
    "network-bound": (
        f"More than {limits.WIRE_SHARE_OF_LINK:.0%} of what the link check measured was on the wire: the "
        "network is the "
        "limiter. Ranked, and named."
    ),
    "unsteady": (
        f"The first and the second half of the run differ by more than {limits.HALVES_DIFFERENCE_SHARE:.0%}: flagged."
    ),
    "environment-changed": (
        "A machine was not itself during the run (time taken by its hypervisor, swapping, a clock step, a "
        "setting that is not the profile's): not ranked."
    ),
    "not-equivalent": (
        "The daemon did other work than its peers: its replies have another size "
        f"(by more than {limits.REPLY_BYTES_SHARE:.0%} and {limits.REPLY_BYTES_FLOOR} bytes), or it treats "
        "connections "
        "in another way: shown, not compared with them."
    ),
}
OUTCOMES: Final[dict[Outcome, str]] = {
    "measured": "The load ran to its end and left a result.",
    "did-not-start": "The daemon gave no answer before its deadline; no load was generated.",
    "not-installable": "The app's packages cannot be installed on the server; nothing was started.",
    "wrong-answer": "The daemon's reply was not what its contract says; no load was generated.",
    "died": "The daemon was no longer running, or had been restarted, when the load ended.",
    "generator-failed": "The load generator ended before its time or with an error.",
    "unreachable": "Nothing came back from one of the machines.",
    "unreadable": "A raw file is damaged; the sentence names file and line.",
}
UNMARKED: Final = frozenset({"valid"})
"""Verdicts that need no attention."""

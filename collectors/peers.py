"""A run beside its peers: the same endpoint, round and profile on the other daemons.

Runs are peers when they should have done the same work. One that replies with another size of body, or treats
connections in another way, did not; it is shown and not compared with them.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Sequence

from collectors import limits
from collectors.model import Evidence, Verdict
from collectors.run import Run

_WORDS = {True: "kept open", False: "closed after each reply"}


def with_peers(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the runs, each with the verdict `not-equivalent` where it differs from its peers.

    The reference is the median body size and the more frequent treatment of connections, one vote for each
    daemon; where there is no majority, all differ.
    """
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        if run.outcome == "measured" and run.contract is not None:
            groups.setdefault((run.cell.round, run.cell.endpoint, run.cell.profile), []).append(run)
    found = {}
    for members in groups.values():
        evidence = _bytes(members) | _keep_alive(members, _bytes(members))
        found.update({run_id: tuple(each) for run_id, each in evidence.items() if each})
    return tuple(_with(run, found.get(run.id, ())) for run in runs)


def _by_service(members: Sequence[Run]) -> dict[str, Run]:
    """Return one run of each daemon: replicates have no more votes than one."""
    return {run.cell.service: run for run in reversed(members)}


def _bytes(members: Sequence[Run]) -> dict[str, list[Evidence]]:
    sizes = {
        service: run.contract.body_bytes
        for service, run in _by_service(members).items()
        if run.contract is not None and run.contract.body_bytes is not None
    }
    found: dict[str, list[Evidence]] = {}
    if len(sizes) < 2:
        return found
    middle = statistics.median(sizes.values())
    for run in members:
        size = sizes.get(run.cell.service)
        if size is None or abs(size - middle) <= max(limits.REPLY_BYTES_SHARE * middle, limits.REPLY_BYTES_FLOOR):
            continue
        found.setdefault(run.id, []).append(
            Evidence(
                what="bytes of a reply's body",
                value=size,
                limit=f"within {limits.REPLY_BYTES_SHARE:.0%} of {middle:g}, the median of its peers",
                unit="bytes",
                where="contract.json",
            )
        )
    return found


def _keep_alive(members: Sequence[Run], found: dict[str, list[Evidence]]) -> dict[str, list[Evidence]]:
    seen = {
        service: run.contract.keep_alive
        for service, run in _by_service(members).items()
        if run.contract is not None and run.contract.keep_alive is not None
    }
    votes = Counter(seen.values()).most_common()
    if len(votes) < 2:
        return found
    usual = votes[0][0] if votes[0][1] > votes[1][1] else None
    for run in members:
        kept = seen.get(run.cell.service)
        if kept is None or kept == usual:
            continue
        found.setdefault(run.id, []).append(
            Evidence(
                what="connections",
                value=_WORDS[kept],
                limit="its peers do both" if usual is None else f"its peers: {_WORDS[usual]}",
                unit="",
                where="contract.json",
            )
        )
    return found


def _with(run: Run, evidence: tuple[Evidence, ...]) -> Run:
    if not evidence:
        return run
    own = [verdict for verdict in run.verdicts if verdict.kind not in {"valid", "not-equivalent"}]
    declared = [each for verdict in run.verdicts if verdict.kind == "not-equivalent" for each in verdict.evidence]
    joined = Verdict(kind="not-equivalent", evidence=(*declared, *evidence))
    return dataclasses.replace(run, verdicts=(joined, *own))

"""Did a campaign measure all it planned?"""

from __future__ import annotations

from collections import Counter

from collectors.load_runs import load_runs
from collectors.results import ResultsFolder


def check(folder: ResultsFolder) -> tuple[bool, str]:
    """Return whether every planned run ended as measured and no look is due, and the sentence that says so or names
    what is not so."""
    runs, missing = load_runs(folder)
    total = len(folder.plan.runs)
    if not total:
        return False, f"{folder.directory}: the plan holds no runs"
    bad = [run for run in runs if run.outcome != "measured"]
    left_out, due = folder.plan.left_out, folder.plan.look_due
    if not bad and not missing and not left_out and due is None:
        return True, f"all {total} runs were measured"
    parts = []
    if bad:
        kinds = Counter(run.outcome for run in bad)
        named = ", ".join(f"{run.id} ({run.outcome})" for run in bad[:3]) + (" …" if len(bad) > 3 else "")
        parts.append(f"{sum(kinds.values())} of {total} runs were not measured: {named}")
    if missing:
        named = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
        parts.append(f"{len(missing)} of {total} runs are missing: {named}")
    if due is not None:
        parts.append(f"it is not finished: the look after block {due} is still to be taken")
    parts += left_out
    return False, "; ".join(parts)

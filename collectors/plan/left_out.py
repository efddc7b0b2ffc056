"""Apps of a campaign whose own file is wrong, so that the others can be measured without them."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.errors import PlanError
from collectors.plan.model import Finding
from collectors.plan.ports import check_ports
from collectors.plan.services import Catalogue, expand

KIND = "left-out"


def without_wrong(
    catalogue: Catalogue, wanted: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str]], tuple[Finding, ...]]:
    """The wanted names that can be measured, and a finding for each app that is left out.

    A name that no app or variant has is the campaign's mistake and not left out. Raises PlanError for it, and where
    nothing would remain.
    """
    good: list[tuple[str, str]] = []
    left: list[Finding] = []
    for name, where in wanted:
        try:
            check_ports(expand(catalogue, [*good, (name, where)]))
        except PlanError as error:
            if not str(error).startswith(f"{catalogue.apps_dir.name}/"):
                raise
            advice = f"left out of the campaign: {error}"
            left.append(Finding(kind=KIND, where=name, value=None, limit=0, advice=advice))
            last = error
        else:
            good.append((name, where))
    if not good:
        raise last
    return good, tuple(left)

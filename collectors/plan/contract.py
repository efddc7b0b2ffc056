"""apps/contract.yml: the endpoints, and what each must answer on a data set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from collectors.plan import constants as c
from collectors.plan.document import Item
from collectors.plan.load import load
from collectors.plan.model import Endpoint

KEYS: Final = ("method", "path", "status", "content_type", "json")
OUR_KEYS: Final = ("fair_body_bytes", "upstream")
"""Keys that are read by the plan and mean nothing to the check."""
JSON_KEYS: Final = ("equals", "rows", "keys", "values", "null_keys")
METHODS: Final = ("GET",)
"""Methods that the load of a round can use."""

_PATH = re.compile(r"/[A-Za-z0-9._~/?&=%-]*")


def read_contract(apps_dir: Path) -> Mapping[str, Endpoint]:
    """All endpoints by name; raises PlanError for a wrong key or value."""
    document = load(apps_dir / "contract.yml", f"{apps_dir.name}/contract.yml")
    endpoints = document.fields(required=("endpoints",))["endpoints"].named_entries("an endpoint")
    return {name: _endpoint(name, item) for name, item in endpoints.items()}


def _endpoint(name: str, item: Item) -> Endpoint:
    fields = item.fields(required=KEYS, optional=OUR_KEYS)
    path = fields["path"].text()
    if not _PATH.fullmatch(path):
        raise fields["path"].refuse(f"is {path!r}", "a path that begins with / and needs no escaping")
    fields["status"].integer(100, 599)
    fields["content_type"].text()
    _check_json(fields["json"])
    sizes = fields["fair_body_bytes"].fields(required=c.DATASETS) if "fair_body_bytes" in fields else {}
    return Endpoint(
        name=name,
        method=fields["method"].choice(METHODS, "method"),
        path=path,
        fields={key: item.plain() for key, item in fields.items() if key not in OUR_KEYS},
        fair_body_bytes={dataset: size.integer(0, 2**40) for dataset, size in sizes.items()},
        upstream=fields["upstream"].boolean() if "upstream" in fields else False,
    )


def _check_json(item: Item) -> None:
    fields = item.fields(required=(), optional=JSON_KEYS)
    if "equals" in fields:
        item.fields(required=("equals",))
        return
    fields = item.fields(required=("rows", "keys"), optional=("values", "null_keys"))
    fields["rows"].integer(0, 10**9)
    keys = fields["keys"].distinct("key")
    for key, value in fields["values"].entries().items() if "values" in fields else ():
        _one_of(key, keys, value)
    for dataset, value in (
        fields["null_keys"].fields(required=c.DATASETS).items() if "null_keys" in fields else ()
    ):
        for entry in value.items() if value.value else ():
            _one_of(entry.text(), keys, entry, dataset)


def _one_of(key: str, keys: tuple[str, ...], item: Item, dataset: str = "") -> None:
    if key not in keys:
        raise item.refuse(
            f"names {key!r}{f' for {dataset}' if dataset else ''}, which is none of the reply's keys",
            ", ".join(keys),
        )


def resolved(endpoint: Endpoint, dataset: str) -> dict[str, Any]:
    """The contract as it holds on one data set: `json.null_keys` becomes that data set's list."""
    fields = dict(endpoint.fields)
    json = dict(fields["json"])
    if "null_keys" in json:
        json["null_keys"] = json["null_keys"][dataset]
    return {**fields, "json": json}

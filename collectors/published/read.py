"""Reading the data files of published figures."""

from __future__ import annotations

import yaml

from collectors.codec import from_json
from collectors.errors import ReadError
from collectors.jsonio import read_text
from collectors.published.model import SCHEMA_VERSION, PublishedSet
from collectors.published.names import FOLDER, published_names


def read_published(name: str) -> PublishedSet:
    """Return the set of that name; ReadError where there is none, or its file is damaged."""
    path = FOLDER / f"{name}.yml"
    if name not in published_names():
        raise ReadError(f"no published figures of this name; there are: {', '.join(published_names())}", file=path.name)
    try:
        document = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise ReadError(f"not YAML: {' '.join(str(error).split())}", file=path) from None
    found = from_json(PublishedSet, document, file=path)
    if found.schema_version != SCHEMA_VERSION:
        raise ReadError(f"schema_version is not {SCHEMA_VERSION}, the only one this version reads", file=path)
    for table in found.tables:
        names = [row.name for row in table.rows]
        if table.reference not in names:
            raise ReadError(f"{table.title}: the reference {table.reference!r} is none of its rows", file=path)
    return found

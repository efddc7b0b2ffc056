"""MANIFEST.sha256: the digest of every file of a results folder, in the form `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from collectors.jsonio import write_text

NAME = "MANIFEST.sha256"
PLAN = "campaign.json"
EVIDENCE = ("link", "looks.json", "machines", "runs", "sessions")
"""Folders of raw files and records, and at which look a campaign stopped."""


def write_manifest(directory: Path) -> None:
    """Write the manifest of a results folder, itself and hidden files apart, by path."""
    write_text(directory / NAME, "".join(lines(directory)))


def evidence_sha256(directory: Path) -> str:
    """Return the digest of the manifest's lines of what was measured: the plan, and what is in EVIDENCE. What is
    made of these (summary, report) may be made again without changing it."""
    found = hashlib.sha256()
    for line in lines(directory):
        name = line.partition("  ")[2].rstrip("\n")
        if name == PLAN or name.partition("/")[0] in EVIDENCE:
            found.update(line.encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def lines(directory: Path) -> Iterator[str]:
    """Yield the manifest's lines, by path."""
    for path in sorted(directory.rglob("*"), key=lambda each: each.relative_to(directory).as_posix()):
        name = path.relative_to(directory).as_posix()
        if path.is_file() and not path.is_symlink() and name != NAME and not path.name.startswith("."):
            yield f"{_digest(path)}  {name}\n"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

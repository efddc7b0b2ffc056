"""MANIFEST.sha256: the digest of every file of a results folder, in the form `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

from collectors.jsonio import write_text

NAME = "MANIFEST.sha256"


def write_manifest(directory: Path) -> None:
    """Write the manifest of a results folder, itself and hidden files apart, by path."""
    lines = []
    for path in sorted(directory.rglob("*"), key=lambda each: each.relative_to(directory).as_posix()):
        name = path.relative_to(directory).as_posix()
        if path.is_file() and not path.is_symlink() and name != NAME and not path.name.startswith("."):
            lines.append(f"{_digest(path)}  {name}\n")
    write_text(directory / NAME, "".join(lines))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

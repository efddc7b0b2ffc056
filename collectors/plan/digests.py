"""What a campaign's programs were, as digests: a commit says nothing of changes that are in none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from collectors.plan.model import Service

REQUIREMENTS: Final = "requirements.txt"
GENERATOR: Final = "pacer"
_LEFT_OUT: Final = frozenset({"__pycache__", "app.yml", REQUIREMENTS})
"""What is compiled, what the plan itself holds of an app, and what has a digest of its own."""


def digests(root: Path, apps_dir: Path, services: Iterable[Service]) -> dict[str, dict[str, str]]:
    """Return SHA-256 digests by name of the folder whose code runs: of the pinned packages and of the program.

    The constant-rate generator of the checkout at root is among them.
    """
    folders = {service.code or service.app: apps_dir / (service.code or service.app) for service in services}
    found = {name: _of(folder) for name, folder in sorted(folders.items())}
    if (root / GENERATOR).is_dir():
        found[GENERATOR] = _of(root / GENERATOR)
    return found


def _of(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path: path.relative_to(folder) for path in files}
    program = [path for path, name in names.items() if not _LEFT_OUT.intersection(name.parts)]
    found = {"program": _digest((names[path].as_posix(), path) for path in program)}
    requirements = folder / REQUIREMENTS
    if requirements.is_file():
        found["requirements"] = _digest([(REQUIREMENTS, requirements)])
    return found


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    """Return one digest of names and contents."""
    total = hashlib.sha256()
    for name, path in files:
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()

"""What a campaign's programs were, as digests: a commit says nothing of changes that are in none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from collectors.errors import PlanError
from collectors.plan.model import Service

REQUIREMENTS: Final = "requirements.txt"
GENERATOR: Final = "pacer"
_LEFT_OUT: Final = frozenset({"__pycache__", "app.yml", REQUIREMENTS})
"""What is compiled, what the plan itself holds of an app, and what has a digest of its own."""


def digests(root: Path, apps_dir: Path, services: Iterable[Service]) -> dict[str, dict[str, str]]:
    """Return SHA-256 digests by name of the app: of its pinned packages, and of the program that it runs.

    The program may be another app's; packages are always its own. The constant-rate generator of the checkout at root
    is among them. Names that begin with a dot are an editor's, not the program's. Raises PlanError for a file that
    cannot be read.
    """
    codes = {service.app: service.code or service.app for service in services}
    try:
        found = {app: _of(apps_dir / code, apps_dir / app) for app, code in sorted(codes.items())}
        if (root / GENERATOR).is_dir():
            found[GENERATOR] = _of(root / GENERATOR, root / GENERATOR)
    except OSError as error:
        raise PlanError(
            f"{error.filename}: cannot be read: {error.strerror}; allowed: files of a program that can be"
        ) from None
    return found


def _of(program: Path, packages: Path) -> dict[str, str]:
    files = sorted(path for path in program.rglob("*") if path.is_file())
    names = {path: path.relative_to(program) for path in files}
    found = {"program": _digest((name.as_posix(), path) for path, name in names.items() if _counts(name))}
    requirements = packages / REQUIREMENTS
    if requirements.is_file():
        found["requirements"] = _digest([(REQUIREMENTS, requirements)])
    return found


def _counts(name: Path) -> bool:
    """Whether a file is of the program."""
    return not any(part in _LEFT_OUT or part.startswith(".") for part in name.parts)


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    """Return one digest of names and contents."""
    total = hashlib.sha256()
    for name, path in files:
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()

"""A folder of apps of the tests' own, made as `tandem new-app` makes one."""

from __future__ import annotations

import shutil
from pathlib import Path

from collectors.new_app import make_app
from collectors.plan import expand_services
from collectors.plan.model import Service
from collectors.plan.project import Project
from tests.apps.environments import APPS


def new_app(root: Path, name: str = "mine") -> Path:
    """A new app in a project of its own below root; its folder."""
    apps = root / "apps"
    (apps / "flask").mkdir(parents=True)
    for path in ("contract.yml", "launchers.yml", "flask/app.yml", "flask/requirements.txt"):
        shutil.copyfile(APPS / path, apps / path)
    root.chmod(0o755)
    return make_app(Project(root=root), name)[0].parent


def service_of(folder: Path) -> Service:
    """The app's service."""
    (service,) = expand_services(folder.parent, [folder.name])
    return service


def change(folder: Path, file: str, old: str, new: str) -> None:
    """Replace old by new in one of its files; old must occur."""
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

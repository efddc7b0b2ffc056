"""A new daemon's folder: the smallest that works, to be filled with what is to be measured."""

from __future__ import annotations

import shutil
from pathlib import Path
from string import Template
from typing import Final

from collectors.errors import PlanError
from collectors.plan.digests import GENERATOR
from collectors.plan.document import NAME
from collectors.plan.ports import free_port
from collectors.plan.project import Project
from collectors.plan.services import FRONT, RESERVED, generator_sentence, reserved

CODE: Final = '''\
"""$name: one endpoint on Flask."""

from flask import Flask, Response, json

app = Flask(__name__)


@app.get("/index")
def index() -> Response:
    """Answer without touching the database."""
    return Response(json.dumps({"hello": "world"}), mimetype="application/json")
'''
SETTINGS: Final = """\
---
description: $name, Flask on gunicorn's threads
launcher: gunicorn-gthread
module: app:app
port: $port
endpoints:
  index: {body_bytes: {empty-join: 18, populated: 18}}
pool_size: 0
variants:
  default: {}
"""
HEADING: Final = "# Every package, transitive ones too, for CPython 3.11, 3.12 and 3.13 on Linux.\n"
PACKAGES: Final = ("blinker", "click", "flask", "gunicorn", "itsdangerous", "jinja2", "markupsafe", "werkzeug")
"""What the code and its launcher need, with the versions that the app flask has."""


def make_app(project: Project, name: str) -> tuple[Path, ...]:
    """Make apps/NAME with three files; returns their paths.

    Raises PlanError for a name that is none or taken, and where the folder cannot be written: then it is not there.
    """
    folder = project.apps_dir / name
    if not NAME.fullmatch(name):
        raise PlanError(
            f"{name!r} is no name for an app; allowed: small letters, digits, and single . _ - between them"
        )
    if name == GENERATOR:
        raise PlanError(generator_sentence(name))
    if reserved(name):
        raise PlanError(
            f"{name!r} is the name of a unit of the bench's own; allowed: names other than {', '.join(RESERVED)}, and "
            f"none that begins with {FRONT}"
        )
    if folder.exists():
        raise PlanError(f"apps/{name} is there already; allowed: a name of its own, or remove that folder first")
    values = {"name": name, "port": str(free_port(project.apps_dir))}
    texts = {
        "app.yml": Template(SETTINGS).substitute(values),
        "app.py": Template(CODE).substitute(values),
        "requirements.txt": HEADING + _pinned(project.apps_dir / "flask" / "requirements.txt"),
    }
    try:
        folder.mkdir()
    except OSError as error:
        raise PlanError(f"{error.filename}: cannot be made: {error.strerror}") from None
    try:
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PlanError(f"{error.filename}: cannot be written: {error.strerror}") from None
    return tuple(folder / file for file in texts)


def _pinned(path: Path) -> str:
    """The lines of a requirements file that pin one of PACKAGES, so that a new app's versions are ones in use."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise PlanError(f"apps/flask/requirements.txt: cannot be read: {error.strerror}") from None
    return "".join(f"{line}\n" for line in lines if line.partition("==")[0] in PACKAGES)

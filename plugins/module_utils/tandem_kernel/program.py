"""The stand-alone program as one file: the machine restores itself with the very code that changed it."""

from __future__ import annotations

import io
import os
import zipfile
from types import ModuleType
from typing import Any

from . import checks, cli, journal, keys, report, snapshot, timer, transaction

NAME = "tandem_settings.pyz"
MODULES = (checks, cli, journal, keys, report, snapshot, timer, transaction)
PACKAGE = "tandem_kernel"
_START = f'''"""Starts {PACKAGE}."""

import sys

from {PACKAGE}.cli import main

sys.exit(main())
'''
_EPOCH = (1980, 1, 1, 0, 0, 0)


def content() -> bytes:
    """The program; the same modules give the same bytes."""
    sources = {"__main__.py": _START, f"{PACKAGE}/__init__.py": ""}
    for module in MODULES:
        sources[f"{PACKAGE}/{module.__name__.rpartition('.')[2]}.py"] = _source(module)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, source in sorted(sources.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), source)
    return buffer.getvalue()


def install(folder: str, *, check: bool = False) -> bool:
    """Write the program to a folder when it is not there already; whether it was, or would be, written.

    Raises OSError when it cannot be written.
    """
    path, wanted = os.path.join(folder, NAME), content()
    try:
        with open(path, "rb") as file:
            if file.read() == wanted:
                return False
    except OSError:
        pass    # absent or not a file: writing it says what is wrong
    if not check:
        os.makedirs(folder, exist_ok=True)
        with open(f"{path}.partial", "wb") as file:
            file.write(wanted)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.partial", path)
    return True


def _source(module: ModuleType) -> str:
    """A module's text, also when it was loaded from a zip file as Ansible's modules are."""
    loader: Any = module.__spec__ and module.__spec__.loader
    source = loader.get_source(module.__name__) if hasattr(loader, "get_source") else None
    if source is None:
        raise OSError(f"the text of {module.__name__} is not at hand")
    return str(source)

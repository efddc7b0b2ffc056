"""Shared by all tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils
import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parents[1]

# On a machine Ansible puts our helpers beside its own; here they are added to the same package.
ansible.module_utils.__path__.append(str(ROOT / "plugins" / "module_utils"))


class _Scopes(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Each file is one process's, and all that need the lab are one file."""

    def _split_scope(self, nodeid: str) -> str:
        return "lab" if nodeid.startswith("tests/e2e/") else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Share the tests out among processes, where there are several."""
    return _Scopes(config, log)

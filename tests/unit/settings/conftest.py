from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.settings.fake_kernel import make_machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Root folder of a made-up machine."""
    make_machine(tmp_path)
    return tmp_path

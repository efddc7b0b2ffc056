"""What is timed here is pacer, and not how long a processor takes to wake up."""

from __future__ import annotations

import pytest

from benchmarks.common import stay_awake


@pytest.fixture(scope="session", autouse=True)
def _awake() -> None:
    stay_awake()

"""The virtual lab for the tests of the whole: made once, by the playbook that operators use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.bench import play
from tests.e2e.labs import Lab


@pytest.fixture(scope="session")
def lab() -> Iterator[Path]:
    """The folder of the default lab, which is up; taken down afterwards unless it was up before."""
    if os.geteuid() != 0:
        pytest.skip("the lab needs root")
    default = Lab(directory=Path(os.environ.get("TANDEM_LAB_DIRECTORY", "/var/lib/tandem-lab")))
    was_up = default.call("status").returncode == 0
    made = play("playbooks/lab.yml")
    if made.returncode != 0:
        pytest.fail(f"the lab did not come up:\n{made.stdout}")
    yield default.directory
    if not was_up:
        taken_down = default.call("down")
        assert taken_down.returncode == 0, taken_down.stderr

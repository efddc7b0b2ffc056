"""The virtual lab for the tests of the whole: made once, by the playbook that operators use."""

from __future__ import annotations

import json
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


@pytest.fixture(scope="session")
def second(lab: Path) -> Iterator[Lab]:
    """Another lab with a name, a folder and addresses of its own, for whatever could harm somebody's measurement.

    It shares the default one's base image.
    """
    remembered = json.loads((lab / "lab.json").read_text())
    other = Lab(
        directory=lab.with_name("tandem-lab-tests"),
        settings={
            "PREFIX": "tandemtest",
            "NETWORK": "10.99.77.0/24",
            "CACHE": remembered["cache"],
            "PACKAGES": ",".join(remembered["packages"]),
        },
    )
    other.call("purge")
    yield other
    purged = other.call("purge")
    assert purged.returncode == 0, purged.stderr
    assert not other.directory.exists()


@pytest.fixture
def up(second: Lab) -> Lab:
    """The second lab, up and without faults."""
    second.do("up")
    return second

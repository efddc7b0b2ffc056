"""A machine's own layer: what counts as complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import disks, files
from lab.config import Config


def test_a_layer_whose_removal_was_broken_off_is_no_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(directory=tmp_path, cache=tmp_path / "cache")
    machine = config.server
    machine.upper.mkdir(parents=True)
    (machine.directory / "base").write_text("one\n")
    assert disks.is_current(config, machine, "one")

    def broken_off(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "remove_tree", broken_off)
    with pytest.raises(KeyboardInterrupt):
        disks.make(config, machine, "two", lambda _: None)
    assert machine.upper.exists()
    assert not disks.is_current(config, machine, "one")

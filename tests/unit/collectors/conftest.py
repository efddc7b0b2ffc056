"""Shared by the tests of collectors."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("collectors", deadline=None)  # a busy machine is no failure
settings.load_profile("collectors")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug here; test_record says that the disk is asked."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)

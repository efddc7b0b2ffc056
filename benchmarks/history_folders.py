"""Results folders by the hundred thousand: folders that are really there, and an index that knows them already."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.large_campaign import make
from collectors.compare.metrics import METRICS
from collectors.history.ask import campaigns
from collectors.history.model import Entry, Reading, Row
from collectors.history.store import INDEX, changes, keep

FILES: Final = ("campaign.json", "journal.jsonl", "summary.json")
FIRST: Final = datetime(2015, 3, 1, tzinfo=UTC)
LINKS: Final = 10_000
"""Names that one file gets before the next one is made: file systems limit them."""
SERVICES: Final = 10
VERDICTS: Final = "20 valid, 4 overloaded"


def listed_campaigns(results: Path, count: int, *, runs: int = 0) -> Path:
    """Make so many folders with the files of a campaign, and an index in step with them."""
    results.mkdir(parents=True)
    files = results / ".files"
    files.mkdir()
    campaigns(results)                                  # makes the empty index
    for number in range(count):
        folder, original = results / f"quick-{number:06d}", files / str(number // LINKS)
        folder.mkdir()
        for name in FILES:
            source = original.with_suffix(f".{name}")
            if not source.exists():
                source.write_text("{}\n", encoding="utf-8")
            os.link(source, folder / name)
    source_ = random.Random(count)
    with closing(sqlite3.connect(results / INDEX)) as database, database:
        for name, stamp in changes(results, {})[0].items():
            keep(database, name, stamp, _reading(name, runs, source_))
    return results


def campaigns_of_runs(results: Path, runs: int) -> Path:
    """Make recorded campaigns of 1,000 runs each, so many runs altogether."""
    for number in range(runs // 1000):
        make(results / f"quick-{number}", 1000)
    return results


def _reading(name: str, runs: int, source: random.Random) -> Reading:
    when = FIRST + timedelta(hours=int(name.rpartition("-")[2]))
    entry = Entry(name, when.strftime("%Y-%m-%dT%H:%M:%SZ"), "quick", "virtual lab", 24, 24, 20, VERDICTS)
    rows = [
        Row(
            service=f"service-{number % SERVICES}", endpoint="agents", round="sustained", profile="tuned", loop="open",
            load="pacer, open loop", load_key="0", outcome="measured", verdicts="valid",
            measures=tuple(source.gauss(1000, 30) for _ in METRICS),
        )
        for number in range(runs)
    ]  # fmt: skip
    return Reading(entry, tuple(rows), None)

"""A results folder of many runs, from what the tests know of a run's raw files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from collectors.record import record
from collectors.results import ResultsFolder
from tests.unit.collectors.builders import Campaign, Given, plan

CELLS = 4


def make(directory: Path, runs: int) -> Path:
    """Make a campaign of so many recorded runs: two daemons in two rounds, one block for every four runs.

    The runs of a cell are the same files under other names: copying twenty of them for each takes longer than reading.
    """
    document = plan(rounds=("calibration", "sustained"), blocks=runs // CELLS, services=("django", "flask"))
    for load in document["rounds"].values():
        load["endpoints"] = ["agents"]
    document["runs"] = [run for run in document["runs"] if run["endpoint"] == "agents"]
    campaign = Campaign(directory, document)
    folder, first = ResultsFolder(directory), dict[tuple[str, str], str]()
    for run in document["runs"]:
        cell = run["service"], run["round"]
        if cell in first:
            original = directory / "runs" / first[cell]
            shutil.copytree(original, directory / "runs" / run["id"], copy_function=os.link)
        else:
            campaign.leave(run, Given())
            record(folder, run["id"])
            first[cell] = run["id"]
    return directory

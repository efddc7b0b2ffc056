"""Campaigns over time: what results/ holds, one metric from campaign to campaign, and where it changed.

`ask` answers from an index in results/index.sqlite that follows the folders by itself; `collectors.history.tables`
shows the answer.
"""

from collectors.history.ask import campaigns, over_time
from collectors.history.model import Campaigns, CellFilter, Change, Entry, History, Point, Series

__all__ = [
    "Campaigns", "CellFilter", "Change", "Entry", "History", "Point", "Series", "campaigns", "over_time",
]  # fmt: skip

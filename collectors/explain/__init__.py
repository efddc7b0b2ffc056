"""What makes the difference between two daemons: a ladder from one to the other, one factor at a time.

`explain` computes, `collectors.explain.tables` shows, `collectors.report.waterfall` draws.
"""

from collectors.explain.compute import explain, is_ladder
from collectors.explain.model import Chain, Explanation, Metric, RoundExplained, RungRuns, Step

__all__ = ["Chain", "Explanation", "Metric", "RoundExplained", "RungRuns", "Step", "explain", "is_ladder"]

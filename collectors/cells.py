"""What stands in a table's cells, the same words in terminal, Markdown and HTML."""

from __future__ import annotations

from typing import Final

from collectors.model import ERROR_KINDS
from collectors.summary import Row
from collectors.units import DASH, show_latency, show_rate, show_share

ERROR_WORDS: Final = {
    "connect": "connect",
    "read": "read",
    "write": "write",
    "timeout": "timeout",
    "timeout_ticks": "waiting at a tick (no requests)",
    "status_4xx": "status 4xx",
    "status_5xx": "status 5xx",
    "status_over_399": "status > 399",
    "parse": "parse",
    "body_mismatch": "body mismatch",
}
"""Error kinds as a reader sees them."""
LATENCY_COLUMNS: Final = ("mean", "50", "90", "99", "99.9", "max")
"""The latency columns of every table; numbers are percentiles."""
BACKLOG_MARK: Final = "†"
TRUNCATED_MARK: Final = "‡"


def latency_us(row: Row, column: str) -> float | None:
    """Return one latency figure of a row in microseconds, None where there is none or the sample is too
    small."""
    latency = row.latency
    if latency is None:
        return None
    if column == "mean":
        return latency.mean_us
    return latency.max_us if column == "max" else latency.percentile_us(column)


def latency_cell(row: Row, column: str) -> str:
    """Return a latency with what must be said of it: at least, backlog, truncated."""
    value = latency_us(row, column)
    if value is None or row.latency is None:
        return DASH
    text = show_latency(value, at_least=column in row.latency.at_least)
    if row.label == "backlog":
        return text + BACKLOG_MARK
    return text + TRUNCATED_MARK if row.latency.truncated else text


def asked_cell(row: Row) -> str:
    """Return the requests per second asked; a closed loop asks for none."""
    return show_rate(row.rate_asked_per_s)


def got_cell(row: Row) -> str:
    """Return the requests per second completed."""
    return show_rate(None if row.completed_per_s is None else row.completed_per_s.median)


def errors_cell(row: Row) -> str:
    """Return the error kinds that occurred, each with its count; `0` where none of the counted kinds did."""
    if row.completed_per_s is None:
        return DASH
    if not row.errors:
        return "0"
    return ", ".join(f"{ERROR_WORDS[kind]} {row.errors[kind]}" for kind in ERROR_KINDS if kind in row.errors)


def share_cell(row: Row) -> str:
    """Return failed requests as a share of attempted ones."""
    return show_share(row.error_share)


def cpu_cell(row: Row) -> str:
    """Return how busy the server's cores were."""
    return DASH if row.server_cpu_share is None else f"{row.server_cpu_share * 100:.0f}%"


def heading(column: str) -> str:
    """Return a latency column's heading: p99, mean, max."""
    return f"p{column}" if column[0].isdigit() else column

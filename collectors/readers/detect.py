"""Which tool wrote a file, from its first words, and what that tool's reader makes of it."""

from __future__ import annotations

from pathlib import Path

from collectors.errors import ReadError
from collectors.jsonio import parse_object, read_text
from collectors.model import LoadResult
from collectors.readers.iperf3 import Iperf3Result, read_iperf3
from collectors.readers.pacer import read_pacer
from collectors.readers.ping import PingResult, read_ping
from collectors.readers.wrk import read_wrk

KNOWN = "wrk's or wrk2's text, pacer's JSON, iperf3's JSON, ping's text"

Read = LoadResult | Iperf3Result | PingResult


def read_any(path: Path) -> tuple[str, Read]:
    """Return the tool's name and what its reader makes of the file; ReadError where no tool here wrote it."""
    text = read_text(path)
    start = text.lstrip()
    if not start:
        raise ReadError("the file is empty", file=path)
    if start.startswith("{"):
        return _json(text, path)
    if start.startswith("PING "):
        return "ping", read_ping(text, path)
    if start.startswith(("Running ", "$ wrk")):
        result = read_wrk(text, path)
        return result.tool, result
    line = text[: len(text) - len(start)].count("\n") + 1
    raise ReadError(f"not a file of a known tool ({KNOWN})", file=path, line=line, text=start.split("\n", 1)[0])


def _json(text: str, path: Path) -> tuple[str, Read]:
    top = parse_object(text, path)
    tool, start = top.get("tool"), top.get("start")
    if isinstance(tool, dict) and tool.get("name") == "pacer":
        return "pacer", read_pacer(text, path)
    if isinstance(start, dict) and str(start.get("version", "")).startswith("iperf"):
        return "iperf3", read_iperf3(text, path)
    raise ReadError(f"JSON, but not of a known tool ({KNOWN})", file=path)

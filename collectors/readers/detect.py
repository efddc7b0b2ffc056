"""Which tool wrote a file, from its first words, and what that tool's reader makes of it."""

from __future__ import annotations

from pathlib import Path

from collectors.errors import ReadError
from collectors.jsonio import parse_object, read_text
from collectors.model import LoadResult
from collectors.readers.fio import FioResult, is_fio, read_fio
from collectors.readers.floor import Floor, is_floor, read_floor
from collectors.readers.h2load import LOG_FILE, START, read_h2load
from collectors.readers.hlog import HistogramLog, read_hlog
from collectors.readers.iperf3 import Iperf3Result, read_iperf3
from collectors.readers.pacer import read_pacer
from collectors.readers.ping import PingResult, read_ping
from collectors.readers.sysbench import SysbenchResult, read_sysbench
from collectors.readers.wrk import read_wrk

KNOWN = (
    "wrk's, wrk2's or h2load's text, pacer's JSON or histogram log, pacer selftest's JSON, iperf3's JSON, ping's text, "
    "sysbench's text, fio's JSON"
)

Read = LoadResult | HistogramLog | Iperf3Result | PingResult | Floor | SysbenchResult | FioResult


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
    if start.startswith("sysbench "):
        return "sysbench", read_sysbench(text, path)
    if start.startswith((START, "$ h2load ")):
        return "h2load", read_h2load(text, path, log=_log_beside(path))
    if start.startswith(("Running ", "$ wrk")):
        result = read_wrk(text, path)
        return result.tool, result
    if start.startswith(("#[", '"StartTimestamp"', "Tag=")):
        return "histogram log", read_hlog(text, path)
    line = text[: len(text) - len(start)].count("\n") + 1
    raise ReadError(f"not a file of a known tool ({KNOWN})", file=path, line=line, text=start.split("\n", 1)[0])


def _log_beside(path: Path) -> tuple[str, Path] | None:
    """Return h2load's log of single requests where a run's folder or a name such as steady.log has one."""
    for log in (path.with_name(LOG_FILE), path.with_suffix(".log")):
        if log.is_file() and log != path:
            return read_text(log), log
    return None


def _json(text: str, path: Path) -> tuple[str, Read]:
    top = parse_object(text, path)
    if is_floor(top):
        return "floor", read_floor(text, path)
    if is_fio(top):
        return "fio", read_fio(text, path)
    tool, start = top.get("tool"), top.get("start")
    if isinstance(tool, dict) and tool.get("name") == "pacer":
        return "pacer", read_pacer(text, path)
    if isinstance(start, dict) and str(start.get("version", "")).startswith("iperf"):
        return "iperf3", read_iperf3(text, path)
    raise ReadError(f"JSON, but not of a known tool ({KNOWN})", file=path)

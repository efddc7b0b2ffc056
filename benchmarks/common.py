"""What the benchmark scripts share: facts about the machine, what others took of it, pinning, tables.

Every table says when and where it was measured and is written by the script that measured it.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pacer import __version__
from pacer.units import ABSENT

LATENCY_DEVICE = Path("/dev/cpu_dma_latency")
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
_STEAL = 7                  # its place in the cpu line of /proc/stat; guest time behind it is part of user time
_FIELDS = 8
_UNTIL_THE_END = contextlib.ExitStack()

Cell = str | int | float | None


def machine_facts() -> dict[str, str]:
    """Return what a reader has to know of the machine and the tree; "unknown" where it does not say."""
    return {
        "date": now_utc(),
        "cpu": _first_value("/proc/cpuinfo", "model name"),
        "cores": str(os.cpu_count()),
        "memory": _first_value("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "pacer": __version__,
        "commit": _git("rev-parse", "--short", "HEAD") + (" and changes" if _git("status", "--porcelain") else ""),
        "virtual machine": _output("systemd-detect-virt") or "unknown",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


@contextlib.contextmanager
def kept_awake() -> Iterator[dict[str, str]]:
    """Keep this machine's processors from sleeping meanwhile, as a campaign does; yield what came of it as a fact for
    the table. Without the right to it, or where the kernel has no such device, they sleep as before."""
    with contextlib.ExitStack() as stack:
        try:
            device = stack.enter_context(LATENCY_DEVICE.open("r+b", buffering=0))
            device.write(struct.pack("i", 0))
            fact = f"kept awake ({LATENCY_DEVICE} at 0)"
        except OSError as obstacle:
            fact = f"may sleep between two requests ({LATENCY_DEVICE}: {obstacle.strerror})"
        yield {"processors": fact}


def stay_awake() -> dict[str, str]:
    """Keep them so until this process ends; return what came of it, as `kept_awake` does."""
    return _UNTIL_THE_END.enter_context(kept_awake())


def now_utc() -> str:
    """Return the time of day, for people."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def cpu_ticks(cpu: int | None = None) -> tuple[int, ...]:
    """Return the ticks since boot of one CPU, or of all together, as /proc/stat has them."""
    name = "cpu" if cpu is None else f"cpu{cpu}"
    line = next(line for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()
                if line.split()[0] == name)
    return tuple(int(value) for value in line.split()[1:_FIELDS + 1])


def steal_share(before: Sequence[int], after: Sequence[int]) -> float:
    """Return what share of all CPU time the hypervisor gave to others between two readings of cpu_ticks."""
    total = sum(after) - sum(before)
    return (after[_STEAL] - before[_STEAL]) / total if total else 0.0


def pinned(command: list[str], cpu: int) -> list[str]:
    """Return the command bound to one CPU, as it is where that is not to be had."""
    if shutil.which("taskset") is None or cpu not in os.sched_getaffinity(0):
        return command
    return ["taskset", "-c", str(cpu), *command]


def write_table(path_md: Path, path_json: Path, title: str, rows: Sequence[dict[str, Cell]],
                facts: dict[str, str], *, notes: Sequence[str] = ()) -> None:
    """Write rows (all with the same keys, the columns) as Markdown and as JSON, with the facts; None as a dash."""
    columns = list(rows[0])
    lines = [f"# {title}", "", *(f"{note}\n" for note in notes), _line(columns), _line(["---"] * len(columns))]
    lines += [_line([show(row[column]) for column in columns]) for row in rows]
    lines += ["", *(f"- {name}: {value}" for name, value in facts.items())]
    path_md.parent.mkdir(parents=True, exist_ok=True)
    path_md.write_text("\n".join(lines) + "\n", encoding="utf-8")
    document: dict[str, Any] = {"title": title, "facts": facts, "rows": list(rows), "notes": list(notes)}
    path_json.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def with_kept(path_json: Path, rows: Sequence[dict[str, Cell]], order: Sequence[str]) -> list[dict[str, Cell]]:
    """Return the rows with those of an earlier table's other parts, in the parts' order. Rows name their `part`."""
    measured = {row["part"] for row in rows}
    earlier = json.loads(path_json.read_text(encoding="utf-8"))["rows"] if path_json.exists() else []
    kept = [row for row in earlier if row.get("part") in set(order) - measured and row.keys() == rows[0].keys()]
    return sorted([*kept, *rows], key=lambda row: order.index(row["part"]))


def show(value: Cell) -> str:
    """Return a cell as text: four digits of a fraction, a dash for what was not measured."""
    if value is None:
        return ABSENT
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _first_value(path: str, name: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, _colon, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _git(*arguments: str) -> str:
    return _output("git", "-C", str(ROOT), *arguments) or ""


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

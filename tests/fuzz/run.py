"""Fuzz one target: `python tests/fuzz/run.py TARGET --seconds 600`. Needs atheris (docs/fuzzing.md).

Counts seconds of the fuzzer's own processor time, and starts it again when it ends early (a hang, too much memory).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.fuzz.keep import keep_best  # noqa: E402 - after the path is set
from tests.fuzz.target import KEPT, TARGETS, load  # noqa: E402 - after the path is set

HANG_S = 300  # on the clock, which a busy machine stretches; libFuzzer ends its process
MEMORY_MB = 1024
MAX_BYTES = 131_072
_PULSE = re.compile(r"#(\d+)\s.*cov: (\d+) ft: (\d+)")


def main(arguments: Sequence[str]) -> int:
    """Fuzz, keep what is worth it, or print the figures of all campaigns in the folder."""
    grammar = argparse.ArgumentParser(description=__doc__)
    grammar.add_argument("target", choices=[*TARGETS, "table"])
    grammar.add_argument("--seconds", type=int, default=600, help="processor time (600)")
    grammar.add_argument("--work", type=Path, default=ROOT / "build" / "fuzz", help="corpus and finds (build/fuzz)")
    grammar.add_argument("--seeds", type=Path, action="append", default=[], metavar="DIR", help="more to begin with")
    grammar.add_argument("--keep", action="store_true", help="only put the best of the corpus into tests/golden/fuzz")
    given = grammar.parse_args(arguments)
    if given.target == "table":
        print("\n".join(table(given.work)))
        return 0
    folder = given.work / given.target
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    (folder / "finds").mkdir(exist_ok=True)
    plant(given.target, folder / "corpus", given.seeds)
    if given.keep:
        print(f"{given.target}: {keep_best(given.target, folder)} inputs kept")
        return 0
    return campaign(given.target, folder, given.seconds)


def plant(name: str, corpus: Path, folders: Sequence[Path]) -> None:
    """Put the seeds where libFuzzer begins."""
    files = [path for folder in (*folders, KEPT / name) for path in sorted(folder.rglob("*")) if path.is_file()]
    for seed in [*load(name).seeds(), *(path.read_bytes() for path in files)]:
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def campaign(name: str, folder: Path, seconds: int) -> int:
    """Run the fuzzer until the processor time is used; print and keep one line of figures."""
    executions = edges = features = 0
    while (left := seconds - used_s()) > 0:
        last = run(name, folder, max(5, round(left)))
        if last == (0, 0, 0):
            print(f"{name}: the fuzzer did not start, see {folder / 'log'}", file=sys.stderr)
            return 1
        executions, edges, features = executions + last[0], max(edges, last[1]), max(features, last[2])
    finds = sorted(path.name for path in (folder / "finds").iterdir())
    figures = {"seconds": round(used_s()), "executions": executions, "edges": edges, "features": features}
    with (folder / "figures").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(figures) + "\n")
    print(f"{name}: {', '.join(f'{value} {key}' for key, value in figures.items())}, {len(finds)} finds")
    print("".join(f"  {find}\n" for find in finds), end="")
    return 0


def run(name: str, folder: Path, seconds: int) -> tuple[int, int, int]:
    """Run the fuzzer once; return executions, edges and features."""
    limits = {
        "max_total_time": seconds,
        "timeout": HANG_S,
        "rss_limit_mb": MEMORY_MB,
        "max_len": MAX_BYTES,
        "report_slow_units": HANG_S,
    }
    options = [*(f"-{key}={value}" for key, value in limits.items()), f"-artifact_prefix={folder / 'finds'}/"]
    command = [sys.executable, str(ROOT / "tests" / "fuzz" / "fuzzer.py"), *options, str(folder / "corpus")]
    last = (0, 0, 0)
    with (
        subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace",
            env=os.environ | {"FUZZ_TARGET": name, "FUZZ_FOLDER": str(folder)},
        ) as child,
        (folder / "log").open("a", encoding="utf-8") as log,
    ):  # fmt: skip
        for line in child.stderr or ():
            pulse = _PULSE.match(line)
            if pulse is not None:
                last = (int(pulse[1]), int(pulse[2]), int(pulse[3]))
            else:
                log.write(line)
    return last


def used_s() -> float:
    """Processor time of the fuzzers that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(work: Path) -> list[str]:
    """The figures of every target, campaigns added up."""
    lines = ["| target | seconds | executions | edges | features |", "|---|--:|--:|--:|--:|"]
    for name in TARGETS:
        path = work / name / "figures"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        sums = [sum(row[key] for row in rows) for key in ("seconds", "executions")]
        most = [max((row[key] for row in rows), default=0) for key in ("edges", "features")]
        lines.append(f"| {name} | " + " | ".join(f"{value:,}" for value in [*sums, *most]) + " |")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Choose from a corpus the few inputs worth replaying by the unit test: small, and together reaching all it reaches."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.target import KEPT, ROOT, Target, load

MOST_FILES = 40
MOST_BYTES = 2048

Step = tuple[str, int, int]


def keep_best(name: str, folder: Path) -> int:
    """Replace tests/golden/fuzz/NAME/corpus; return how many inputs are there now."""
    target = load(name)
    reached: dict[bytes, set[Step]] = {}
    for data in sorted(merged(name, folder), key=lambda data: (len(data), data)):
        if len(data) <= MOST_BYTES:
            reached[data] = steps(target, data)
    kept = KEPT / name / "corpus"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    chosen = best(reached)
    for data in chosen:
        (kept / hashlib.sha1(data).hexdigest()[:10]).write_bytes(data)
    return len(chosen)


def merged(name: str, folder: Path) -> list[bytes]:
    """The corpus without what libFuzzer finds to add nothing (-merge=1)."""
    with tempfile.TemporaryDirectory() as empty:
        subprocess.run(
            [sys.executable, str(ROOT / "tests" / "fuzz" / "fuzzer.py"), "-merge=1", empty, str(folder / "corpus")],
            env=os.environ | {"FUZZ_TARGET": name, "FUZZ_FOLDER": str(folder)},
            check=True,
            capture_output=True,
        )
        return [path.read_bytes() for path in Path(empty).iterdir()]


def steps(target: Target, data: bytes) -> set[Step]:
    """The steps from line to line that an input makes in the code under test."""
    found: set[Step] = set()
    last: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        file = frame.f_code.co_filename
        if "/pacer/" not in file and "/collectors/" not in file:
            return None
        if event == "line":
            found.add((file, last.get(frame, 0), frame.f_lineno))
            last[frame] = frame.f_lineno
        return trace

    sys.settrace(trace)
    try:
        target.check(data)
    finally:
        sys.settrace(None)
    return found


def best(reached: Mapping[bytes, set[Step]]) -> list[bytes]:
    """The inputs that add most, one after the other, until none adds anything or there are enough."""
    chosen: list[bytes] = []
    seen: set[Step] = set()
    while reached and len(chosen) < MOST_FILES:
        most = max(reached, key=lambda data: (len(reached[data] - seen), -len(data), data))
        if not reached[most] - seen:
            break
        chosen.append(most)
        seen |= reached[most]
    return chosen

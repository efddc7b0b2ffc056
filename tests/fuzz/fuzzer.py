"""The process that libFuzzer runs in (tests/fuzz/run.py starts it): instrument, mutate, check, keep the finds.

It goes on after a find: each kind is kept once, with the smallest input of it.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.mutate import mutations
from tests.fuzz.patches import patch_mutations
from tests.fuzz.target import load

SLOW_S = 5.0  # own processor time of one input
PLAIN_SHARE = 0.4  # mutations that libFuzzer makes, which know nothing of the format


def main(name: str, folder: Path, arguments: list[str]) -> None:
    """Fuzz until libFuzzer ends the process."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["pacer", "collectors"]):
        target = load(name)
    structured = mutations(target.shape, target.words, [path.read_bytes() for path in (folder / "corpus").iterdir()])
    if target.documents:
        structured += patch_mutations(target.documents) * len(structured)

    def one(data: bytes) -> None:
        begin = time.process_time()
        try:
            target.check(data)
        except Exception as error:
            keep(folder, signature(error), data, traceback.format_exc())
        took = time.process_time() - begin
        if took > SLOW_S:
            keep(folder, "slow", data, f"{took:.1f} s for {len(data)} bytes")

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < PLAIN_SHARE:
            return bytes(atheris.Mutate(data, max_size))
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            data = random.choice(structured)(data, random)[:max_size]
        return data

    # A merge starts itself again through the shell, by its first argument.
    atheris.Setup([f"{sys.executable} {__file__}", *arguments], one, custom_mutator=mutate)
    atheris.Fuzz()


def signature(error: Exception) -> str:
    """A name for a kind of find: the exception, and where it came from."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    words = re.sub(r"[^a-z]+", "-", re.sub(r"'[^']*'|\[[^]]*\]", "", str(error).lower()))[:40].strip("-")
    return f"{type(error).__name__}-{Path(frame.filename).stem}-{frame.lineno}-{words}"


def keep(folder: Path, name: str, data: bytes, report: str) -> None:
    """Keep a find where it is the first of its kind or the smallest."""
    path = folder / "finds" / name
    if path.exists() and path.stat().st_size <= len(data):
        return
    temporary = folder / f".{name}.{os.getpid()}"
    temporary.write_bytes(data)
    temporary.replace(path)
    with (folder / "reports").open("a", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(f"== {name}: {data[:300]!r}\n{report}\n")


if __name__ == "__main__":
    main(os.environ["FUZZ_TARGET"], Path(os.environ["FUZZ_FOLDER"]), sys.argv[1:])

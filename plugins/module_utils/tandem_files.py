"""Small file helpers for what runs on the machines: complete JSON files or none."""

from __future__ import annotations

import json
import os
from typing import Any


def write_json(path: str, value: dict[str, Any]) -> None:
    """Write value as JSON so that a reader sees the old file or the whole new one.

    Raises OSError when the disk refuses. A run that a power cut ends is made again, so nothing waits for the disk.
    """
    partial = f"{path}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, sort_keys=True, allow_nan=False)
        file.write("\n")
    os.replace(partial, path)


def read_text(path: str) -> str | None:
    """The file's text, or None when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None

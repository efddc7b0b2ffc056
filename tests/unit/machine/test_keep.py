"""Evidence on the controller: texts as they are, everything else as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from plugins.action.tandem_keep import keep


def test_texts_and_json_are_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "link" / "before"
    keep(folder, {"ping.txt": "64 bytes\n", "facts.json": {"b": None, "a": [1]}})
    assert (folder / "ping.txt").read_text() == "64 bytes\n"
    assert json.loads((folder / "facts.json").read_text()) == {"a": [1], "b": None}
    assert sorted(path.name for path in folder.iterdir()) == ["facts.json", "ping.txt"]

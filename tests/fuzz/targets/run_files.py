"""collectors/readers/run_files.py: how the generator ended, the contract check, how the daemon ended."""

from __future__ import annotations

from typing import Any

from collectors.codec import to_json
from collectors.errors import ReadError
from collectors.jsonio import dump
from collectors.readers.run_files import read_contract, read_load_exit, read_stop
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, check_figures, in_a_file, patch_seeds, read_twice

DOCUMENTS: dict[str, Any] = {
    "load-exit": {
        "schema_version": 1,
        "argv": ["wrk", "http://h/"],
        "exit_status": 0,
        "timed_out": False,
        "started_utc": "2026-01-01T00:00:00Z",
        "wall_s": 30.2,
    },
    "stop": {"schema_version": 1, "active_state": "failed", "result": "signal", "exit_status": 9, "restarts": 1},
    "contract": {
        "schema_version": 1,
        "ok": False,
        "failure": {"kind": "wrong-answer", "message": "the status is 500"},
        "requests": 500,
        "reply_bytes": 7262,
        "body_bytes": 7100,
        "headers": {"Server": "x"},
        "keep_alive": False,
        "wait_s": 0.4,
    },
    "sound": {
        "schema_version": 1,
        "ok": True,
        "failure": None,
        "requests": 5,
        "reply_bytes": 70,
        "body_bytes": 7,
        "headers": None,
        "keep_alive": True,
        "wait_s": 0,
    },
}


def check(data: bytes) -> bool:
    """Each of the three readers returns a value in order, or raises a ReadError."""
    path = in_a_file(patched(data, DOCUMENTS))
    accepted = False
    readers: tuple[Any, ...] = (read_load_exit, read_stop, read_contract)
    for reader in readers:
        result: Any = read_twice(lambda reader=reader: reader(path), ReadError)  # type: ignore[misc]
        if result is not None:
            check_figures(result, signed=frozenset({"exit_status"}))
            dump(to_json(result)).encode("utf-8")
            accepted = True
            if reader is read_stop:
                assert result.sentence
                assert isinstance(result.died, bool)
    return accepted


TARGET = Target(check=check, seeds=lambda: patch_seeds(DOCUMENTS), shape="json", documents=DOCUMENTS)

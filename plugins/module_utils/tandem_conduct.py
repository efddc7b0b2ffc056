"""What a daemon does beside answering: whether its processes live on, and how many database sessions it keeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same modules, where mypy finds them
    from tandem_contract import check
    from tandem_files import read_text
else:
    from ansible.module_utils.tandem_contract import check
    from ansible.module_utils.tandem_files import read_text

SESSIONS_S = 2.0
"""A session that is being closed has this long to be gone."""
ESTABLISHED = "01"


def sessions_at(port: int, root: str = "") -> int:
    """Number of open connections to a port of this machine, from its own end (/proc/net/tcp, state 01)."""
    return sum(_is_session(line, port) for name in ("tcp", "tcp6")
               for line in (read_text(f"{root}/proc/net/{name}") or "").splitlines()[1:])


def _is_session(line: str, port: int) -> bool:
    """Whether a line of /proc/net/tcp (number, own address:port in hexadecimal, other end, state) is one."""
    words = line.split()
    return words[3] == ESTABLISHED and int(words[1].rpartition(":")[2], 16) == port


def no_more_than(most: int, count: Callable[[], int], within_s: float = SESSIONS_S) -> int | None:
    """Wait until `count` is at most `most`; what it still is after `within_s` seconds when it is more, else None."""
    deadline = time.monotonic() + within_s
    while (found := count()) > most:
        if time.monotonic() > deadline:
            return found
        time.sleep(0.02)
    return None


def hold(
    contract: dict[str, Any],
    address: tuple[str, int],
    timeout_s: float,
    *,
    alive: Callable[[], bool],
    processes: Callable[[], set[int]],
    sessions: Callable[[], int],
) -> dict[str, Any]:
    """Hold a daemon against its contract, and against what follows from it; the dictionary is contract.json.

    `contract` is that of a planned run; its `sessions` is the most database sessions that the daemon may keep between
    requests. `processes` lists the daemon's processes, `sessions` counts its open database sessions. A worker that ends
    and is replaced may never be noticed by who asks, so the processes of the first good answer must be there after the
    last.
    """
    then: set[int] = set()
    found: dict[str, Any] = check(
        *address, contract, contract.get("body_bytes"), contract["requests"], timeout_s, alive=alive,
        answered=lambda: then.update(processes()),
    )
    if not found["ok"]:
        return found
    asked, replies = f"{contract['method']} {contract['path']}", found["requests"] + 1
    gone = then - processes()
    if gone:
        return _failed(found, f"{asked}: expected every worker to live on, found {len(gone)} of {len(then)} processes "
                              f"ended during {replies} replies")
    most = contract.get("sessions")
    kept = None if most is None else no_more_than(most, sessions)
    if kept is not None:
        return _failed(found, f"{asked}: expected at most {most} open database sessions after {replies} replies, "
                              f"found {kept}")
    return found


def _failed(found: dict[str, Any], message: str) -> dict[str, Any]:
    return {**found, "ok": False, "failure": {"kind": "wrong-answer", "message": message}}

"""Verify one daemon: on each data set its start, every endpoint's contract, its end, and what it leaves behind."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.tandem_conduct import no_more_than
from ansible.module_utils.tandem_daemon import end_gently, log_of, properties
from ansible.module_utils.tandem_steps import checked, own_sessions

LEFT_S = 10.0
"""PostgreSQL has this long to notice that a daemon's connections are closed."""
LOG_LINES = 12
GIVEN_UP = {"did-not-start", "timeout"}
"""Failures after which the daemon's other endpoints are not asked: each would be waited for."""


def verify(params: dict[str, Any]) -> dict[str, Any]:
    """Check the service on all data sets.

    `msg` holds a line for each endpoint, in the order of the contract, one more for a fault that is no endpoint's, and
    after a failure the last lines of the daemon's log.
    """
    service = params["service"]
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    faults: list[str] = []
    log: list[str] = []
    for part in service["checks"]:
        good = _on(params, part, found)
        state = properties(service["unit"])
        _after(params, part["dataset"], faults)
        if not good or faults:
            log = log or log_of(state.get("InvocationID", "")).splitlines()[-LOG_LINES:]
    lines = [f"{service['id']} {path}: {_said(results)}" for path, results in found.items()]
    lines += [f"{service['id']}: FAILED {fault}" for fault in faults]
    return {"ok": not any(": FAILED " in line for line in lines), "changed": False,
            "msg": [*lines, *(f"  | {line}" for line in log)]}


def _on(
    params: dict[str, Any], part: dict[str, Any], found: dict[str, list[tuple[str, dict[str, Any]]]]
) -> bool:
    """Start the daemon on one data set and ask all endpoints; whether each kept its contract."""
    good, running = True, False
    for contract in part["contracts"]:
        running = running and "answers" not in contract     # which are counted from the start
        result = checked(params, contract, running=running, database=part["database"])
        running = True
        failure = result.get("failure")
        if result["ok"] and result["keep_alive"] != params["service"]["keep_alive"]:
            kept, closed = "connections that stay open", "connections that are closed"
            wanted, seen = (kept, closed) if params["service"]["keep_alive"] else (closed, kept)
            failure = {"kind": "wrong-answer", "message": f"expected {wanted} after a reply, found {seen}"}
        found.setdefault(contract["path"], []).append((part["dataset"], {**result, "failure": failure}))
        good = good and failure is None
        if failure and failure["kind"] in GIVEN_UP:
            break
    return good


def _after(params: dict[str, Any], dataset: str, faults: list[str]) -> None:
    """Stop the daemon; note what it did wrong in that, and the database sessions that it leaves."""
    fault = end_gently(params["service"]["unit"])
    left = no_more_than(0, lambda: own_sessions(params), LEFT_S)
    if left is not None:
        fault = fault or f"expected no database session after its end, found {left}"
    if fault:
        faults.append(f"on {dataset}: {fault}")


def _said(results: list[tuple[str, dict[str, Any]]]) -> str:
    """One endpoint's line: ok with what was seen, or its first failure."""
    for dataset, result in results:
        if result["failure"]:
            return f"FAILED on {dataset}: {result['failure']['message']}"
    sizes = list(dict.fromkeys(str(result["body_bytes"]) for _, result in results))
    replies = sum(result["requests"] + 1 for _, result in results)
    connections = "kept" if results[0][1]["keep_alive"] else "closed"
    return f"ok ({' and '.join(sizes)} bytes, connections {connections}, {replies} replies)"

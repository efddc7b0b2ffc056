"""Results folders as a campaign leaves them, made from real tool output and a few numbers."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.collectors.tool_output import Snapshot, counters, golden_json, pacer_result, wrk_text

ENDPOINT_BYTES = {"index": 18, "agents": 7100}
USUAL_SERVER, USUAL_CLIENT = Snapshot(), Snapshot(busy=0.2)


def write(path: Path, value: object) -> None:
    """A JSON file, folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


ROUNDS: dict[str, dict[str, Any]] = {
    "calibration": {
        "generator": "wrk",
        "path": "localhost",
        "rate_per_s": None,
        "connections": 64,
        "threads": 2,
        "warmup_s": 2,
        "duration_s": 10,
        "timeout_s": 10,
        "endpoints": ["index", "agents"],
        "loop": "closed",
    },
    "sustained": {
        "generator": "pacer",
        "path": "link",
        "rate_per_s": 400,
        "connections": 64,
        "threads": None,
        "warmup_s": 3,
        "duration_s": 25,
        "timeout_s": 10,
        "endpoints": ["index", "agents"],
        "loop": "open",
    },
    "light": {
        "generator": "pacer",
        "path": "link",
        "rate_per_s": 10,
        "connections": 10,
        "threads": None,
        "warmup_s": 1,
        "duration_s": 15,
        "timeout_s": 10,
        "endpoints": ["index", "agents"],
        "loop": "open",
    },
}
KEEP_ALIVE = {"django": False, "flask": False, "api-hour": True}


def plan(
    *,
    rounds: Sequence[str] = ("calibration", "sustained", "light"),
    blocks: int = 1,
    services: Sequence[str] = ("django", "flask", "api-hour"),
    postgresql: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A frozen plan; runs are in order of block, round, endpoint, service."""
    chosen = {name: copy.deepcopy(ROUNDS[name]) for name in rounds}
    runs: list[dict[str, Any]] = []
    for block in range(1, blocks + 1):
        for name, load in chosen.items():
            for endpoint in load["endpoints"]:
                for service in services:
                    index = len(runs) + 1
                    runs.append(
                        {
                            "id": f"{index:04d}-{service}-{endpoint}-{name}-b{block}",
                            "index": index,
                            "block": block,
                            "service": service,
                            "endpoint": endpoint,
                            "round": name,
                            "profile": "tuned",
                            "label": f"{service} /{endpoint}, {name}",
                            "bind": "10.99.10.1",
                            "url": f"http://10.99.10.1:8000/{endpoint}",
                            "load_on": "client" if load["path"] == "link" else "server",
                            "load_argv": [
                                "wrk",
                                "-t2",
                                "-c64",
                                "-d10s",
                                "--latency",
                                "--timeout",
                                "10s",
                                "http://x/",
                            ]
                            if load["generator"] == "wrk"
                            else ["python3", "/opt/tandem/pacer.pyz", "http://x/"],
                            "warmup_argv": None,
                            "contract": {},
                            "expected_s": 30.0,
                            "deadline_s": 90,
                        }
                    )
    return {
        "schema_version": 1,
        "campaign": "quick",
        "description": "The three rounds of 2015, shortened",
        "created_utc": "2026-03-01T10:00:00Z",
        "seed": 20150301,
        "blocks": blocks,
        "workers": 16,
        "dataset": "empty-join",
        "database": "tandem_empty_join",
        "profile": {
            "name": "tuned",
            "description": "A sound modern default",
            "kernel": {},
            "limits": {},
            "postgresql": dict(postgresql or {}),
            "refused": {"net.ipv4.tcp_mem": "30000000 pages is 114 GiB"},
        },
        "versions": {"tandem": "0.1.0", "commit": "0123abc", "dirty": False},
        "services": [
            {
                "id": name,
                "app": name,
                "variant": "default",
                "unit": f"tandem-{name}.service",
                "description": f"{name} as published",
                "argv": [],
                "env": {},
                "port": 8000,
                "keep_alive": KEEP_ALIVE.get(name, False),
                "pool_size": 0,
            }
            for name in services
        ],
        "rounds": chosen,
        "runs": runs,
        "cost": {"runs": len(runs), "seconds": 30.0 * len(runs)},
        "feasibility": [
            {
                "kind": "samples",
                "where": "light",
                "value": 150,
                "limit": 1000,
                "fatal": False,
                "advice": "150 requests per run support no p99 (p99 needs 1000)",
            }
        ],
    }


@dataclass(frozen=True, kw_only=True)
class Given:
    """What one run left behind; None leaves a file out."""

    pacer: Mapping[str, Any] | None = None
    wrk: str | None = None
    contract_failure: Mapping[str, str] | None = None
    body_bytes: int | None = None
    keep_alive: bool | None = None
    died: bool = False
    exit_status: int = 0
    timed_out: bool = False
    stderr: str = ""
    server: Snapshot | None = USUAL_SERVER
    client: Snapshot | None = USUAL_CLIENT


class Campaign:
    """A results folder under construction."""

    def __init__(self, directory: Path, document: dict[str, Any] | None = None) -> None:
        self.directory = directory
        self.document = document or plan()
        write(directory / "campaign.json", self.document)

    def run_of(self, service: str, endpoint: str, round_: str, block: int = 1) -> dict[str, Any]:
        """The planned run of a cell."""
        for run in self.document["runs"]:
            if (run["service"], run["endpoint"], run["round"], run["block"]) == (
                service,
                endpoint,
                round_,
                block,
            ):
                return dict(run)
        raise AssertionError((service, endpoint, round_, block))

    def leave(self, run: Mapping[str, Any], given: Given) -> Path:
        """Write what a run leaves behind and return its folder."""
        folder = self.directory / "runs" / str(run["id"])
        failure = given.contract_failure
        declared = KEEP_ALIVE.get(run["service"], False)
        body = given.body_bytes if given.body_bytes is not None else ENDPOINT_BYTES[run["endpoint"]]
        write(folder / "settings.json", {"schema_version": 1, "profile": "tuned"})
        write(
            folder / "contract.json",
            {
                "schema_version": 1,
                "ok": failure is None,
                "failure": failure,
                "requests": 500,
                "reply_bytes": body + 162,
                "body_bytes": body,
                "headers": {"Content-Type": "application/json"},
                "wait_s": 0.4,
                "keep_alive": declared if given.keep_alive is None else given.keep_alive,
            },
        )
        write(
            folder / "stop.json",
            {
                "schema_version": 1,
                "active_state": "failed" if given.died else "active",
                "result": "signal" if given.died else "success",
                "exit_status": 9 if given.died else 0,
                "restarts": 0,
            },
        )
        (folder / "daemon.log").write_text("listening\n", encoding="utf-8")
        if failure is None:
            self._load(folder, run, given)
        return folder

    def _load(self, folder: Path, run: Mapping[str, Any], given: Given) -> None:
        wrk = given.wrk if given.wrk is not None or run["load_on"] == "client" else wrk_text()
        pacer = given.pacer if given.pacer is not None or run["load_on"] == "server" else _usual(run["round"])
        (folder / "command.txt").write_text(" ".join(run["load_argv"]) + "\n", encoding="utf-8")
        (folder / "stdout.txt").write_text(wrk or "pacer 0.1.0\n", encoding="utf-8")
        (folder / "stderr.txt").write_text(given.stderr, encoding="utf-8")
        if pacer is not None:
            write(folder / "load.json", pacer)
        write(
            folder / "load-exit.json",
            {
                "schema_version": 1,
                "argv": run["load_argv"],
                "exit_status": given.exit_status,
                "timed_out": given.timed_out,
                "started_utc": "2026-03-01T10:00:00.000Z",
                "wall_s": 28.4,
            },
        )
        for machine, change in (("server", given.server), ("client", given.client)):
            if change is not None and (machine == "server" or run["load_on"] == "client"):
                for when in ("before", "after"):
                    write(folder / "counters" / f"{machine}-{when}.json", counters(machine, when, change))


def _usual(round_: str) -> dict[str, Any]:
    return pacer_result() if round_ == "sustained" else pacer_result(rate=10, duration_s=15, p50_us=1200)


def link_raw(directory: Path, when: str = "before", *, mbit: float = 941.0, loss: int = 0) -> Path:
    """link/<when> as the link role leaves it, at a given throughput."""
    folder = directory / "link" / when
    for name in ("forward", "reverse", "bidir"):
        document = golden_json(f"iperf3/{name}.json")
        document["start"]["tcp_mss_default"] = 1448
        for key in ("sum_sent", "sum_sent_bidir_reverse"):
            if key in document["end"]:
                document["end"][key]["retransmits"] = 0
        for row in document["intervals"]:
            for key in ("sum", "sum_bidir_reverse"):
                if key in row:
                    row[key]["bits_per_second"] = mbit * 1e6
        write(folder / f"{name}.json", document)
    echoes = [f"64 bytes from 10.99.10.1: icmp_seq={n + 1} ttl=64 time=0.05{n % 10} ms" for n in range(1000 - loss)]
    summary = f"1000 packets transmitted, {1000 - loss} received, {loss / 10:g}% packet loss, time 9990ms"
    text = [
        "PING 10.99.10.1 (10.99.10.1) 56(84) bytes of data.",
        *echoes,
        "",
        "--- 10.99.10.1 ping statistics ---",
        summary,
        "rtt min/avg/max/mdev = 0.050/0.054/0.059/0.002 ms",
    ]
    (folder / "ping.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    return folder

"""Real daemons whose memory and threads for each open connection are known, and a run against one without the lab."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tandem_telemetry

ROOT = Path(__file__).resolve().parents[3]
PER_CONNECTION = 256 * 4096
SERVER = r'''
import asyncio, mmap, socket, sys, threading

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok"
kind, size = sys.argv[1], int(sys.argv[2])
CONTENT = b"x" * size
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(listener.getsockname()[1], flush=True)


def hold():
    """Memory of its own, each page written: what an allocator would keep or share is none of the figure."""
    held = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held[:] = CONTENT
    return held


def reply():
    return REPLY % (b"Connection: close\r\n" if kind == "closing" else b"")


def serve(connection):
    with connection, hold() as held:
        while connection.recv(65536):
            connection.sendall(reply())
            if kind == "closing":
                return


async def handle(reader, writer):
    held = hold()
    while await reader.read(65536):
        writer.write(reply())


async def loop():
    await (await asyncio.start_server(handle, sock=listener, backlog=1024)).serve_forever()


if kind == "loop":
    asyncio.run(loop())
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
'''
"""One thread for each connection, or an event loop, or closing each after its reply."""


def run_against(kind: str, folder: Path, *, connections: int, duration_s: float, rate: float) -> str:
    """Leave telemetry/server.jsonl of a load that pacer put on such a daemon; return when the load began."""
    group = folder / "group"
    group.mkdir()
    words = [sys.executable, "-c", SERVER, kind, str(PER_CONNECTION)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        port = int(daemon.stdout.readline())
        (group / "cgroup.procs").write_text(f"{daemon.pid}\n")
        path = folder / "telemetry/server.jsonl"
        watcher = threading.Thread(target=_watch, args=(path, group, port, duration_s + 3))
        watcher.start()
        while not path.is_file() or not path.stat().st_size:
            time.sleep(0.01)
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        subprocess.run(
            [sys.executable, "-m", "pacer", "-R", f"{rate:g}", "-c", str(connections), "-d", f"{duration_s:g}",
             f"http://127.0.0.1:{port}/"],
            cwd=ROOT, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        watcher.join()
        daemon.kill()
    return started


def _watch(path: Path, group: Path, port: int, seconds: float) -> None:
    """As tandem_telemetry.watch does, with a folder for a control group."""
    found = tandem_telemetry.group_folder
    tandem_telemetry.group_folder = lambda *_: str(group)
    try:
        tandem_telemetry.watch("tandem-a.service", port, str(path), seconds)
    finally:
        tandem_telemetry.group_folder = found


def sample(second: float, *, held: dict[str, Any] | None = None, clock_s: float = 1_772_359_200) -> dict[str, Any]:
    """A line of telemetry as it would be so many seconds after the load began (1 March 2026, 10:00)."""
    at_ns = round((clock_s + second) * 1e9)
    usual = {
        "schema_version": 1, "monotonic_ns": at_ns - 10**18, "realtime_ns": at_ns, "processes": 3, "threads": 5,
        "rss_bytes": 90 * 2**20, "source": "processes", "anon_bytes": 40 * 2**20, "group": None,
        "connections": {"accepted": 0, "waiting": 0}, "cost_ns": 2_000_000,
    }  # fmt: skip
    return usual | (held or {})

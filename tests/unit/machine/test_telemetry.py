"""What the sampler sees: files as the kernel writes them, and real processes, threads and connections."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tandem_connections
import tandem_sampler as sampler
import tandem_telemetry as telemetry

from plugins.action import tandem_run as action

UNIT = "tandem-a.service"
GROUP = f"/system.slice/{UNIT}"
STAT = "{pid} (a) b) {state} 1 1 1 0 -1 4194560 9 0 0 0 12 3 0 0 20 0 {threads} 0 99 1000000 {pages} 18446744073709551"
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000001 00:00000000 00000000   999        0 31337 1 0 100 0 0 10 0
   1: 0100007F:1F40 0200007F:9C40 01 00000000:00000000 00:00000000 00000000   999        0 31338 1 0 20 4 30 10 -1
   2: 0100007F:1F40 0200007F:9C41 01 00000000:00000000 02:00000F00 00000000   999        0 31339 1 0 20 4 30 10 -1
   3: 0100007F:1F40 0200007F:9C42 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
   4: 0100007F:1F40 0200007F:9C43 08 00000000:00000000 00:00000000 00000000   999        0 31340 1 0 20 4 30 10 -1
   5: 0200007F:9C40 0100007F:1F40 01 00000000:00000000 00:00000000 00000000  1000        0 31341 1 0 20 4 30 10 -1
   6: 0100007F:1F41 0200007F:9C44 01 00000000:00000000 00:00000000 00000000   999        0 31342 1 0 20 4 30 10 -1
"""
TCP6 = (
    "   0: 0000000000000000FFFF00000100007F:1F40 0000000000000000FFFF00000200007F:A000 01 00000000:00000000 "
    "00:00000000 00000000   999        0 777 1 0 20 4 30 10 -1\n"
)
MEMORY_STAT = "anon 41000\nfile 5000\nkernel 9000\nkernel_stack 4000\npagetables 2000\nsock 700\nslab 1500\n"


def fake(root: Path, *, accounts: bool, processes: dict[int, tuple[int, int, int]]) -> str:
    """A machine with a daemon of some processes: threads, resident pages and kB of anonymous memory of each."""
    folder = root / f"sys/fs/cgroup{GROUP}"
    (folder / "inner").mkdir(parents=True)
    pids = sorted(processes)
    (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids[:1]))
    (folder / "inner/cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids[1:]) + "0\n")
    if accounts:
        (folder / "memory.current").write_text("60000\n")
        (folder / "memory.stat").write_text(MEMORY_STAT)
    for pid, (threads, pages, anon_kb) in {**processes, 1: (9, 9, 9)}.items():
        proc = root / f"proc/{pid}"
        proc.mkdir(parents=True)
        group = "/init.scope" if pid == 1 else GROUP
        (proc / "cgroup").write_text(f"4:memory:{group}\n0::{group}\n")
        (proc / "stat").write_text(STAT.format(pid=pid, state="S", threads=threads, pages=pages))
        (proc / "smaps_rollup").write_text(f"Rss: {pages * 4} kB\nPss: 5 kB\nPss_Anon:      {anon_kb} kB\n")
    (root / "proc/net").mkdir()
    (root / "proc/net/tcp").write_text(TCP)
    (root / "proc/net/tcp6").write_text(TCP6)
    return str(root)


def test_memory_is_what_the_kernel_charges_to_the_group(tmp_path: Path) -> None:
    root = fake(tmp_path, accounts=True, processes={70: (1, 100, 7), 71: (30, 200, 8)})
    found = telemetry.look(UNIT, 8000, telemetry.group_folder(root, UNIT), root)
    assert (found["source"], found["anon_bytes"]) == ("group", 41000)
    assert found["group"] == {
        "current_bytes": 60000, "anon_bytes": 41000, "file_bytes": 5000, "kernel_bytes": 9000, "sock_bytes": 700,
    }
    assert (found["processes"], found["threads"]) == (2, 31)
    assert found["rss_bytes"] == 300 * os.sysconf("SC_PAGE_SIZE")


def test_where_the_kernel_charges_none_it_is_summed_over_the_processes(tmp_path: Path) -> None:
    root = fake(tmp_path, accounts=False, processes={70: (1, 100, 7), 71: (30, 200, 8)})
    found = telemetry.look(UNIT, 8000, telemetry.group_folder(root, UNIT), root)
    assert (found["source"], found["anon_bytes"], found["group"]) == ("processes", 15 * 1024, None)


def test_without_a_group_of_version_2_the_processes_are_found_by_the_units_name(tmp_path: Path) -> None:
    root = fake(tmp_path, accounts=False, processes={70: (1, 100, 7), 71: (30, 200, 8)})
    for pid in (70, 71):
        (tmp_path / f"proc/{pid}/cgroup").write_text(f"1:name=systemd:{GROUP}\n")
    assert telemetry.group_folder(root, UNIT) is None
    assert telemetry.look(UNIT, 8000, None, root)["processes"] == 2


def test_before_linux_5_18_the_kernels_part_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("1\n")
    (tmp_path / "memory.stat").write_text(MEMORY_STAT.replace("kernel 9000\n", ""))
    found = telemetry.group_memory(str(tmp_path))
    assert found is not None
    assert found["kernel_bytes"] == 4000 + 2000 + 1500


def test_open_connections_are_those_at_the_port_and_apart_from_those_in_the_queue(tmp_path: Path) -> None:
    root = fake(tmp_path, accounts=True, processes={70: (1, 1, 1)})
    assert tandem_connections.connections(8000, root) == {"accepted": 3, "waiting": 1}
    assert tandem_connections.connections(9, root) == {"accepted": 0, "waiting": 0}


def test_a_process_that_ended_meanwhile_counts_for_nothing(tmp_path: Path) -> None:
    root = fake(tmp_path, accounts=False, processes={70: (1, 100, 7), 71: (30, 200, 8)})
    (tmp_path / "proc/71/stat").write_text(STAT.format(pid=71, state="Z", threads=1, pages=0))
    (tmp_path / "proc/71/smaps_rollup").unlink()
    found = telemetry.look(UNIT, 8000, telemetry.group_folder(root, UNIT), root)
    assert (found["processes"], found["threads"], found["anon_bytes"]) == (1, 1, 7 * 1024)


def test_a_daemon_that_is_gone_has_nothing(tmp_path: Path) -> None:
    root = fake(tmp_path, accounts=False, processes={70: (1, 100, 7)})
    folder = telemetry.group_folder(root, UNIT)
    assert folder is not None
    for name in ("cgroup.procs", "inner/cgroup.procs"):
        (Path(folder) / name).unlink()
    found = telemetry.look(UNIT, 8000, folder, root)
    assert (found["processes"], found["threads"], found["anon_bytes"]) == (0, 0, None)


CHILD = """
import sys, threading
gate = threading.Event()
for _ in range(int(sys.argv[1])):
    threading.Thread(target=gate.wait, daemon=True).start()
held = bytearray(b"x" * int(sys.argv[2]))
print("ready", flush=True)
input()
"""


def child(stack: ExitStack, threads: int, size: int) -> subprocess.Popen[str]:
    process = stack.enter_context(subprocess.Popen(
        [sys.executable, "-c", CHILD, str(threads), str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ))
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_real_processes_hold_what_they_were_told_to(tmp_path: Path) -> None:
    """Two of which one has 20 threads and 64 MB more than the other."""
    with ExitStack() as stack:
        plain, large = child(stack, 0, 0), child(stack, 20, 64_000_000)
        found = []
        for process in (plain, large):
            (tmp_path / "cgroup.procs").write_text(f"{process.pid}\n")
            found.append(telemetry.look(UNIT, 8000, str(tmp_path)))
        for process in (plain, large):
            process.communicate("\n")
    assert found[1]["threads"] - found[0]["threads"] == 20
    assert found[1]["anon_bytes"] - found[0]["anon_bytes"] == pytest.approx(64_000_000, rel=0.05)
    assert found[1]["rss_bytes"] - found[0]["rss_bytes"] == pytest.approx(64_000_000, rel=0.05)


@pytest.fixture(params=["127.0.0.1", "::1"])
def seven_of_which_five_are_accepted(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port of this machine."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server((request.param, 0), family=family, backlog=16))
        port = server.getsockname()[1]
        for _ in range(7):
            stack.enter_context(socket.create_connection((request.param, port)))
        for _ in range(5):
            stack.enter_context(server.accept()[0])
        stack.enter_context(server.accept()[0]).close()
        yield port


def test_real_connections_are_counted_where_they_are(seven_of_which_five_are_accepted: int) -> None:
    """The sixth was accepted and closed: it is open no more."""
    port = seven_of_which_five_are_accepted
    assert tandem_connections.connections(port) == {"accepted": 5, "waiting": 1}
    asked = tandem_connections.asked(port)
    assert asked is not None
    assert len(asked) == 6


def test_where_the_kernel_is_not_to_be_asked_its_list_is_read(
    seven_of_which_five_are_accepted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tandem_connections, "SOCK_DIAG", 9999)
    assert tandem_connections.asked(seven_of_which_five_are_accepted) is None
    assert tandem_connections.connections(seven_of_which_five_are_accepted) == {"accepted": 5, "waiting": 1}


def test_the_kernels_refusal_is_no_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tandem_connections, "SOCK_DIAG_BY_FAMILY", 99)
    assert tandem_connections.asked(80) is None


def modules() -> list[list[str]]:
    found: list[list[str]] = json.loads(action.program({}))["modules"]
    return found


def run_as_there(given: str, limit_s: float = 30) -> float:
    """Run the sampler's program as a machine does, isolated; the seconds that it took."""
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", action.LOADER], input=given.encode(),
                          capture_output=True, check=False, cwd="/", timeout=limit_s)
    assert (done.returncode, done.stderr) == (0, b"")
    return time.monotonic() - begin


def test_the_program_samples_alone_and_ends_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "telemetry/server.jsonl"
    given = sampler.program(modules(), {"unit": UNIT, "port": 8000, "path": str(path), "seconds": 2.5})
    run_as_there(given)
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    assert 1 <= len(samples) <= 3
    steps = [after["monotonic_ns"] - before["monotonic_ns"] for before, after in pairwise(samples)]
    assert all(step >= 1e9 for step in steps)
    assert all(step >= before["cost_ns"] * 100 for step, before in zip(steps, samples, strict=False))


def test_nothing_but_what_it_needs_is_sent_along() -> None:
    names = [name for name, _ in json.loads(sampler.program(modules(), {}))["modules"]]
    assert [name.rpartition("tandem_")[2] for name in names] == list(sampler.PARTS)


def test_the_unit_has_a_deadline_and_can_write_nothing_but_the_runs_folder() -> None:
    words = sampler.command("/base/telemetry.json", "/base/0001-a", 110)
    assert words[words.index("--") + 1:] == sys.orig_argv
    for word in ("--property=RuntimeMaxSec=110", "--property=ReadWritePaths=/base/0001-a",
                 "--property=ProtectSystem=strict", "--property=StandardInput=file:/base/telemetry.json"):
        assert word in words


def test_it_is_begun_with_the_steps_own_loader_and_has_looked_when_the_step_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd's part is done here: standard input from the file, the command after the two dashes."""
    began: list[subprocess.Popen[bytes]] = []
    loader = [sys.executable, "-I", "-S", "-B", "-c", action.LOADER]

    def begin(words: list[str], **_: Any) -> None:
        (given,) = (word.rpartition("file:")[2] for word in words if "StandardInput" in word)
        with Path(given).open("rb") as stdin:
            began.append(popen(words[words.index("--") + 1:], stdin=stdin, cwd="/"))

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "run", begin)
    monkeypatch.setattr(sys, "orig_argv", loader)
    folder = tmp_path / "0001-a"
    folder.mkdir()
    params: dict[str, Any] = {
        "base": str(tmp_path), "machine": "server", "modules": modules(),
        "run": {"deadline_s": 50}, "service": {"port": 8000},
    }
    try:
        assert sampler.start_watch(params, str(folder), UNIT)
    finally:
        for process in began:
            process.kill()
            process.wait()
    line = (folder / "telemetry/server.jsonl").read_text().splitlines()[0]
    assert json.loads(line)["processes"] == 0


def test_a_sampler_that_does_not_come_up_does_not_hold_the_run_up_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "FIRST_LOOK_S", 0.1)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    params: dict[str, Any] = {
        "base": str(tmp_path), "machine": "server", "modules": [], "run": {"deadline_s": 5}, "service": {"port": 1},
    }
    assert not sampler.start_watch(params, str(tmp_path), UNIT)


def test_the_telemetry_file_may_be_read_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "server.jsonl"
    assert telemetry.watch(UNIT, 8000, str(path), 0) == 1
    assert telemetry.watch(UNIT, 8000, str(path), 0) == 1
    assert len(io.StringIO(path.read_text()).readlines()) == 2

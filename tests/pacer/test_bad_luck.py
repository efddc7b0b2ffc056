"""Signals, processes that die, readers that go away, a full disk, no ports, no descriptors, a link that goes down."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.pacer.servers import serving
from tests.pacer.support import ROOT, SCHEMA, Running, load, pacer, start

VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def children_of(pid: int) -> list[int]:
    """Wait for the processes that this one has begun."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if found:
            return [int(one) for one in found]
        time.sleep(0.05)
    return []


def ended(pid: int) -> bool:
    """Wait for a process that is no child of this one to end."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(("number", "arguments"), [
    (signal.SIGINT, ("-R", 50)), (signal.SIGHUP, ("-R", 50, "-t", 2)), (signal.SIGTERM, ()),
    (signal.SIGINT, ("-R", 50, "--warmup", 60)),
], ids=["INT", "HUP-two-processes", "TERM-closed-loop", "INT-in-the-warm-up"])
def test_a_signal_ends_the_window_with_a_marked_result(number: signal.Signals,
                                                       arguments: tuple[str | int, ...]) -> None:
    with serving("slow", 0.02) as url:
        process = start("--format", "json", "-c", 4, "-d", 50, *arguments, f"{url}/")
        time.sleep(1.2)
        process.send_signal(number)
        ran = process.finish()
    assert ran.result["interrupted"] == number.name
    assert (ran.status, ran.verdict) == (3, "interrupted")
    assert ran.balanced()
    VALIDATOR.validate(ran.result)


def test_a_second_signal_ends_the_drain() -> None:
    with serving("slow", 30) as url:
        process = start("--format", "json", "-R", 50, "-c", 4, "-d", 50, "-T", 40, f"{url}/")
        time.sleep(1)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        ran = process.finish()
    assert time.monotonic() - begun < 30, "not the 40 s of the timeout"
    assert ran.result["interrupted"] == "SIGTERM"
    assert ran.counts["unfinished"] > 0
    assert ran.balanced()


def test_a_signal_before_the_load_leaves_nothing(tmp_path: Path) -> None:
    with serving("ok") as url:
        process = start("-R", 50, "-c", 4, "--connect-rate", "0.1", "--json", tmp_path / "x.json", f"{url}/")
        time.sleep(0.8)
        process.send_signal(signal.SIGTERM)
        ran = process.finish()
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "pacer: interrupted before the load began: nothing was measured\n"
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_killed_ends_the_run_at_once() -> None:
    with serving("ok") as url:
        process = start("-R", 50, "-c", 4, "-t", 4, "-d", 50, f"{url}/")
        children = children_of(process.pid)
        time.sleep(0.5)
        os.kill(children[0], signal.SIGKILL)
        begun = time.monotonic()
        ran = process.finish()
    assert time.monotonic() - begun < 20
    assert (ran.status, ran.out) == (1, "")
    assert "ended before its time" in ran.err
    assert all(ended(child) for child in children)


@pytest.mark.parametrize("arguments", [("-R", 50, "-c", 4, "-t", 2, "-d", 50), ("selftest", "-d", "40s")],
                         ids=["processes", "selftest"])
def test_processes_end_with_their_parent(arguments: tuple[str | int, ...]) -> None:
    with serving("ok") as url:
        process = start(*arguments, *([] if arguments[0] == "selftest" else [f"{url}/"]))
        children = children_of(process.pid)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.finish()
        assert children
        assert all(ended(child) for child in children)


def test_a_selftest_that_is_interrupted_says_so() -> None:
    process = start("selftest", "-R", 100, "-d", "40s")
    children_of(process.pid)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    ran = process.finish()
    assert (ran.status, ran.out) == (1, "")
    assert "interrupted" in ran.err


def test_no_descriptor_left_in_the_run() -> None:
    with serving("ok") as url:
        process = start("--format", "json", "-R", 50, "-c", 4, "-d", 3, "--no-keepalive", f"{url}/")
        time.sleep(1.5)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, 3))
        ran = process.finish()
    assert set(ran.failures) == {"connect_no_descriptor"}
    assert ran.balanced()
    VALIDATOR.validate(ran.result)


def in_a_network_of_its_own(script: str) -> None:
    """Let this process see nothing but a loopback of its own, prepared by a script."""
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to make a network namespace")
    program = ("import json, subprocess, sys; sys.path.insert(0, '.');"
               "from tests.pacer.servers import serving; from tests.pacer.support import load, pacer, start;"
               "import time; subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)\n" + script)
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr


def test_no_port_left() -> None:
    in_a_network_of_its_own("""
with serving("slow", 0.2) as url:
    open("/proc/sys/net/ipv4/ip_local_port_range", "w").write("20000 20009")
    before = pacer("-R", 100, "-c", 11, "-d", 1, f"{url}/")
    assert before.status == 1 and "need as many local ports, there are 10" in before.err, before.err
    for processes in (1, 2):
        ran = load("-R", 100, "-c", 10, "-t", processes, "--no-keepalive", "-d", 1, f"{url}/")
        assert set(ran.failures) == {"connect_no_port"}, ran.failures
        assert ran.counts["ok"] >= 5, ran.counts
""")


def test_a_link_that_goes_down() -> None:
    in_a_network_of_its_own("""
with serving("ok") as url:
    for mode in ([], ["--no-keepalive"]):
        process = start("--format", "json", "-R", 40, "-c", 4, "-d", 2, "-T", "300ms", *mode, f"{url}/")
        time.sleep(1)
        subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
        ran = process.finish()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        assert ran.balanced(), ran.counts
        assert set(ran.failures) <= {"timeout", "connect_timeout", "connect_unreachable"}, ran.failures
        assert ran.failures["connect_timeout"] + ran.failures.get("timeout", 0) > 0, ran.failures
        assert ran.status == 4, ran.status
""")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command.replace("PACER", f"{sys.executable} -m pacer")], cwd=ROOT,
                          capture_output=True, text=True, check=False)


def test_readers_that_go_away() -> None:
    with serving("ok") as url:
        first = shell(f"PACER -R 50 -d 300ms {url}/ | head -1")
        assert (first.stdout.count("\n"), first.stderr) == (1, "")
        progress = shell(f"PACER --progress -R 50 -d 2100ms --format json {url}/ 2> >(head -c 1 >&2)")
        assert json.loads(progress.stdout)["counts"]["ok"] == 105
        closed = shell(f"PACER -R 50 -d 300ms {url}/ >&-")
        assert closed.returncode != 0
        assert closed.stderr == "pacer: cannot print the result: standard output is closed\n"
        full = shell(f"PACER -R 50 -d 300ms {url}/ >/dev/full")
        assert full.returncode != 0
        assert full.stderr == "pacer: cannot print the result: No space left on device\n"


def test_an_old_locale_prints_what_it_can() -> None:
    with serving("ok") as url:
        done = shell(f"PYTHONIOENCODING=ascii PACER -R 50 -d 300ms {url}/")
    assert "scheduled   15" in done.stdout
    assert done.stderr == ""


def on_a_terminal(*arguments: str) -> str:
    """Return what pacer shows on a terminal of 60 columns, standard error and output together."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv("/bin/sh", ["sh", "-c", 'stty cols 60; exec "$@"', "sh", sys.executable, "-m", "pacer", *arguments])
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode()


def test_progress_on_a_terminal_is_one_line_written_over() -> None:
    with serving("ok") as url:
        shown = on_a_terminal("--progress", "-R", "100", "-c", "2", "-d", "2", f"{url}/")
    progress, _newline, rest = shown.partition("\r\n")
    lines = progress.split("\r\x1b[K")
    assert [line.split()[0] for line in lines[1:3]] == ["1/2", "2/2"]
    assert all(len(line) < 60 for line in lines)
    assert "verdict" in rest


def test_results_of_misfortune_follow_the_schema() -> None:
    """Also with two processes, where each has its share of it."""
    running: dict[str, Running] = {}
    results: dict[str, Any] = {}
    with serving("garbage") as garbage, serving("slow", 3) as slow, serving("reset") as reset:
        for name, url in (("garbage", garbage), ("slow", slow), ("reset", reset)):
            running[name] = start("--format", "json", "-R", 20, "-c", 4, "-t", 2, "-d", 1, "-T", "300ms", f"{url}/")
        for name, process in running.items():
            ran = process.finish()
            assert ran.balanced(), ran.counts
            assert ran.status == 4
            VALIDATOR.validate(ran.result)
            results[name] = ran.failures
    assert {name: set(failures) for name, failures in results.items()} == {
        "garbage": {"parse"}, "slow": {"timeout"}, "reset": {"read_reset"}}


def test_a_server_that_vanishes_under_two_processes() -> None:
    with serving("dies", 1.2) as url:
        ran = load("-R", 50, "-d", 2, "-c", 4, "-t", 2, f"{url}/")
    assert set(ran.failures) <= {"connect_refused", "read_reset", "read_empty", "write"}
    assert ran.failures["connect_refused"] > 5
    assert pacer("-R", 5, "-d", 1, f"{url}/").status == 2

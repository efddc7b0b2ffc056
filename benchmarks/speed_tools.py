"""Servers to load and runs of pacer and wrk, each pinned to a CPU, for benchmarks/speed.py."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT
from pacer.clock import Timer, die_with_parent, now_ns, wake_exactly

#: nginx unpacked by `make benchmark`, for machines that have none installed.
UNPACKED_NGINX = ROOT / ".cache" / "nginx" / "usr" / "sbin" / "nginx"
SYSTEM_PYTHON = "/usr/bin/python3"
GENERATOR_CPU, SERVER_CPU = 0, 1
_REQUESTS = re.compile(r"^\s+([0-9]+) requests in ", re.MULTILINE)
_PATIENCE_S = 10.0
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n" + b"." * 18


#: Every command that was run, with URL for its server's; in order, once each.
commands: dict[str, None] = {}
_URL = re.compile(r"http://\S+")


class CannotMeasure(Exception):  # noqa: N818 - an obstacle of this machine, not an error of the program
    """Something that the benchmark needs is missing; one sentence."""


def python() -> str:
    """Return the interpreter that pacer is measured with: the system's, as on a client, where it is there."""
    return SYSTEM_PYTHON if Path(SYSTEM_PYTHON).exists() else sys.executable


def environment() -> dict[str, str]:
    """Return the environment for pacer: compiled modules are kept, as they are where it is installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {"PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "pycache")}


def on(cpu: int, command: Sequence[str]) -> list[str]:
    """Return the command bound to one CPU."""
    return ["taskset", "-c", str(cpu), *command]


def _note(command: Sequence[str]) -> None:
    commands[_URL.sub("URL", " ".join(command))] = None


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run of pacer: its result."""

    result: dict[str, Any]

    def us(self, tag: str, percent: str) -> float | None:
        """Return a percentile in microseconds, None when too few requests were answered for it."""
        value = self.result["latency"][tag]["percentiles"][percent]
        return None if value is None else float(value) / 1000

    @property
    def verdict(self) -> str:
        return str(self.result["validity"]["verdict"])

    @property
    def cpu_us(self) -> float | None:
        """CPU time for one answered request, None when none was answered."""
        value: float | None = self.result["cost"]["cpu_per_request_us"]
        return value

    @property
    def completed_per_s(self) -> float:
        return float(self.result["rates"]["completed_per_s"])


def pacer_command(*arguments: str | float, cpu: int | None = GENERATOR_CPU) -> list[str]:
    """Return the command of a run; cpu None leaves pinning to pacer's own --cpu."""
    command = [python(), "-m", "pacer", *map(str, arguments)]
    command = command if cpu is None else on(cpu, command)
    _note(command)
    return command


def pacer(*arguments: str | float, cpu: int | None = GENERATOR_CPU) -> Ran:
    """Run pacer to its end, whatever its verdict. Raises CannotMeasure when there is no result."""
    command = pacer_command("--format", "json", *arguments, cpu=cpu)
    ran = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if not ran.stdout.startswith("{"):
        raise CannotMeasure(f"pacer gave no result: {ran.stderr.strip()}")
    return Ran(result=json.loads(ran.stdout))


def wrk_cpu_us(
    url: str, *, connections: int, seconds: int, cpus: Sequence[int] = (GENERATOR_CPU,)
) -> tuple[float, float]:
    """Run wrk with a thread for each of these CPUs; return its CPU time for one request and its requests a second."""
    where = ",".join(map(str, cpus))
    command = ["taskset", "-c", where, "wrk", f"-t{len(cpus)}", f"-c{connections}", f"-d{seconds}s", url]
    _note(command)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = _REQUESTS.search(ran.stdout)
    if found is None or not int(found[1]):
        raise CannotMeasure(f"wrk gave no result: {(ran.stderr or ran.stdout).strip()}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / int(found[1]) * 1e6, int(found[1]) / seconds


@dataclass(kw_only=True)
class Bare:
    """What waking up at set times takes without any request: the machine's own share of lag and cost."""

    late_us: list[float] = field(default_factory=list)
    cpu_us: float = 0.0

    def percentile(self, share: float) -> float:
        return sorted(self.late_us)[int(share * len(self.late_us))]


def bare_timer(*, rate: int, seconds: float) -> Bare:
    """Wake up from a timerfd at a rate, in a process of its own on the generator's CPU; return how late that was."""
    command = on(GENERATOR_CPU, [python(), "-c", "from benchmarks.speed_tools import _wake_up; _wake_up()",
                                 str(rate), str(int(rate * seconds))])
    ran = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout)
    return Bare(late_us=told["late_us"], cpu_us=told["cpu_us"])


def _wake_up() -> None:
    """Be the process of bare_timer."""
    rate, count = map(int, sys.argv[1:3])
    wake_exactly()
    timer, epoll = Timer(), select.epoll()
    epoll.register(timer.fd, select.EPOLLIN | select.EPOLLET)
    late, begin = [], now_ns() + 1_000_000
    before = time.process_time()
    for number in range(count):
        due = begin + number * 1_000_000_000 // rate
        if due > now_ns():
            timer.arm(due)
            epoll.poll(-1, 1)
        late.append((now_ns() - due) / 1000)
    json.dump({"late_us": late, "cpu_us": (time.process_time() - before) / count * 1e6}, sys.stdout)


@contextlib.contextmanager
def working_server(work_us: int) -> Iterator[str]:
    """Run a server on the server's CPU that computes so long for each request, one at a time; yield its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        pid = os.fork()
        if pid == 0:
            try:
                die_with_parent()
                os.sched_setaffinity(0, {SERVER_CPU})
                _work(listener, work_us * 1000)
            finally:
                os._exit(0)
    try:
        yield url
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _work(listener: socket.socket, work_ns: int) -> None:
    """Answer small requests for ever, one at a time."""
    epoll, clients = select.epoll(), {listener.fileno(): listener}
    epoll.register(listener, select.EPOLLIN)
    while True:
        for descriptor, _mask in epoll.poll():
            client = clients[descriptor]
            if client is listener:
                client, _address = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                epoll.register(client, select.EPOLLIN)
            elif client.recv(4096):
                until = now_ns() + work_ns
                while now_ns() < until:
                    pass
                client.send(_ANSWER)
            else:
                del clients[descriptor]
                client.close()


def nginx_path() -> str:
    """Return nginx's path. Raises CannotMeasure."""
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None and not UNPACKED_NGINX.exists():
        raise CannotMeasure("nginx is missing: `make benchmark` fetches it")
    return found or str(UNPACKED_NGINX)


@contextlib.contextmanager
def nginx(*cpus: int) -> Iterator[str]:
    """Run nginx, a worker on each of the CPUs, on a free port; yield the URL of a fixed answer of 18 bytes."""
    binary = nginx_path()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="benchmark-nginx-") as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(_nginx_config(folder, port, cpus), encoding="ascii")
        process = subprocess.Popen([binary, "-p", folder, "-c", str(config), "-e", f"{folder}/error.log"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _await_port(port, process, Path(folder, "error.log"))
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _nginx_config(folder: str, port: int, cpus: Sequence[int]) -> str:
    masks = " ".join(bin(1 << cpu)[2:] for cpu in cpus)
    temporary = "".join(f"    {name}_temp_path {folder}/{name};\n"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (f"{user}daemon off;\npid {folder}/pid;\nworker_processes {len(cpus)};\nworker_cpu_affinity {masks};\n"
            "events { worker_connections 4096; }\n"
            f"http {{\n{temporary}    access_log off;\n    keepalive_requests 1000000000;\n    tcp_nodelay on;\n"
            f"    server {{ listen 127.0.0.1:{port} reuseport; location / {{ return 200 '..................'; }} }}\n"
            "}\n")


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    told = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    raise CannotMeasure(f"nginx does not answer: {told or 'it says nothing'}")


def seconds_to_connect(command: Sequence[str]) -> float:
    """Start a generator whose last argument is to be its URL; return the time until its first connection comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_PATIENCE_S)
        begin = time.monotonic()
        process = subprocess.Popen([*command, f"http://127.0.0.1:{listener.getsockname()[1]}/"], cwd=ROOT,
                                   env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client, _address = listener.accept()
            took = time.monotonic() - begin
            client.close()
        except TimeoutError as error:
            raise CannotMeasure(f"no connection within {_PATIENCE_S:g} s: {' '.join(command)}") from error
        finally:
            process.kill()
            process.wait()
    return took


def seconds_to_end(command: Sequence[str]) -> float:
    """Run a command; return how long that took."""
    begin = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=True)
    return time.monotonic() - begin


def rss_bytes(pid: int) -> int:
    """Return what a process holds in memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

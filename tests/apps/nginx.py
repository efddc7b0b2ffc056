"""nginx as the role configures it, from the role's own templates, in a folder of its own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import jinja2

from collectors.plan.model import Service

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ROOT / "roles/upstream/templates"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
)
PROGRAM = Path("/usr/sbin/nginx")
READY_S = 10


@contextmanager
def page(port: int) -> Iterator[str]:
    """The slow page; its address."""
    text = TEMPLATES.get_template("page.conf.j2").render(address=f"127.0.0.1:{port}")
    address = f"http://127.0.0.1:{port}/"
    with _running(text):
        _wait(address)
        yield address


@contextmanager
def front(service: Service, port: int, socket: Path) -> Iterator[None]:
    """nginx on the port, in front of a daemon on the socket."""
    text = TEMPLATES.get_template("front.conf.j2").render(front={"protocol": service.protocol, "socket": str(socket)})
    with _running(text.replace("@BIND@", "127.0.0.1").replace("@PORT@", str(port))):
        yield


@contextmanager
def _running(text: str) -> Iterator[None]:
    assert PROGRAM.exists(), "these tests need nginx: apt-get install nginx-light libnginx-mod-http-echo"
    with tempfile.TemporaryDirectory(prefix="tandem-nginx-") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "nginx.conf").write_text(text)
        command = [str(PROGRAM), "-p", folder, "-c", f"{folder}/nginx.conf", "-g", "user root;"]
        with (Path(folder) / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                yield
            finally:
                process.terminate()
                process.wait(timeout=READY_S)


def _wait(address: str) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            with urlopen(address, timeout=READY_S) as reply:
                assert reply.status == 200
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)

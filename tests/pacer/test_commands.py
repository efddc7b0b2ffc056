"""selftest, null-server, the zipapp."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import jsonschema
import pytest

from pacer import __version__
from tests.pacer.support import ROOT, SCHEMA, pacer


def test_selftest_measures_the_floor(tmp_path: Path) -> None:
    ran = pacer("selftest", "-R", 400, "-c", 8, "-d", "500ms", "--json", tmp_path / "floor.json")
    assert ran.status in (0, 3), ran.err
    assert "closed loop" in ran.out
    result = json.loads((tmp_path / "floor.json").read_text())
    jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "pacer-selftest.schema.json").read_text())).validate(
        result)
    for run in ("open", "closed"):
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(result[run])
    floor = result["floor"]
    assert 0 < floor["service_p50_ns"] <= floor["corrected_p50_ns"]
    assert floor["lag_p50_ns"] < floor["corrected_p50_ns"]
    assert floor["closed_loop_per_s"] > 300
    assert result["open"]["counts"]["ok"] == 200


def test_null_server_and_a_selftest_against_it() -> None:
    command = [sys.executable, "-m", "pacer", "null-server", "--body-bytes", "7", "--seconds", "20"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with urllib.request.urlopen(url) as answer:
            assert len(answer.read()) == 7
        ran = pacer("selftest", "-R", 100, "-c", 2, "-d", "300ms", "--format", "json", url)
        server.kill()
    assert ran.result["open"]["target"]["url"] == url


def test_large_answers_of_the_null_server_arrive_whole() -> None:
    ran = pacer("selftest", "-R", 20, "-c", 2, "-d", "300ms", "--body-bytes", 3_000_000, "--format", "json")
    assert ran.result["open"]["counts"]["ok"] == 6
    assert ran.result["open"]["counts"]["bytes_read"] > 18_000_000


def test_the_null_server_ends_with_a_signal_and_answers_heads_in_pieces() -> None:
    command = [sys.executable, "-m", "pacer", "null-server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(20)
            for piece in (b"GET / HTTP/1.1\r\n\r", b"\n", b"GET / HTTP/1.1\r\n\r\n"):
                client.sendall(piece)
                time.sleep(0.05)
            answer = b""
            while answer.count(b"HTTP/1.1 200 OK") < 2:
                answer += client.recv(65536)
        server.terminate()
    assert server.returncode == 0


@pytest.mark.parametrize("arguments", [("null-server", "--port", "70000"), ("selftest", "--body-bytes", "-1"),
                                       ("null-server", "--body-bytes", "99999999999"), ("selftest", "-d", "x"),
                                       ("null-server", "--bind", "192.0.2.1"),
                                       ("selftest", "http://127.0.0.1:1/"), ("selftest", "-R", "x")])
def test_commands_refuse_in_one_sentence(arguments: tuple[str, ...]) -> None:
    ran = pacer(*arguments)
    assert ran.status in (1, 2)
    assert ran.err.count("\n") == 1


def build(out: Path) -> None:
    subprocess.run([sys.executable, "-m", "pacer.build", str(out)], cwd=ROOT, check=True)


def test_the_zipapp_is_the_same_every_time_and_runs(tmp_path: Path) -> None:
    one, two = tmp_path / "one.pyz", tmp_path / "two.pyz"
    build(one)
    build(two)
    assert one.read_bytes() == two.read_bytes()
    assert one.stat().st_mode & 0o777 == 0o755
    done = subprocess.run([sys.executable, "-I", str(one), "--version"], capture_output=True, text=True, check=True,
                          cwd=tmp_path)
    assert done.stdout.strip() == f"pacer {__version__}"
    with zipfile.ZipFile(one) as archive:
        assert all(name.startswith("pacer/") or name == "__main__.py" for name in archive.namelist())


def test_it_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    """Every module is imported by an isolated interpreter that sees the zipapp alone."""
    out = tmp_path / "pacer.pyz"
    build(out)
    program = (f"import sys, zipfile; sys.path.insert(0, {str(out)!r})\n"
               "import importlib\n"
               f"for name in zipfile.ZipFile({str(out)!r}).namelist():\n"
               "    if name.startswith('pacer/') and name != 'pacer/__main__.py':\n"
               "        importlib.import_module(name[:-3].replace('/', '.').removesuffix('.__init__'))\n"
               "outside = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - {'pacer'}\n"
               "outside = {name for name in outside if not name.startswith('__')}\n"
               "print(sorted(outside))\n")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_build_says_why_not(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pacer.build", str(tmp_path / "no" / "x.pyz")], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1

"""What cannot be done is refused before any load, with one sentence: files, addresses, sockets, certificates."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pacer.arguments import parse_cpus
from pacer.cli import main
from pacer.files import AtomicFile
from tests.pacer.servers import serving
from tests.pacer.support import ROOT, pacer

URL = "http://127.0.0.1:1/"


def refused(*arguments: str | float | Path, status: int = 1) -> str:
    """Return the one sentence."""
    ran = pacer(*arguments)
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert ran.err.startswith("pacer: ")
    assert ran.err.count("\n") == 1
    return ran.err


@pytest.mark.parametrize(("arguments", "says"), [
    (["-R", "9" * 30, "-d", "1"], "no process can send as many"),
    (["-R", "1000001", "-d", "1"], "no process can send as many"),
    (["-R", "nan"], "not a rate"),
    (["-R", "inf"], "not a rate"),
    (["-d", "9" * 20 + "h"], "longer than 10000 hours"),
    (["-T", "nan"], "not a duration"),
    (["--warmup", "-1"], "not a duration"),
    (["--connect-rate", "0"], "not a rate"),
    (["--seed", "1e3"], "invalid int"),
    (["-t", "300", "-c", "300"], "at most 256"),
    (["-R", "1", "-d", "1", "--shard", "1/2", "--t0", "0"], "cannot be divided by 2"),
    (["-R", "10", "--t0", "99999999999"], "more than a year ahead"),
    (["-R", "10", "--t0", "9" * 20], "not a time"),
    (["--method", ""], "not an HTTP method"),
    (["--cpu", "0-99999999999"], "cannot be used here"),
    (["--json", "x.out", "--hlog", "./x.out"], "name the same file"),
    (["--json", ""], "it is a directory"),
    (["--json", "/"], "it is a directory"),
    (["--stages", "1s@5,"], "not a stage"),
    (["--search", "p99<0ms"], "nothing is below 0"),
    (["--search", "errors<0%"], "nothing is below 0"),
    (["--search", "errors<101%"], "not a percentage"),
    (["--search", "p99<10ms", "--format", "wrk2"], "no answer in wrk2's format"),
    (["--search", "p99<10ms", "--t0", "2020-01-01T00:00:00Z"], "leave --stages, --shard, --t0 and --hlog out"),
    (["--unix-socket", "/x", "--source-ip", "127.0.0.1"], "no source address"),
], ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "")
def test_impossible_values(arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, URL]) == 1
    captured = capsys.readouterr()
    assert says in captured.err
    assert (captured.err.count("\n"), captured.out) == (1, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "says"), [
    (b'{"path": "/"}\n\n{"path": "/x", "foo": 1}\n', "line 3: unknown key 'foo'"),
    (b'{"path": "/"}\n{"path": \n', "line 2: not JSON: Expecting value at column"),
    (b'{"path": "/", "path": "/b"}', "line 1: a key is there twice"),
    (b'{"headers": {"A": 5}}', "line 1: the header A is not a text"),
    (b'{"headers": {"A": "\\u20ac"}}', "no header may hold"),
    (b'{"expect": {"status": "200"}}', "'status' has to be a whole number"),
    (b'{"expect": {"sha256": "zz"}}', "64 hexadecimal digits"),
    (b'{"expect": {"length": -1}}', "must not be below 0"),
    (b'{"expect": [200]}', "'expect' has to be an object"),
    (b'{"weight": 1.5}', "'weight' has to be a whole number"),
    (b'{"weight": ' + b"9" * 5000 + b"}", "a number has 5000 digits"),
    (b'{"weight": NaN}', "'weight' has to be a whole number"),
    (b'{"body": "\\ud800"}', "half a character"),
    (b'{"path": "/a b"}', "percent-encode"),
    (b'{"method": ""}', "not an HTTP method"),
    (b"[" * 100_000, "nested too deeply"),
    (b"\xff\xfe", "it is not UTF-8 text"),
    (b"\n \n", "holds no request"),
], ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else "")
def test_requests_files(content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_bytes(content)
    assert main(["--requests-file", str(file), URL]) == 1
    captured = capsys.readouterr()
    assert says in captured.err
    assert (captured.err.count("\n"), captured.out) == (1, "")
    assert str(file) in captured.err or "half" in says


def test_a_requests_file_is_read_by_lines_alone(tmp_path: Path) -> None:
    """A byte-order mark is skipped; a line separator inside a text does not end the line."""
    file = tmp_path / "requests.jsonl"
    file.write_bytes('\ufeff{"body": "a\u2028b"}\n'.encode())
    assert "refused" in refused("--requests-file", file, "-d", 1, URL, status=2)
    assert "Is a directory" in refused("--requests-file", tmp_path, URL)


def test_unix_sockets(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, says in ((tmp_path / "none", "No such file"), (tmp_path / "file", "not a socket"),
                       (tmp_path, "not a socket"), ("a" * 200, "longer than 107 bytes"), ("", "not a socket")):
        assert says in refused("-d", 1, "--unix-socket", path, URL, status=2)
    with socket.socket(socket.AF_UNIX) as nobody_listens:
        nobody_listens.bind(str(tmp_path / "socket"))
        assert "refused" in refused("-d", 1, "--unix-socket", tmp_path / "socket", URL, status=2)


def test_source_addresses() -> None:
    assert "cannot be used on this machine" in refused("-d", 1, "--source-ip", "192.0.2.1", URL)
    assert "different families" in refused("-d", 1, "--source-ip", "::1", URL)


def test_lists_of_cpus() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    assert parse_cpus(f"{allowed[0]},{allowed[0]}-{allowed[0]}") == (allowed[0],)
    with pytest.raises(ValueError, match="runs backwards"):
        parse_cpus("1-0")


def test_a_file_that_is_no_plain_file_is_never_replaced(tmp_path: Path) -> None:
    """/dev/full and /dev/null stay what they are: a stand-in pipe shows it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    file = AtomicFile(pipe)
    file.write("all of it")
    file.discard()
    assert os.read(reader, 100) == b"all of it"
    os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
    with pytest.raises(OSError, match="No space left"):
        AtomicFile(Path("/dev/full")).write("x")
    assert Path("/dev/full").is_char_device()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")
    AtomicFile(link).write("text")
    assert link.is_symlink()
    assert (tmp_path / "file").read_text() == "text"


def test_standard_output_can_be_named(tmp_path: Path) -> None:
    with serving("ok") as url, (tmp_path / "out").open("w") as out:
        done = subprocess.run([sys.executable, "-m", "pacer", "-d", "200ms", "--json", "/dev/stdout", f"{url}/"],
                              cwd=ROOT, stdout=out, stderr=subprocess.PIPE, check=False)
    text = (tmp_path / "out").read_text()
    assert done.returncode in (0, 3)
    assert '"schema_version": 1' in text
    assert "verdict" in text


def test_a_start_in_the_past() -> None:
    with serving("ok") as url:
        assert "too early" in refused("-R", 10, "-d", 1, "--t0", f"{time.time() - 5:.0f}", f"{url}/")


def test_the_sentence_that_cannot_be_said_changes_nothing() -> None:
    for closed in ("2>&-", "2>/dev/full"):
        done = subprocess.run(["bash", "-c", f"{sys.executable} -m pacer -d x {URL} {closed}"], cwd=ROOT,
                              capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (1, b"")

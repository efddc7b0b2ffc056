"""TLS, unix sockets, source addresses, methods and bodies."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.pacer.servers import serving
from tests.pacer.support import load, pacer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tls")
    files = {"cert": folder / "cert.pem", "key": folder / "key.pem"}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    str(files["key"]), "-out", str(files["cert"])], check=True, capture_output=True)
    return files


def test_tls(certificate: dict[str, Path]) -> None:
    with serving("tls", **certificate) as url:
        ran = load("-R", 50, "-c", 5, "-d", "500ms", "--ca", certificate["cert"], "--expect-length", 100_000,
                   url.replace("http:", "https:") + "/")
    assert (ran.counts["ok"], ran.failures) == (25, {})
    assert ran.result["target"]["tls"].startswith("TLSv1.")


def test_tls_closed_loop_without_keepalive(certificate: dict[str, Path]) -> None:
    with serving("tls", **certificate) as url:
        ran = load("-c", 2, "-d", "300ms", "--insecure", "--no-keepalive", url.replace("http:", "https:") + "/")
    assert ran.counts["ok"] > 2
    assert ran.failures == {}


def test_a_certificate_that_is_not_trusted(certificate: dict[str, Path]) -> None:
    with serving("tls", **certificate) as url:
        ran = pacer("-R", 50, "-c", 2, "-d", "300ms", url.replace("http:", "https:") + "/")
    assert ran.status == 2
    assert "2 tls (the certificate is not trusted: self-signed certificate (--ca FILE trusts it" in ran.err


def test_tls_to_a_server_that_speaks_http() -> None:
    for arguments in (("-k",), ("--insecure", "-t", 2), ()):
        with serving("answers-anything") as url:
            ran = pacer("-R", 50, "-c", 2, "-d", "300ms", "-T", "5s", *arguments, url.replace("http:", "https:") + "/")
        assert ran.status == 2
        why = r"tls \((wrong version number|record layer failure|packet length too long)\)"
        assert re.search(why, ran.err), ran.err


def test_http_to_a_server_that_speaks_tls(certificate: dict[str, Path]) -> None:
    with serving("tls", **certificate) as url:
        ran = load("-R", 50, "-c", 2, "-d", "300ms", f"{url}/")
    assert sum(ran.failures.values()) == ran.counts["failed"] == 15
    assert set(ran.failures) <= {"parse", "read_empty", "read_reset"}


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    ran = pacer("-R", 50, "-d", 1, "--ca", tmp_path / "none.pem", "https://127.0.0.1:1/")
    assert ran.status == 1
    assert "cannot read certificates" in ran.err


def test_unix_socket(tmp_path: Path) -> None:
    with serving("unix", path=tmp_path / "socket"):
        ran = load("-R", 50, "-c", 5, "-d", "500ms", "--unix-socket", tmp_path / "socket", "http://service/x")
    assert ran.counts["ok"] == 25
    assert ran.result["target"]["address"] == f"unix:{tmp_path / 'socket'}"


def test_no_unix_socket(tmp_path: Path) -> None:
    ran = pacer("-R", 50, "-d", 1, "--unix-socket", tmp_path / "none", "http://service/x")
    assert ran.status == 2


def test_source_addresses_take_turns() -> None:
    with serving("ok") as url:
        ran = load("-R", 50, "-c", 4, "-d", "300ms", "--source-ip", "127.0.0.2", "--source-ip", "127.0.0.3", f"{url}/")
        assert ran.counts["ok"] == 15
        assert pacer("-R", 50, "-d", 1, "--source-ip", "::1", f"{url}/").status == 1
        assert pacer("-R", 50, "-d", 1, "--source-ip", "192.0.2.1", f"{url}/").status == 1


def test_bodies_arrive_whole() -> None:
    """The echo answers with the request: head and body together have one length."""
    head = "POST /p HTTP/1.1\r\nHost: h\r\nUser-Agent: t\r\nContent-Length: 3000\r\n\r\n"
    with serving("echo") as url:
        ran = load("-R", 50, "-c", 2, "-d", "300ms", "--body", "x" * 3000, "-H", "User-Agent: t", "-H", "Host: h",
                   "--expect-length", len(head) + 3000, f"{url}/p")
    assert ran.counts["ok"] == 15


def test_a_body_that_does_not_fit_into_the_socket_is_sent_in_parts(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"y" * 3_000_000)
    with serving("ok") as url:
        ran = load("-R", 10, "-c", 5, "-d", "500ms", "--body", f"@{file}", f"{url}/p")
    assert ran.counts["ok"] == 5
    assert ran.counts["bytes_sent"] > 15_000_000


def test_head_requests_have_no_body() -> None:
    with serving("echo") as url:
        ran = load("-R", 50, "-c", 2, "-d", "300ms", "--method", "HEAD", f"{url}/p")
    assert (ran.counts["ok"], ran.result["connections"]["stray"]) == (15, 0)


def test_several_requests_by_weight(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"path": "/one", "weight": 2}\n{"method": "HEAD"}\n{"body": "hello"}\n')
    with serving("echo") as url:
        ran = load("-R", 200, "-c", 3, "-d", "500ms", "--seed", 4, "--requests-file", file, f"{url}/")
    assert (ran.counts["ok"], ran.result["target"]["requests"], ran.result["load"]["seed"]) == (100, 3, 4)

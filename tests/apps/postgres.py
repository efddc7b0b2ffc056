"""A PostgreSQL of the tests' own: made in a temporary folder, gone afterwards."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

READER = "tandem"
SLOTS = 4
"""Accounts beside the reader's, with its rights and password, so that daemons at work together can be told apart."""
START_S = 30
SESSIONS_GONE_S = 10


class MissingError(Exception):
    """Something that the tests need is not installed; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running cluster; `admin` is the system account that owns it and its superuser."""

    bin_dir: Path
    socket_dir: Path
    passfile: Path
    port: int
    admin: str

    def psql(self, *words: str, database: str = "postgres", stdin: str | None = None) -> str:
        """Run psql as superuser; returns what it prints, raises on any error of SQL."""
        command = [str(self.bin_dir / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", str(self.socket_dir), "-p", str(self.port), "-d", database, *words]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, **running_as(self.admin)
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def load(self, database: str, files: Sequence[Path]) -> None:
        """Create a database from SQL files, open to the reader as the role opens it."""
        self.psql("-c", f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'")
        self.psql("-1", database=database, stdin="\n".join(file.read_text() for file in files))
        self.psql("-c", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}", database=database)

    def environment(self, database: str, user: str = READER) -> dict[str, str]:
        """What libpq needs to reach a database as the reader, or as the account of a slot."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": user,
            "PGDATABASE": database,
            "PGPASSFILE": str(self.passfile),
        }

    def sessions(self, user: str = READER, database: str = "") -> int:
        """Number of an account's sessions, all or those of one database."""
        where = f"usename = '{user}'" + (f" AND datname = '{database}'" if database else "")
        return int(self.psql("-c", f"SELECT count(*) FROM pg_stat_activity WHERE {where}"))

    def sessions_after_closing(self, user: str = READER) -> int:
        """Number of an account's sessions once the server has noticed those that were closed."""
        deadline = time.monotonic() + SESSIONS_GONE_S
        while (left := self.sessions(user)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left


def slot_account(slot: int) -> str:
    """Name of a slot's account."""
    return f"{READER}_{slot}"


class _RunningAs(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None
    cwd: str


def running_as(account: str) -> _RunningAs:
    """Arguments for subprocess that run a command as account, if that is another than ours."""
    entry = pwd.getpwnam(account)
    if os.geteuid() == entry.pw_uid:
        return {"user": None, "group": None, "extra_groups": None, "cwd": "/"}
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/"}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_programs() -> Path:
    """The newest PostgreSQL's folder of programs; raises MissingError when there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        raise MissingError("these tests need PostgreSQL's server: apt-get install postgresql")
    return max(found, key=lambda path: int(path.parent.name))


@contextmanager
def running() -> Iterator[Postgres]:
    """A cluster with TLS and the account of the daemons, for as long as the context lasts."""
    bin_dir = find_programs()
    admin = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="tandem-postgres-"))
    try:
        folder.chmod(0o755)
        shutil.chown(folder, admin)
        passfile = folder / "pgpass"
        postgres = Postgres(
            bin_dir=bin_dir, socket_dir=folder, passfile=passfile, port=free_port(), admin=admin
        )
        _make(postgres, folder / "data")
        yield from _serve(postgres, folder / "data")
    finally:
        shutil.rmtree(folder)


def _make(postgres: Postgres, data: Path) -> None:
    """Cluster, certificate and password file."""
    initdb = [str(postgres.bin_dir / "initdb"), "--pgdata", str(data), "--no-sync", "--encoding=UTF8"]
    initdb += ["--locale=C.UTF-8", "--auth-local=peer", "--auth-host=scram-sha-256"]
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    certificate += ["-days", "2", "-out", str(data / "server.crt"), "-keyout", str(data / "server.key")]
    for command in (initdb, certificate):
        subprocess.run(command, capture_output=True, check=True, **running_as(postgres.admin))
    password = secrets.token_urlsafe(24)
    postgres.passfile.touch(mode=0o600)
    postgres.passfile.write_text(f"*:*:*:*:{password}\n")


def _serve(postgres: Postgres, data: Path) -> Iterator[Postgres]:
    settings = {
        "port": postgres.port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": postgres.socket_dir,
        "ssl": "on",
        "fsync": "off",
        "max_connections": 600,
    }
    command = [str(postgres.bin_dir / "postgres"), "-D", str(data)]
    command += [f"--{key}={value}" for key, value in settings.items()]
    log = data / "tests.log"
    with (
        log.open("w") as file,
        subprocess.Popen(command, stdout=file, stderr=file, **running_as(postgres.admin)) as server,
    ):
        try:
            _wait(postgres, server, log)
            password = postgres.passfile.read_text().strip().rpartition(":")[2]
            postgres.psql("-c", f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'")
            for slot in range(SLOTS):
                postgres.psql("-c", f"CREATE ROLE {slot_account(slot)} LOGIN PASSWORD '{password}' IN ROLE {READER}")
            yield postgres
        finally:
            server.send_signal(signal.SIGINT)  # ends the sessions, then the server
            server.wait(timeout=START_S)


def _wait(postgres: Postgres, server: subprocess.Popen[bytes], log: Path) -> None:
    ready = [str(postgres.bin_dir / "pg_isready"), "-q", "-h", str(postgres.socket_dir)]
    ready += ["-p", str(postgres.port)]
    deadline = time.monotonic() + START_S
    while subprocess.run(ready, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the tests' PostgreSQL does not start: {log.read_text()[-500:]}")
        time.sleep(0.05)

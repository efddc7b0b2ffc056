"""A small project of its own for the tests of planning, so that the shipped apps may change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from collectors.plan.project import Project

FILES = {
    "apps/contract.yml": """\
endpoints:
  index:
    {method: GET, path: /index, status: 200, content_type: application/json, json: {equals: {hello: world}}}
  agents:
    method: GET
    path: /agents
    status: 200
    content_type: application/json
    json:
      rows: 50
      keys: [number, extension, status]
      values: {status: offline}
      null_keys: {empty-join: [extension], populated: []}
  unused: {method: GET, path: /unused, status: 200, content_type: text/plain, json: {equals: null}}
""",
    "apps/launchers.yml": """\
launchers:
  simple:
    argv: ["{venv}/bin/serve", --bind, "{bind}:{port}", --workers, "{workers}", --backlog, "{backlog}",
           "{module}"]
    keep_alive: false
    options: {backlog: 2048}
    env: {LEVEL: launcher, ONLY_LAUNCHER: 1}
  pooled:
    argv: ["{venv}/bin/pooled", "{bind}:{port}", "{module}"]
    keep_alive: true
""",
    "apps/plain/app.yml": """\
description: plain app
launcher: simple
module: app:app
port: 8000
env: {LEVEL: app, ONLY_APP: "yes"}
endpoints:
  index: {body_bytes: {empty-join: 18, populated: 18}}
  agents: {body_bytes: {empty-join: 7100, populated: 7700}}
pool_size: 0
variants:
  default: {}
  deep:
    description: plain app with a deep queue
    module: app:deep
    env: {LEVEL: variant}
    options: {backlog: 4096}
  pooled: {launcher: pooled, pool_size: 200}
""",
    "apps/pool/app.yml": """\
description: app with a pool
launcher: pooled
module: pool:Container
port: 8008
endpoints:
  index: {body_bytes: {empty-join: 17}, pool_size: 0}
  agents: {}
pool_size: 30
variants: {default: {}}
""",
    "profiles/bare.yml": """\
description: nothing
kernel: {}
limits: {}
postgresql: {}
refused: {}
""",
    "profiles/full.yml": """\
description: a bit of everything
kernel:
  net.core.somaxconn: 65535
  net.ipv4.tcp_rmem: "4096  131072 6291456"
  net.ipv4.ip_local_port_range: 1024 65535
  net.ipv4.tcp_congestion_control: {value: bic, optional: true}
limits: {nofile: 16384}
postgresql: {max_connections: 600, fsync: off, work_mem: 4MB}
refused:
  net.ipv4.tcp_mem: too much
""",
    "campaigns/small.yml": """\
description: a small campaign
profile: full
dataset: empty-join
workers: 4
blocks: 2
seed: 7
apps: [plain, pool]
rounds:
  closed:
    generator: wrk
    path: localhost
    connections: 16
    threads: 2
    warmup_s: 1
    duration_s: 2
    timeout_s: 5
    endpoints: [index]
  open:
    generator: pacer
    path: link
    rate_per_s: 50
    connections: 8
    warmup_s: 0.5
    duration_s: 3
    timeout_s: 5
    endpoints: [index, agents]
""",
}


MORE_LAUNCHERS = """\
  threads:
    argv: ["{venv}/bin/threads", "{listen}", --backlog, "{backlog}", "{module}"]
    keep_alive: true
    options: {backlog: 2048}
  sockets:
    argv: ["{venv}/bin/sockets", "{socket}", "{module}"]
    keep_alive: false
    protocol: uwsgi
"""
MORE_ENDPOINTS = """\
  page:
    method: GET
    path: /page
    status: 200
    content_type: application/json
    fair_body_bytes: {empty-join: 20, populated: 20}
    json: {equals: 1}
  rows: {method: GET, path: /rows, status: 200, content_type: application/json, upstream: true, json: {equals: 1}}
"""
MORE_FILES = {
    "apps/just/app.yml": """\
description: an app with every key
launcher: threads
module: app:app
port: 8010
code: pool
packages: [uwsgi-core, libfoo2.0]
python: "3.10-3.12"
conflicts: [oldpin]
env: {POOL_MIN: 5, POOL_MAX: 5}
endpoints:
  page: {body_bytes: {empty-join: 20, populated: 20}, pool_size: 0}
  rows: {body_bytes: {empty-join: [90, 110]}}
pool_size: 5
conditions: {database: pool, tls: false, driver: psycopg3, json: json}
variants:
  default: {kind: fair, why: Everything is as with the others.}
  front: {kind: faithful, why: It was published so., front: nginx, options: {backlog: 128}}
  wire: {launcher: sockets, front: nginx}
  listed: {endpoints: [page]}
  mapped:
    conditions: {json: ujson}
    endpoints:
      page: {content_type: text/html, reply_bytes: {empty-join: 178}, answers_per_worker: 30, pool_size: 7}
""",
}


def make_daemons(root: Path) -> Project:
    """The project with an app that has every key, and launchers and endpoints for it."""
    project = make_project(root)
    for name, text in (("apps/launchers.yml", MORE_LAUNCHERS), ("apps/contract.yml", MORE_ENDPOINTS)):
        path = root / name
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    _write(root, MORE_FILES)
    return project


def make_project(root: Path) -> Project:
    """The project, written to root."""
    _write(root, FILES)
    return Project(root=root)


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def edit(root: Path, name: str, old: str, new: str) -> None:
    """Replace old by new in one file; old must occur."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

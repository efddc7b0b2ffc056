"""The 2015 endpoints on Tornado: psycopg 3 with a pool that is warm before the first request."""

import asyncio
import json
import os
import signal
import sys

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.process import fork_processes
from tornado.web import Application, RequestHandler

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
POOL_MAX = int(os.environ["POOL_MAX"])  # per worker, minimum and maximum; the PG* environment says where


class Handler(RequestHandler):
    """What both endpoints share: JSON as the standard library writes it, no hash of it as an ETag."""

    def reply(self, value: object) -> None:
        """Send `value`."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value))

    def compute_etag(self) -> None:
        """Compute none."""


class Index(Handler):
    """Answer without touching the database."""

    def get(self) -> None:
        """Reply."""
        self.reply({"hello": "world"})


class Agents(Handler):
    """Query over a pooled connection."""

    async def get(self) -> None:
        """Query and reply."""
        async with self.settings["pool"].connection() as connection:
            self.reply(await (await connection.execute(AGENTS)).fetchall())


async def main() -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    options = {"autocommit": True, "row_factory": dict_row}
    async with AsyncConnectionPool("", kwargs=options, min_size=POOL_MAX, max_size=POOL_MAX, open=False) as pool:
        await pool.wait()
        routes = [("/index", Index), ("/agents", Agents)]
        server = HTTPServer(Application(routes, pool=pool, log_function=lambda _handler: None))
        server.add_sockets(sockets)
        await stop.wait()
        server.stop()
        await server.close_all_connections()


def stop_all(_signal: int, _frame: object) -> None:
    """Pass SIGTERM on to the workers."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)


sockets = bind_sockets(int(os.environ["TANDEM_PORT"]), os.environ["TANDEM_BIND"], backlog=int(sys.argv[1]))
signal.signal(signal.SIGTERM, stop_all)
fork_processes(int(os.environ["TANDEM_WORKERS"]))
signal.signal(signal.SIGTERM, signal.SIG_DFL)
asyncio.run(main())

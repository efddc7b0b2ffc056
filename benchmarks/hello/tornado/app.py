"""As on Tornado's first page: a handler that writes a dict, an Application that listens. The pool as psycopg shows it.

Both are forked as in "Running and deploying"; the address, the workers and the backlog are those of the bench.
"""

import asyncio
import os
import sys

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from tornado.escape import json_encode
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.process import fork_processes
from tornado.web import Application, RequestHandler

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = int(os.environ["POOL_MAX"])


class Index(RequestHandler):
    """Say hello."""

    def get(self) -> None:
        """Answer."""
        self.write({"hello": "world"})


class Agents(RequestHandler):
    """Run one query."""

    async def get(self) -> None:
        """Answer; write() takes no list, so that the JSON is made here."""
        async with self.settings["pool"].connection() as connection:
            cursor = await connection.execute(AGENTS)
            rows = await cursor.fetchall()
        self.set_header("Content-Type", "application/json")
        self.write(json_encode(rows))


async def main() -> None:
    """Serve until killed."""
    options = {"row_factory": dict_row}
    async with AsyncConnectionPool("", kwargs=options, min_size=SIZE, max_size=SIZE, open=False) as pool:
        HTTPServer(Application([("/index", Index), ("/agents", Agents)], pool=pool)).add_sockets(sockets)
        await asyncio.Event().wait()


sockets = bind_sockets(int(os.environ["TANDEM_PORT"]), os.environ["TANDEM_BIND"], backlog=int(sys.argv[1]))
fork_processes(int(os.environ["TANDEM_WORKERS"]))
asyncio.run(main())

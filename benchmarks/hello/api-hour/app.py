"""As in API-Hour's hello world: a container with a handler that returns JSON. The pool is used as aiopg shows it.

The worker beside it is that of apps/api-hour, without which API-Hour does not run on today's Python.
"""

import json
from asyncio import AbstractServer
from typing import Any

import aiopg
import api_hour
from aiohttp import web
from psycopg2.extras import RealDictCursor

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = 30


class Container(api_hour.Container):
    """What API-Hour runs in each worker."""

    async def pre_start(self) -> None:
        """Open the pool."""
        self.pool = await aiopg.create_pool("", minsize=SIZE, maxsize=SIZE)

    async def make_servers(self, sockets: list[Any]) -> dict[AbstractServer, web.Server]:
        """Serve on the sockets that API-Hour has bound."""
        app = web.Application()
        app.add_routes([web.get("/index", self.index), web.get("/agents", self.agents)])
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=self.worker.cfg.keepalive)
        await runner.setup()
        return {await self.loop.create_server(runner.server, sock=socket.sock): runner.server for socket in sockets}

    async def index(self, _request: web.Request) -> web.Response:
        """Say hello."""
        return web.Response(text=json.dumps({"hello": "world"}), content_type="application/json")

    async def agents(self, _request: web.Request) -> web.Response:
        """Run one query."""
        async with self.pool.acquire() as connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
            await cursor.execute(AGENTS)
            return web.Response(text=json.dumps(await cursor.fetchall()), content_type="application/json")

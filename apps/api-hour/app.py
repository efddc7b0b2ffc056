"""The 2015 endpoints on aiohttp.web and API-Hour: an aiopg pool that is warm before the first request."""

import os
from asyncio import AbstractServer
from importlib import import_module
from typing import Any

import aiopg
import api_hour
from aiohttp import web

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
POOL_CONNECTIONS = 30  # per worker, minimum and maximum
dumps = import_module(os.environ.get("JSON", "ujson")).dumps
HEADERS = {"Connection": "keep-alive", "Server": os.environ["SERVER_HEADER"]} if "SERVER_HEADER" in os.environ else {}


def reply(value: object) -> web.Response:
    """Return `value` as JSON."""
    return web.Response(body=dumps(value).encode(), content_type="application/json", headers=HEADERS)


class Container(api_hour.Container):
    """What API-Hour runs in each worker."""

    async def pre_start(self) -> None:
        """Open the pool; the PG* environment says where."""
        self.pool = await aiopg.create_pool("", minsize=POOL_CONNECTIONS, maxsize=POOL_CONNECTIONS)

    async def make_servers(self, sockets: list[Any]) -> dict[AbstractServer, web.Server]:
        """Serve on the sockets that API-Hour has bound; return what it has to close."""
        app = web.Application()
        app.router.add_get("/index", self.index)
        app.router.add_get("/agents", self.agents)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=self.worker.cfg.keepalive)
        await runner.setup()
        handler = runner.server
        return {await self.loop.create_server(handler, sock=socket.sock): handler for socket in sockets}

    async def index(self, _request: web.Request) -> web.Response:
        """Answer without touching the database."""
        return reply({"hello": "world"})

    async def agents(self, _request: web.Request) -> web.Response:
        """Query over a pooled connection."""
        async with self.pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(AGENTS)
            names = [column.name for column in cursor.description]
            return reply([dict(zip(names, row, strict=True)) for row in await cursor.fetchall()])

    async def cleanup(self) -> None:
        """Close the pool's connections, after the last reply."""
        self.pool.close()
        await self.pool.wait_closed()

"""The 2017 endpoints on aiohttp: asyncpg or aiopg (DRIVER) with a pool, aiohttp's client."""

import os
import random
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import aiohttp
from aiohttp import web

DRIVER = os.environ["DRIVER"]
SIZES = (int(os.environ["POOL_MIN"]), int(os.environ["POOL_MAX"]))
client = web.AppKey("client", aiohttp.ClientSession)
pool = web.AppKey("pool", Any)


async def messages(app: web.Application, ids: list[int]) -> list[dict[str, Any]]:
    """Return the messages of these numbers."""
    if DRIVER == "asyncpg":
        rows = await app[pool].fetch("SELECT id, content FROM message WHERE id = ANY($1)", ids)
    else:
        async with app[pool].acquire() as connection, connection.cursor() as cursor:
            await cursor.execute("SELECT id, content FROM message WHERE id = ANY(%s)", (ids,))
            rows = await cursor.fetchall()
    return [{"id": key, "content": content} for key, content in rows]


async def hello(_request: web.Request) -> web.Response:
    """Answer without touching anything."""
    return web.json_response({"hello": "world"})


async def complete(request: web.Request) -> web.Response:
    """Read a hundred random messages."""
    return web.json_response(await messages(request.app, random.sample(range(1, 10_001), 100)))


async def remote(request: web.Request) -> web.Response:
    """Ask the bench's slow page."""
    async with request.app[client].get(os.environ["TANDEM_UPSTREAM"]) as response:
        await response.read()
        return web.json_response({"status": response.status})


async def resources(app: web.Application) -> AsyncIterator[None]:
    """Hold pool and client open while the worker serves; the PG* environment says where."""
    names = ("min_size", "max_size") if DRIVER == "asyncpg" else ("minsize", "maxsize")
    source = () if DRIVER == "asyncpg" else ("",)
    opened = import_module(DRIVER).create_pool(*source, **dict(zip(names, SIZES, strict=True)))
    async with opened as app[pool], aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1000)) as app[client]:
        yield


app = web.Application()
app.cleanup_ctx.append(resources)
app.add_routes([web.get("/json", hello), web.get("/complete", complete), web.get("/remote", remote)])

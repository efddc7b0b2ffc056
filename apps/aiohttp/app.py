"""The 2015 endpoints on aiohttp.web: psycopg 3, aiopg or asyncpg (DRIVER), each with a pool that is warm at once."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from aiohttp import web

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
CONNECTIONS = int(os.environ["POOL_MAX"])  # of each worker, minimum and maximum; the PG* environment says where
Rows = list[dict[str, Any]]
dumps = import_module(os.environ.get("JSON", "json")).dumps
fetch = web.AppKey("fetch", Callable[[], Awaitable[Rows]])


@asynccontextmanager
async def psycopg3() -> AsyncIterator[Callable[[], Awaitable[Rows]]]:
    """Open psycopg 3's pool."""
    options = {"autocommit": True, "row_factory": import_module("psycopg.rows").dict_row}
    sizes = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    async with import_module("psycopg_pool").AsyncConnectionPool("", kwargs=options, **sizes, open=False) as pool:
        await pool.wait()

        async def rows() -> Rows:
            async with pool.connection() as connection:
                return await (await connection.execute(AGENTS)).fetchall()

        yield rows


@asynccontextmanager
async def aiopg() -> AsyncIterator[Callable[[], Awaitable[Rows]]]:
    """Open aiopg's pool, of psycopg2 connections."""
    async with import_module("aiopg").create_pool("", minsize=CONNECTIONS, maxsize=CONNECTIONS) as pool:

        async def rows() -> Rows:
            async with pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute(AGENTS)
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]

        yield rows


@asynccontextmanager
async def asyncpg() -> AsyncIterator[Callable[[], Awaitable[Rows]]]:
    """Open asyncpg's pool."""
    async with import_module("asyncpg").create_pool(min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:

        async def rows() -> Rows:
            return [dict(record) for record in await pool.fetch(AGENTS)]

        yield rows


async def index(_request: web.Request) -> web.Response:
    """Answer without touching the database."""
    return web.json_response({"hello": "world"}, dumps=dumps)


async def agents(request: web.Request) -> web.Response:
    """Query over a pooled connection."""
    return web.json_response(await request.app[fetch](), dumps=dumps)


async def database(app: web.Application) -> AsyncIterator[None]:
    """Hold the pool open while the worker serves."""
    async with {"psycopg3": psycopg3, "aiopg": aiopg, "asyncpg": asyncpg}[os.environ["DRIVER"]]() as rows:
        app[fetch] = rows
        yield


app = web.Application()
app.cleanup_ctx.append(database)
app.router.add_get("/index", index)
app.router.add_get("/agents", agents)

"""As on aiohttp's first page, with its json_response. The pool is used as the driver's own documentation shows it."""

import os
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
from aiohttp import web
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = int(os.environ["POOL_MAX"])
pool = web.AppKey("pool", Any)


async def psycopg3(app: web.Application) -> AsyncIterator[None]:
    """Hold psycopg 3's pool open."""
    options = {"row_factory": dict_row}
    async with AsyncConnectionPool("", kwargs=options, min_size=SIZE, max_size=SIZE, open=False) as app[pool]:
        yield


async def asyncpg_pool(app: web.Application) -> AsyncIterator[None]:
    """Hold asyncpg's pool open."""
    async with asyncpg.create_pool(min_size=SIZE, max_size=SIZE) as app[pool]:
        yield


async def index(_request: web.Request) -> web.Response:
    """Say hello."""
    return web.json_response({"hello": "world"})


async def agents_psycopg3(request: web.Request) -> web.Response:
    """Run one query."""
    async with request.app[pool].connection() as connection:
        cursor = await connection.execute(AGENTS)
        return web.json_response(await cursor.fetchall())


async def agents_asyncpg(request: web.Request) -> web.Response:
    """Run one query."""
    async with request.app[pool].acquire() as connection:
        return web.json_response([dict(record) for record in await connection.fetch(AGENTS)])


app = web.Application()
is_asyncpg = os.environ["DRIVER"] == "asyncpg"
app.cleanup_ctx.append(asyncpg_pool if is_asyncpg else psycopg3)
app.add_routes([web.get("/index", index), web.get("/agents", agents_asyncpg if is_asyncpg else agents_psycopg3)])

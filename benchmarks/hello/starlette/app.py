"""As on Starlette's first page, without its debug=True: a JSONResponse and a route. psycopg 3 and its pool."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = int(os.environ["POOL_MAX"])
pool = AsyncConnectionPool("", kwargs={"row_factory": dict_row}, min_size=SIZE, max_size=SIZE, open=False)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    """Hold the pool open."""
    async with pool:
        yield


async def index(_request: Request) -> JSONResponse:
    """Say hello."""
    return JSONResponse({"hello": "world"})


async def agents(_request: Request) -> JSONResponse:
    """Run one query."""
    async with pool.connection() as connection:
        cursor = await connection.execute(AGENTS)
        return JSONResponse(await cursor.fetchall())


app = Starlette(routes=[Route("/index", index), Route("/agents", agents)], lifespan=lifespan)

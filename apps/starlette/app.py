"""The 2015 endpoints on Starlette: psycopg 3 with a pool that is warm before the first request."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
POOL_MAX = int(os.environ["POOL_MAX"])  # per worker, minimum and maximum


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, AsyncConnectionPool]]:
    """Hold the pool open while the worker serves; the PG* environment says where."""
    options = {"autocommit": True, "row_factory": dict_row}
    async with AsyncConnectionPool("", kwargs=options, min_size=POOL_MAX, max_size=POOL_MAX, open=False) as pool:
        await pool.wait()
        yield {"pool": pool}


def reply(value: object) -> Response:
    """Return `value` as JSON, as the standard library writes it."""
    return Response(json.dumps(value), media_type="application/json")


async def index(_request: Request) -> Response:
    """Answer without touching the database."""
    return reply({"hello": "world"})


async def agents(request: Request) -> Response:
    """Query over a pooled connection."""
    async with request.state.pool.connection() as connection:
        return reply(await (await connection.execute(AGENTS)).fetchall())


app = Starlette(routes=[Route("/index", index), Route("/agents", agents)], lifespan=lifespan)

"""The 2015 endpoints on FastAPI: asyncpg with a pool that is warm before the first request."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, Request, Response

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
POOL_MAX = int(os.environ["POOL_MAX"])  # per worker, minimum and maximum


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, asyncpg.Pool]]:
    """Hold the pool open while the worker serves; the PG* environment says where."""
    async with asyncpg.create_pool(min_size=POOL_MAX, max_size=POOL_MAX) as pool:
        yield {"pool": pool}


def reply(value: object) -> Response:
    """Return `value` as JSON, as the standard library writes it."""
    return Response(json.dumps(value), media_type="application/json")


app = FastAPI(lifespan=lifespan)


@app.get("/index")
async def index() -> Response:
    """Answer without touching the database."""
    return reply({"hello": "world"})


@app.get("/agents")
async def agents(request: Request) -> Response:
    """Query over a pooled connection."""
    return reply([dict(record) for record in await request.state.pool.fetch(AGENTS)])

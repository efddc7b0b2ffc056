"""As in FastAPI's first steps: an asynchronous function that returns a dict. The pool is used as asyncpg shows it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI, Request

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = int(os.environ["POOL_MAX"])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the pool open."""
    async with asyncpg.create_pool(min_size=SIZE, max_size=SIZE) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/index")
async def index() -> dict[str, str]:
    """Say hello."""
    return {"hello": "world"}


@app.get("/agents")
async def agents(request: Request) -> list[dict[str, Any]]:
    """Run one query."""
    async with request.app.state.pool.acquire() as connection:
        return [dict(record) for record in await connection.fetch(AGENTS)]

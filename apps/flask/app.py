"""The 2015 endpoints on Flask: a database connection per request, and one from a pool."""

import json
from contextlib import closing
from functools import cache
from typing import Any

import psycopg2
from flask import Flask, Response
from psycopg2 import extensions
from psycopg2.pool import SimpleConnectionPool

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
POOL_MINIMUM = 5  # psycopg2 closes what is put back beyond the minimum: 0 would pool nothing
POOL_MAXIMUM = 30

app = Flask(__name__)


@cache
def pool() -> SimpleConnectionPool:
    """Return this worker's pool, opened by the first request that needs it."""
    return SimpleConnectionPool(POOL_MINIMUM, POOL_MAXIMUM, "")


def reply(value: object) -> Response:
    """Return `value` as JSON, as the standard library writes it."""
    return Response(json.dumps(value), mimetype="application/json")


def agents_from(connection: extensions.connection) -> list[dict[str, Any]]:
    """Return the agents with their login status."""
    connection.autocommit = True  # no BEGIN: one statement, one round trip, as in the other apps
    with connection.cursor() as cursor:
        cursor.execute(AGENTS)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@app.get("/index")
def index() -> Response:
    """Answer without touching the database."""
    return reply({"hello": "world"})


@app.get("/agents")
def agents() -> Response:
    """Connect, query, disconnect."""
    with closing(psycopg2.connect("")) as connection:  # the PG* environment says where
        return reply(agents_from(connection))


@app.get("/agents_with_pool")
def agents_with_pool() -> Response:
    """Query over a pooled connection and put it back."""
    connection = pool().getconn()
    try:
        return reply(agents_from(connection))
    finally:
        pool().putconn(connection)

"""The 2015 endpoints on Flask: a database connection per request, or one from a pool (DB_MODE)."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module

import psycopg2
from flask import Flask, Response
from psycopg2 import extensions
from psycopg2.pool import PoolError, ThreadedConnectionPool

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
PAGE_500 = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<title>500 Internal Server Error</title>
<h1>Internal Server Error</h1>
<p>The server encountered an internal error and was unable to complete your request.  \
Either the server is overloaded or there is an error in the application.</p>
"""  # Werkzeug 0.9.6's
DB_MODE = os.environ.get("DB_MODE", "connect")
dumps = import_module(os.environ.get("JSON", "json")).dumps
app = Flask(__name__)


@cache
def pool() -> ThreadedConnectionPool:
    """Return this worker's pool; psycopg2 closes what is put back beyond the minimum."""
    minimum, maximum = os.environ.get("POOL_MIN", "5"), os.environ.get("POOL_MAX", "30")
    return ThreadedConnectionPool(int(minimum), int(maximum), "")


@contextmanager
def pooled() -> Iterator[extensions.connection]:
    """Lend a connection of the pool; the bug of 2015 closed it instead of putting it back."""
    connection = pool().getconn()
    try:
        yield connection
    finally:
        connection.close() if DB_MODE == "pool-bug" else pool().putconn(connection)


def agents_from(connection: extensions.connection) -> Response:
    """Return the agents with their login status."""
    connection.autocommit = True  # no BEGIN: one statement, one round trip, as in the other apps
    with connection.cursor() as cursor:
        cursor.execute(AGENTS)
        names = [column.name for column in cursor.description]
        return reply([dict(zip(names, row, strict=True)) for row in cursor])


def reply(value: object) -> Response:
    """Return `value` as JSON."""
    return Response(dumps(value), content_type=os.environ.get("CONTENT_TYPE", "application/json"))


@app.get("/index")
def index() -> Response:
    """Answer without touching the database."""
    return reply({"hello": "world"})


@app.get("/agents")
def agents() -> Response:
    """Connect, query, disconnect; or query over a pooled connection."""
    with closing(psycopg2.connect("")) if DB_MODE == "connect" else pooled() as connection:
        return agents_from(connection)


@app.get("/agents_with_pool")
def agents_with_pool() -> Response:
    """Query over a pooled connection."""
    with pooled() as connection:
        return agents_from(connection)


if DB_MODE == "pool":
    pool()  # warm before the first request
if DB_MODE == "pool-bug":  # answered as in 2015, and not logged: one traceback for each of 76,000 requests
    app.register_error_handler(PoolError, lambda _error: Response(PAGE_500, 500, content_type="text/html"))
if "SERVER_HEADER" in os.environ:
    import_module("gunicorn.http.wsgi").SERVER = os.environ["SERVER_HEADER"]

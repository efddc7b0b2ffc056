"""The 2015 endpoints on Flask: psycopg 3 with a pool that is warm before the first request."""

import atexit
import json
import os

from flask import Flask, Response
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
POOL_MAX = int(os.environ["POOL_MAX"])  # per worker, minimum and maximum; the PG* environment says where

app = Flask(__name__)
options = {"autocommit": True, "row_factory": dict_row}
pool = ConnectionPool("", kwargs=options, min_size=POOL_MAX, max_size=POOL_MAX, open=True)
pool.wait()
atexit.register(pool.close)


def reply(value: object) -> Response:
    """Return `value` as JSON, as the standard library writes it."""
    return Response(json.dumps(value), mimetype="application/json")


@app.get("/index")
def index() -> Response:
    """Answer without touching the database."""
    return reply({"hello": "world"})


@app.get("/agents")
def agents() -> Response:
    """Query over a pooled connection."""
    with pool.connection() as connection:
        return reply(connection.execute(AGENTS).fetchall())

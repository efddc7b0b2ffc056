"""As in Flask's quickstart ("APIs with JSON"): a view returns a dict or a list. psycopg2's own thread-safe pool."""

import os

from flask import Flask
from flask.typing import ResponseReturnValue
from psycopg2.extras import RealDictCursor
from psycopg2.pool import ThreadedConnectionPool

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = int(os.environ["POOL_MAX"])
app = Flask(__name__)
pool = ThreadedConnectionPool(SIZE, SIZE, "")


@app.route("/index")
def index() -> ResponseReturnValue:
    """Say hello."""
    return {"hello": "world"}


@app.route("/agents")
def agents() -> ResponseReturnValue:
    """Run one query."""
    connection = pool.getconn()
    try:
        with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(AGENTS)
            return cursor.fetchall()
    finally:
        pool.putconn(connection)

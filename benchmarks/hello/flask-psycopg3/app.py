"""As in Flask's quickstart ("APIs with JSON"): a view returns a dict or a list. psycopg 3 and its pool."""

import os

from flask import Flask
from flask.typing import ResponseReturnValue
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = int(os.environ["POOL_MAX"])
app = Flask(__name__)
pool = ConnectionPool("", kwargs={"row_factory": dict_row}, min_size=SIZE, max_size=SIZE, open=True)


@app.route("/index")
def index() -> ResponseReturnValue:
    """Say hello."""
    return {"hello": "world"}


@app.route("/agents")
def agents() -> ResponseReturnValue:
    """Run one query."""
    with pool.connection() as connection:
        return connection.execute(AGENTS).fetchall()

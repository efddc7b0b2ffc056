"""The 2017 endpoints on Flask: psycopg2 with a pool, urllib3."""

import json
import os
import random
from importlib import import_module
from threading import BoundedSemaphore

import urllib3
from flask import Flask, Response
from psycopg2.pool import ThreadedConnectionPool

MESSAGES = "SELECT id, content FROM message WHERE id = ANY(%s)"
POOL_MIN = int(os.environ["POOL_MIN"])  # psycopg2 closes what is put back beyond it: 0 pools nothing
POOL_MAX = int(os.environ["POOL_MAX"])

app = Flask(__name__)
pool = ThreadedConnectionPool(POOL_MIN, POOL_MAX, "")  # the PG* environment says where
free = BoundedSemaphore(POOL_MAX)  # psycopg2's pool raises an error where others wait
upstream = urllib3.PoolManager(maxsize=1000)
dumps = import_module(os.environ.get("JSON", "json")).dumps


def reply(value: object) -> Response:
    """Return `value` as JSON; Flask's jsonify of 2017 wrote it for the eye."""
    if "PRETTY" in os.environ:
        return Response(json.dumps(value, indent=2, separators=(", ", ": ")) + "\n", mimetype="application/json")
    return Response(dumps(value), mimetype="application/json")


@app.get("/json")
def hello() -> Response:
    """Answer without touching anything."""
    return reply({"hello": "world"})


@app.get("/complete")
def complete() -> Response:
    """Read a hundred random messages."""
    ids = random.sample(range(1, 10_001), 100)
    with free:
        connection = pool.getconn()
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(MESSAGES, (ids,))
                return reply([{"id": key, "content": content} for key, content in cursor])
        finally:
            pool.putconn(connection)


@app.get("/remote")
def remote() -> Response:
    """Ask the bench's slow page."""
    return reply({"status": upstream.request("GET", os.environ["TANDEM_UPSTREAM"], retries=False).status})

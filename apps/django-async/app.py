"""The 2015 endpoints on asynchronous Django: psycopg 3 with Django's pool, warm before the first request."""

import os
import secrets
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

SIZES = {"min_size": int(os.environ["POOL_MAX"]), "max_size": int(os.environ["POOL_MAX"])}
AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
settings.configure(
    ALLOWED_HOSTS=[os.environ["TANDEM_BIND"]],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],  # Django insists on a name; libpq reads the rest of PG*
            "OPTIONS": {"pool": SIZES},
        }
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(50),  # nothing here is signed: made anew at each start
)


def rows() -> list[dict[str, Any]]:
    """Query by hand; Django's database layer is synchronous and runs in threads."""
    with connection.cursor() as cursor:
        cursor.execute(AGENTS)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def reply(value: object) -> JsonResponse:
    """Return `value` as JSON, with its length; Django's own middleware for that would run in a thread."""
    response = JsonResponse(value, safe=False)
    response.headers["Content-Length"] = str(len(response.content))
    return response


async def index(_request: HttpRequest) -> JsonResponse:
    """Answer without touching the database."""
    return reply({"hello": "world"})


async def agents(_request: HttpRequest) -> JsonResponse:
    """Query over a pooled connection."""
    return reply(await sync_to_async(rows)())


urlpatterns = [path(view.__name__, view) for view in (index, agents)]
application = get_asgi_application()
connection.pool.open(wait=True)

"""As in Django's tutorial and its "Asynchronous support": an asynchronous view, a path; settings' own defaults.

The query is that of "Executing custom SQL directly" in a thread, the pool Django's own.
"""

import os
import secrets
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""
SIZE = int(os.environ["POOL_MAX"])
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "OPTIONS": {"pool": {"min_size": SIZE, "max_size": SIZE}},
        }
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(50),
)


async def index(_request: HttpRequest) -> JsonResponse:
    """Say hello."""
    return JsonResponse({"hello": "world"})


def rows() -> list[dict[str, Any]]:
    """Run one query; Django's database layer is synchronous."""
    with connection.cursor() as cursor:
        cursor.execute(AGENTS)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


async def agents(_request: HttpRequest) -> JsonResponse:
    """Answer with what the query finds."""
    return JsonResponse(await sync_to_async(rows)(), safe=False)


urlpatterns = [path("index", index), path("agents", agents)]
application = get_asgi_application()

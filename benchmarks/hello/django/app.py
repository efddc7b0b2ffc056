"""As in Django's tutorial: a view, a path; settings' own defaults.

The query is that of "Executing custom SQL directly", the pool Django's own.
"""

import os
import secrets

from django.conf import settings
from django.core.wsgi import get_wsgi_application
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


def index(_request: HttpRequest) -> JsonResponse:
    """Say hello."""
    return JsonResponse({"hello": "world"})


def agents(_request: HttpRequest) -> JsonResponse:
    """Run one query."""
    with connection.cursor() as cursor:
        cursor.execute(AGENTS)
        columns = [column[0] for column in cursor.description]
        return JsonResponse([dict(zip(columns, row, strict=True)) for row in cursor.fetchall()], safe=False)


urlpatterns = [path("index", index), path("agents", agents)]
application = get_wsgi_application()

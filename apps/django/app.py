"""The 2015 endpoints on Django: raw SQL and the ORM, a database connection per request or a pool (DB_MODE)."""

import atexit
import os
import secrets
from importlib import import_module

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.common import CommonMiddleware
from django.urls import path

PUBLISHED = "SERVER_HEADER" in os.environ
OLD_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "app.OldCommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]  # what Django 1.6 put into a new project
DATABASE: dict[str, object] = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": os.environ["PGDATABASE"],  # Django insists on a name; libpq reads the rest of PG*
}
POOLED = os.environ.get("DB_MODE") == "pool"
if POOLED:
    SIZES = {"min_size": int(os.environ["POOL_MIN"]), "max_size": int(os.environ["POOL_MAX"])}
    DATABASE["OPTIONS"] = {"pool": SIZES}
MIDDLEWARE = [] if POOLED else ["django.middleware.common.CommonMiddleware"]  # sets Content-Length
settings.configure(
    ALLOWED_HOSTS=[os.environ["TANDEM_BIND"]],
    DATABASES={"default": DATABASE},
    DEBUG=PUBLISHED,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"] if PUBLISHED else [],
    MIDDLEWARE=OLD_MIDDLEWARE if PUBLISHED else MIDDLEWARE,
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(50),  # nothing here is signed: made anew at each start
    X_FRAME_OPTIONS="SAMEORIGIN",
)
django.setup()

AGENTS = """
    SELECT f.number, s.extension, s.context, s.state_interface,
           'offline' AS status, '-1' AS extension_status, '0' AS paused
    FROM agentfeatures AS f LEFT JOIN agent_login_status AS s ON f.id = s.agent_id
"""


class AgentFeatures(models.Model):
    """One row of agentfeatures."""

    id = models.AutoField(primary_key=True)
    numgroup = models.IntegerField()
    firstname = models.CharField(max_length=128)
    lastname = models.CharField(max_length=128)
    number = models.CharField(max_length=40, unique=True)
    passwd = models.CharField(max_length=128)
    context = models.CharField(max_length=39)
    language = models.CharField(max_length=20)
    autologoff = models.IntegerField(null=True)
    group = models.CharField(max_length=255, null=True)
    description = models.TextField()
    preprocess_subroutine = models.CharField(max_length=40, null=True)

    class Meta:
        """The table exists already and belongs to no installed Django app."""

        app_label = "agents"
        db_table = "agentfeatures"
        managed = False


class OldCommonMiddleware(CommonMiddleware):
    """As in Django 1.6: sets no Content-Length, so that gunicorn sends the body in chunks."""

    def process_response(self, _request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Leave the response as it is."""
        return response


def reply(value: object) -> JsonResponse:
    """Return `value` as JSON; with its length, where no middleware is there to say it."""
    response = JsonResponse(value, safe=False)
    if POOLED:
        response.headers["Content-Length"] = str(len(response.content))
    return response


def index(_request: HttpRequest) -> JsonResponse:
    """Answer without touching the database."""
    return reply({"hello": "world"})


def agents(_request: HttpRequest) -> JsonResponse:
    """Run the query by hand."""
    with connection.cursor() as cursor:
        cursor.execute(AGENTS)
        names = [column.name for column in cursor.description]
        return reply([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])


def agents_with_orm(_request: HttpRequest) -> JsonResponse:
    """Read every column of agentfeatures through the ORM."""
    return reply(list(AgentFeatures.objects.values()))


urlpatterns = [path(view.__name__, view) for view in (index, agents, agents_with_orm)]
if POOLED:
    connection.pool.open(wait=True)  # warm before the first request
    atexit.register(connection.pool.close)
if PUBLISHED:
    import_module("gunicorn.http.wsgi").SERVER = os.environ["SERVER_HEADER"]
application = get_wsgi_application()

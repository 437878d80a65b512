"""A Django site that only streams events with django-eventstream."""

import os

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="bench",  # noqa: S106
    ROOT_URLCONF="eventstream_site",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django_eventstream",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    EVENTSTREAM_REDIS={"unix_socket_path": os.environ["BENCH_REDIS_SOCKET"]},
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [path("events/", include("django_eventstream.urls"))]
application = get_asgi_application()

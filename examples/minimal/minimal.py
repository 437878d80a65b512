"""A Django site with live notifications, in one file. README.md says how to run it."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")

settings.configure(
    DEBUG=True,
    SECRET_KEY="for this example only",  # noqa: S106
    ROOT_URLCONF=__name__,
    STATIC_URL="static/",
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": ["django.template.context_processors.request"]
            },
        }
    ],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "notifications",
        "members",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "notifications.middleware.CursorMiddleware",
    ],
    NOTIFICATIONS={"REDIS_URL": REDIS_URL},
)
# Also sets Django up, which has to come before the app's views are imported.
application = get_wsgi_application()
urlpatterns = [path("notifications/", include("notifications.urls"))]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)

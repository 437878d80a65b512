"""The site's settings, for tests: fast passwords, no sweep, more models."""

import os

os.environ.setdefault("SECRET_KEY", "tests")
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("USE_HTTPS", "0")

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS, MIDDLEWARE, NOTIFICATIONS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.library", "tests.staff"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# WhiteNoise needs the folder that collectstatic makes; only the live tests have it.
MIDDLEWARE = [name for name in MIDDLEWARE if "whitenoise" not in name]
# Tests call the sweep themselves; a thread that runs it would race them. Without it, an
# event would stay pending after a timeout, which other tests can cause that keep the
# processor busy.
NOTIFICATIONS = {
    **NOTIFICATIONS,
    "SWEEP_INTERVAL": 0,
    "REDIS_TIMEOUT": 5,
    "STRICT": True,
}

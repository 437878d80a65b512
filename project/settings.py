"""The settings of the Q&A site; those of a deployment come from the environment."""

import os
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from project import redis_server

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
redis_server.make_own_private(VAR_DIR)

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str(
    "SECRET_KEY", default="insecure-key-for-development" if DEBUG else ""
)
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Set it in the environment, or DEBUG=1 to develop."
    )
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else LOCAL_HOSTS)

# Whether people reach the site over HTTPS: then nothing is served without it, and no
# cookie is sent without it.
USE_HTTPS = env.bool("USE_HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=USE_HTTPS)
# What balances the load may check it inside the network.
SECURE_REDIRECT_EXEMPT = [r"^notifications/ready/$"]
SESSION_COOKIE_SECURE = env.bool("SESSION_COOKIE_SECURE", default=USE_HTTPS)
CSRF_COOKIE_SECURE = env.bool("CSRF_COOKIE_SECURE", default=USE_HTTPS)
LANGUAGE_COOKIE_SECURE = env.bool("LANGUAGE_COOKIE_SECURE", default=USE_HTTPS)
HSTS_SECONDS = 30 * 24 * 60 * 60
SECURE_HSTS_SECONDS = env.int(
    "SECURE_HSTS_SECONDS", default=HSTS_SECONDS if USE_HTTPS else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool(
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False
)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
# Only those who run the whole domain can say that all of it is served over HTTPS.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "notifications",
    "project.qa",
    "project.demos",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "project.middleware.PagePolicyMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "notifications.middleware.CursorMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

SQLITE_OPTIONS = {
    # Transactions take the write lock at their start. Two that take it later can
    # deadlock: each holds a read lock that the other one waits for.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,  # seconds that project.sqlite waits for a lock
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
# How long a request waits for a connection of the pool, in seconds: longer than a
# process takes for the requests before it.
POOL_TIMEOUT = 60.0


def database() -> dict[str, Any]:
    """Return Django's settings for the database at `DATABASE_URL`.

    Raises ImproperlyConfigured for a URL that is malformed or of another database.
    """
    try:
        config: dict[str, Any] = env.db_url(
            "DATABASE_URL", default=f"sqlite:///{VAR_DIR}/db.sqlite3"
        )
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL is not a database URL: {error}"
        ) from None
    engine = str(config.get("ENGINE"))
    if engine not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
        raise ImproperlyConfigured(
            "DATABASE_URL must start with sqlite:/// or postgres://, "
            "for example postgres://user:password@host:5432/name."
        )
    if engine.endswith("sqlite3"):
        return config | {"ENGINE": "project.sqlite", "OPTIONS": SQLITE_OPTIONS}
    return config | _pool(config.get("OPTIONS", {}))


def _pool(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a pool of DATABASE_POOL_SIZE connections, if that is set.

    Without one, each request of a process has a connection of its own, and a server of
    PostgreSQL refuses those above its `max_connections`.
    """
    size = env.int("DATABASE_POOL_SIZE", default=0)
    if size < 1:
        return {}
    pool = {"min_size": 0, "max_size": size, "timeout": POOL_TIMEOUT}
    # With health checks, no request gets a connection that the server has closed.
    return {"OPTIONS": {**options, "pool": pool}, "CONN_HEALTH_CHECKS": True}


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "project.qa.auth.RefuseDemoPassword",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Pages load from this site only and have no inline scripts or styles. Images may come
# from anywhere, since imported posts show those of other sites.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF, "data:", "https:", "http:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German")]
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60  # seconds
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "project" / "locale"]
FORMAT_MODULE_PATH = ["project.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# `runserver` serves the files from the sources; `serve` collects them first.
WHITENOISE_USE_FINDERS = DEBUG and not env.bool("STATIC_FILES_COLLECTED", default=False)
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "project.staticfiles.ModuleStaticFilesStorage"},
}

NOTIFICATIONS: dict[str, object] = {
    "REDIS_URL": env.str("REDIS_URL", default="") or redis_server.url,
    "AUTHORIZE": "project.qa.notifications.authorize",
    **{
        name.removeprefix("NOTIFICATIONS_"): value
        for name, value in os.environ.items()
        if name.startswith("NOTIFICATIONS_")
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # By default, Django logs the errors of requests to the console with DEBUG only.
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"notifications": {"level": "INFO"}},
}

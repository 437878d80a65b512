"""System checks: report wrong configuration at startup, before it fails at run time."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

from django.conf import STATICFILES_STORAGE_ALIAS, settings
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections, router
from django.urls import Resolver404, get_script_prefix, resolve
from django.utils.module_loading import import_string

from notifications import databases
from notifications.conf import SETTINGS, conf, configured
from notifications.exceptions import InvalidSetting, LogUnavailable
from notifications.log.stream import shared_log
from notifications.mercure import conf as mercure
from notifications.publishing.followables import Followable, public_topics
from notifications.publishing.watch import watched_models

MIDDLEWARE = "notifications.middleware.CursorMiddleware"
ROUTER = "notifications.databases.WriteRouter"
# The oldest redis-py that works, as in pyproject.toml. Before 5.3,
# `ConnectionPool.get_connection` required the name of a command.
OLDEST_REDIS = (5, 3)
# By vendor: `models/newest.py` has SQL for each.
DATABASES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


@register("notifications")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check the NOTIFICATIONS setting: E001, E002 and E003."""
    if isinstance(configured(), dict):
        return [*_wrong_values(), *_unknown_keys()]
    return [
        Error(
            "NOTIFICATIONS is not a dict.",
            hint="Write NOTIFICATIONS = {...}, with the settings as keys.",
            id="notifications.E003",
        )
    ]


def _wrong_values() -> Iterator[CheckMessage]:
    """Yield E001 for each value that cannot be used."""
    for key in SETTINGS:
        try:
            getattr(conf, key)
        except InvalidSetting as error:
            yield Error(str(error), id="notifications.E001")


def _unknown_keys() -> Iterator[CheckMessage]:
    """Yield E002 for each key that is not a setting, most often a misspelt one."""
    public = ", ".join(key for key, setting in SETTINGS.items() if setting.public)
    for key in configured():
        if key not in SETTINGS:
            yield Error(
                f"NOTIFICATIONS has no setting named {key!r}.",
                hint=f"The settings are {public}.",
                id="notifications.E002",
            )


@register("notifications")
def check_redis_version(**kwargs: Any) -> list[CheckMessage]:
    """Check that redis-py is new enough: E004.

    Reads the metadata of the installed package: only `notifications.log` imports it.
    """
    try:
        version = metadata.version("redis")
    except metadata.PackageNotFoundError:
        # Bundled without its metadata, so its version is not known.
        return []
    if _major_minor(version) >= OLDEST_REDIS:
        return []
    oldest = ".".join(map(str, OLDEST_REDIS))
    return [
        Error(
            f"redis-py {version} is too old: {oldest} or newer is required.",
            hint=f"Run pip install --upgrade 'redis>={oldest}'.",
            id="notifications.E004",
        )
    ]


@register("redis", deploy=True)
def check_redis(**kwargs: Any) -> list[CheckMessage]:
    """Check that Redis can be reached and lets the app do what it needs: E010.

    Run with `./manage.py check --deploy`, so that other commands need no Redis.
    """
    try:
        shared_log().rights.check()
    except InvalidSetting as error:
        return [_redis_error(f"expected {error.expected}")]
    except LogUnavailable as error:
        return [_redis_error(str(error))]
    return []


def _redis_error(problem: str) -> CheckMessage:
    return Error(
        problem,
        hint="See docs/redis.md: which addresses and rights there are.",
        id="notifications.E010",
    )


def _major_minor(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


@register("notifications", Tags.database)
def check_database(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that the database is one whose SQL the inbox is written for: E005.

    Run with `./manage.py check --database default`, and by `migrate`.
    """
    return [
        Error(
            f"The database {alias!r} is {connections[alias].display_name}.",
            hint=f"Use one of {', '.join(DATABASES.values())} for notifications.",
            id="notifications.E005",
        )
        for alias in databases or ()
        if connections[alias].vendor not in DATABASES
    ]


@register("notifications")
def check_private_kinds(**kwargs: Any) -> list[CheckMessage]:
    """Check that somebody may see the topics of each private kind: W002."""
    private = [each.kind for each in Followable.registry.values() if not each.public]
    if not private or not _authorizes_by_default():
        return []
    return [
        checks.Warning(
            f"Nobody may follow or stream topics of these kinds: {', '.join(private)}.",
            hint="Call followable(..., public=True) for kinds that everyone may see, "
            "or set AUTHORIZE to a callable that says who may see which topic.",
            id="notifications.W002",
        )
    ]


def _authorizes_by_default() -> bool:
    try:
        return conf.AUTHORIZE is public_topics
    except InvalidSetting:
        # E001 reports it.
        return False


@register("notifications")
def check_router(**kwargs: Any) -> list[CheckMessage]:
    """Check that WriteRouter comes before the site's routers: E006."""
    if not settings.DATABASE_ROUTERS or databases.has_write_router():
        return []
    return [
        Error(
            "Other routers of DATABASE_ROUTERS decide which database events are read "
            "from while they are recorded: that of a replica may not have them yet.",
            hint=f"Put {ROUTER!r} first.",
            id="notifications.E006",
        )
    ]


@register("notifications")
def check_watched_models(**kwargs: Any) -> Iterator[CheckMessage]:
    """Check that watched models are saved where their events can be: E007."""
    for model in sorted(watched_models(), key=lambda model: model._meta.label):
        alias = router.db_for_write(model)
        if not databases.can_record_in(alias):
            yield Error(
                f"{model._meta.label} is saved in the database {alias!r}, which does "
                "not have the tables of notifications.",
                hint=f"Let {ROUTER!r} be the first of DATABASE_ROUTERS, and let "
                "allow_migrate() of your routers allow them there.",
                obj=model,
                id="notifications.E007",
            )


@register("notifications")
def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    """Check that the middleware is installed: W001."""
    if MIDDLEWARE in settings.MIDDLEWARE:
        return []
    return [
        checks.Warning(
            "Pages do not carry the cursor that they were rendered at: an event that "
            "is published while a page loads may not reach it.",
            hint=f"Add {MIDDLEWARE!r} to MIDDLEWARE.",
            id="notifications.W001",
        )
    ]


@register("notifications")
def check_development_server(**kwargs: Any) -> list[CheckMessage]:
    """Check that `runserver` has threads: W003. No environ of a request tells."""
    if not {"runserver", "--nothreading"} <= {*sys.argv}:
        return []
    return [
        checks.Warning(
            "runserver has one thread, and the first stream holds it: the site hangs.",
            hint="Run it without --nothreading.",
            id="notifications.W003",
        )
    ]


@register("notifications")
def check_mercure(**kwargs: Any) -> list[CheckMessage]:
    """Check the MERCURE setting, if the hub is on: E008, E009 and W004."""
    value = mercure.configured()
    if value is None:
        return []
    try:
        # They need the extra.
        from notifications.mercure.validation import problems
        from notifications.mercure.views import hub
    except ImportError as error:
        return [
            Error(
                f"The hub of Mercure needs a library that is missing: {error.name}.",
                hint="Install the extra mercure of this app, or remove MERCURE.",
                id="notifications.E009",
            )
        ]
    found = [Error(str(each), id="notifications.E008") for each in problems(value)]
    return [*found] if found else [*_wrong_path(urlsplit(value["URL"]).path, hub)]


def _wrong_path(path: str, view: Any) -> Iterator[CheckMessage]:
    """Yield W004 if the path of the hub's URL leads elsewhere."""
    with suppress(Resolver404):
        if resolve(path.removeprefix(get_script_prefix().rstrip("/"))).func is view:
            return
    yield checks.Warning(
        f"MERCURE['URL'] has the path {path}, which does not lead to the hub.",
        hint="Include notifications.mercure.urls at the root of the site, or ignore "
        "this if a proxy changes the path.",
        id="notifications.W004",
    )


@register("notifications")
def check_static_files(**kwargs: Any) -> list[CheckMessage]:
    """Check that modules import each other by hashed names if files have them: W005."""
    backend = settings.STORAGES.get(STATICFILES_STORAGE_ALIAS, {}).get("BACKEND")
    storage: Any = import_string(backend) if backend else object
    hashes = issubclass(storage, HashedFilesMixin)
    if not hashes or storage.support_js_module_import_aggregation:
        return []
    return [
        checks.Warning(
            f"{backend} gives static files hashed names, but JavaScript modules import "
            "each other by their plain names, so browsers may combine those of two "
            "versions.",
            hint="Use a subclass with support_js_module_import_aggregation = True.",
            id="notifications.W005",
        )
    ]

"""System checks: wrong configuration is said at start, not found out at run time."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from notifications.conf import SETTINGS, conf, configured
from notifications.exceptions import InvalidSetting

MIDDLEWARE = "notifications.middleware.CursorMiddleware"


@register("notifications")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """E001 to E003: settings that cannot be used."""
    if isinstance(configured(), dict):
        return [*_wrong_values(), *_wrong_keys()]
    return [
        Error(
            "NOTIFICATIONS is no dict.",
            hint="Write NOTIFICATIONS = {...}, with the settings as keys.",
            id="notifications.E003",
        )
    ]


def _wrong_values() -> Iterator[CheckMessage]:
    """E001: a value that cannot be used."""
    for key in SETTINGS:
        try:
            getattr(conf, key)
        except InvalidSetting as error:
            yield Error(str(error), id="notifications.E001")


def _wrong_keys() -> Iterator[CheckMessage]:
    """E002: a key that is no setting, most often a misspelt one."""
    for key in configured():
        if key not in SETTINGS:
            yield Error(
                f"NOTIFICATIONS has no setting named {key!r}.",
                hint=f"The settings are {', '.join(SETTINGS)}.",
                id="notifications.E002",
            )


@register("notifications")
def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    """W001: without the middleware, an event may fall between page and stream."""
    if MIDDLEWARE in settings.MIDDLEWARE:
        return []
    return [
        checks.Warning(
            "A page does not carry the cursor that it was rendered at.",
            hint=f"Add {MIDDLEWARE!r} to MIDDLEWARE.",
            id="notifications.W001",
        )
    ]

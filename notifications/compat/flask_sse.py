"""Flask-SSE's `sse.publish`, for Django, Flask, scripts and workers.

from notifications.compat.flask_sse import sse

https://github.com/singingwolfboy/flask-sse
"""

import os
import sys
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from notifications.conf import conf
from notifications.log.messages import publish_message

# The names that Flask-SSE's configuration has for it, in this order.
URL_NAMES = ("SSE_REDIS_URL", "REDIS_URL")


class ServerSentEvents:
    """Publishes messages to Redis channels, as Flask-SSE's object of this name does."""

    @staticmethod
    def publish(
        data: Any,
        type: str | None = None,  # noqa: A002
        id: str | int | None = None,  # noqa: A002
        retry: int | None = None,
        channel: str = "sse",
    ) -> int:
        """Publish a message; return how many subscribers it reached.

        `data` is text, or anything that JSON can hold. `type` is the name of the event,
        `id` comes back as `Last-Event-ID`, and `retry` is in milliseconds. Redis is
        that of Django's settings, or else `SSE_REDIS_URL` or `REDIS_URL` in the
        configuration of the Flask application or in the environment. Raises
        LogUnavailable, and ImproperlyConfigured without any of these.
        """
        fields = {"data": data, "type": type, "id": id, "retry": retry}
        given = {name: value for name, value in fields.items() if value is not None}
        body = msgspec.json.encode({"data": data} | given)
        return publish_message(_redis_url(), channel, body)


sse = ServerSentEvents()


def _redis_url() -> str:
    if settings.configured or "DJANGO_SETTINGS_MODULE" in os.environ:
        return conf.REDIS_URL()
    for source in (_flask_config(), os.environ):
        for name in URL_NAMES:
            if source.get(name):
                return str(source[name])
    raise ImproperlyConfigured(
        "Set SSE_REDIS_URL or REDIS_URL, in the configuration of the Flask application "
        "or in the environment."
    )


def _flask_config() -> Any:
    """Return the configuration of the current Flask application, if there is one."""
    flask: Any = sys.modules.get("flask")
    return flask.current_app.config if flask and flask.current_app else {}

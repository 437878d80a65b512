"""The WSGI application that gunicorn serves."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from notifications.middleware import serve_reconnects
from project.charsets import REFUSAL, is_utf8

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


def refuse_charsets(application: Application) -> Application:
    """Wrap an application: requests in another charset than UTF-8 get status 400.

    Django raises for some of them before any middleware, or while it makes the page
    that reports the error.
    """

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE", "")
        if is_utf8(content_type):
            return application(environ, start_response)
        start_response("400 Bad Request", [("Content-Type", "text/plain")])
        return [REFUSAL]

    return wrapped


application = refuse_charsets(serve_reconnects(get_wsgi_application()))

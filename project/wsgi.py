"""The WSGI application that gunicorn serves."""

import codecs
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

from notifications.middleware import serve_reconnects

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


def refuse_charsets(application: Application) -> Application:
    """Wrap an application: requests in another charset than UTF-8 get status 400.

    Django raises for some of them before any middleware, or while it makes the page
    that reports the error.
    """

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE", "")
        # Most requests have no parameters here.
        if ";" not in content_type or _is_utf8(content_type):
            return application(environ, start_response)
        start_response("400 Bad Request", [("Content-Type", "text/plain")])
        return [b"The request must be encoded in UTF-8.\n"]

    return wrapped


def _is_utf8(content_type: str) -> bool:
    try:
        _, parameters = parse_header_parameters(content_type)
    except (ValueError, LookupError):
        # A parameter that is itself encoded: RFC 2231.
        return False
    try:
        return codecs.lookup(parameters.get("charset", "utf-8")).name == "utf-8"
    except LookupError:
        # Django ignores names that Python does not know.
        return True
    except ValueError:
        return False


application = refuse_charsets(serve_reconnects(get_wsgi_application()))

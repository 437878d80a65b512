"""The ASGI application, for uvicorn and other servers with an event loop."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

from notifications.middleware import serve_reconnects_async
from project.charsets import REFUSAL, is_utf8

Application = Callable[[Any, Any, Any], Awaitable[None]]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


def refuse_charsets(application: Application) -> Application:
    """Wrap an application: requests in another charset than UTF-8 get status 400."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if is_utf8(headers.get(b"content-type", b"").decode("latin-1")):
            await application(scope, receive, send)
            return
        head = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 400, "headers": head})
        await send({"type": "http.response.body", "body": REFUSAL})

    return wrapped


application = refuse_charsets(serve_reconnects_async(get_asgi_application()))

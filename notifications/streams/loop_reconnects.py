"""Reconnects under ASGI: streams of clients with a cached session, before the site.

What is left to Django is what `reconnects` leaves to it.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from notifications.protocol import sse
from notifications.streams.event_stream import HEADERS, SENT_STREAMS, EventStream
from notifications.streams.reconnects import Reconnects

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class LoopReconnects:
    """An ASGI application: serves reconnects, and calls the site's for the others.

    `more_headers` are sent beside those of an event stream.
    """

    def __init__(
        self, application: Application, more_headers: dict[str, str] | None = None
    ) -> None:
        self._application = application
        self._reconnects = Reconnects()
        headers = {**HEADERS, **(more_headers or {})}
        self._headers = [
            (name.lower().encode(), value.encode()) for name, value in headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, or pass on another kind of connection."""
        environ = _environ_of(scope) if scope["type"] == "http" else {}
        # Exactly what EventSource sends.
        if environ.get("HTTP_ACCEPT") != sse.EVENT_STREAM:
            await self._application(scope, receive, send)
            return
        # In a thread, since it asks Redis.
        found = await asyncio.to_thread(self._reconnects.open, environ)
        if found is not None:
            await self._serve(found.stream, receive, send)
            return
        await self._pass_on(scope, receive, send, environ)

    async def _pass_on(
        self, scope: Scope, receive: Receive, send: Send, environ: dict[str, Any]
    ) -> None:
        """Let the site respond, and note where it does so with a stream."""
        streams: list[EventStream] = []
        token = SENT_STREAMS.set(streams)

        async def noting(message: dict[str, Any]) -> None:
            while streams:
                self._reconnects.learn_stream(environ, streams.pop())
            await send(message)

        try:
            await self._application(scope, receive, noting)
        finally:
            SENT_STREAMS.reset(token)

    async def _serve(self, stream: EventStream, receive: Receive, send: Send) -> None:
        """Send a stream until it ends or its client has left."""
        gone = asyncio.ensure_future(_until_gone(receive))
        sending = asyncio.ensure_future(self._send_all(stream, send))
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (gone, sending):
                each.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)
            await asyncio.to_thread(stream.close)
        if not sending.cancelled():
            # Raises the error, if there was one.
            sending.result()

    async def _send_all(self, stream: EventStream, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": self._headers})
        async with aclosing(stream.in_loop()) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                await send(_part(chunk, more=True))
        await send(_part(b"", more=False))


def _part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _environ_of(scope: Scope) -> dict[str, Any]:
    """Return what Django would make of a request; empty if it would refuse it."""
    try:
        request = ASGIRequest(scope, io.BytesIO())
    except UnicodeDecodeError:
        return {}
    return {**request.META, "wsgi.url_scheme": scope.get("scheme", "http")}

"""Middleware: a cursor for each page, and clients that reconnect to a stream."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse

from notifications.exceptions import LogUnavailable
from notifications.lib.media_types import accepts
from notifications.live.hub import shared_hub
from notifications.log.stream import shared_log
from notifications.protocol import sse
from notifications.protocol.headers import USER_HEADER
from notifications.streams.refusals import TEMPORARY, try_later

PAGE_METHODS = ("GET", "HEAD")
# As Django's SecurityMiddleware adds it.
NOSNIFF = ("X-Content-Type-Options", "nosniff")

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
LoopApplication = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class CursorMiddleware:
    """Set `request.notifications_cursor` for pages; empty if Redis is unreachable.

    The page's stream starts at this cursor. An event that is committed after the view
    has read the database is later in the log, so the page misses no event.

    Also keep the messages of `django.contrib.messages` for the next page that a person
    sees, when a script fetches one to take a part of it.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self._is_async:
            return self._respond(request)
        if _is_page(request):
            request.notifications_cursor = newest_cursor()  # type: ignore[attr-defined]
        response: HttpResponse = self._get_response(request)
        _keep_messages(request)
        return response

    async def _respond(self, request: HttpRequest) -> HttpResponse:
        if _is_page(request):
            cursor = delivered_cursor() or await sync_to_async(newest_cursor)()
            request.notifications_cursor = cursor  # type: ignore[attr-defined]
        response: HttpResponse = await self._get_response(request)
        _keep_messages(request)
        return response

    @staticmethod
    def process_exception(
        request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Reply for a view of the site that cannot open a stream now."""
        return try_later(exception) if isinstance(exception, TEMPORARY) else None


def _is_page(request: HttpRequest) -> bool:
    return request.method in PAGE_METHODS and accepts(request, "text/html")


def _keep_messages(request: HttpRequest) -> None:
    """Keep the messages that a page shows, if a script of the app has fetched it."""
    if USER_HEADER in request.headers:
        messages: Any = get_messages(request)
        # It is a list if the site has no messages.
        if getattr(messages, "used", False):
            messages.used = False


def delivered_cursor() -> str:
    """Return how far the hub has delivered, as text; empty if it reads no log.

    Events after it that a page shows already are sent again; none is lost.
    """
    hub = shared_hub()
    if hub.connection_count and not hub.interrupted:
        return str(hub.delivered_up_to)
    return ""


def newest_cursor() -> str:
    """Return the newest cursor that this process knows, as text; empty if none.

    While the hub reads the log, this takes no request to Redis.
    """
    if cursor := delivered_cursor():
        return cursor
    try:
        return str(shared_log().position())
    except LogUnavailable:
        return ""


def serve_reconnects(application: Application) -> Application:
    """Wrap a site's WSGI application: serve reconnects without the site's middleware.

    These are requests for a stream, by clients with a cached session, at an address
    where the site has opened a stream before. Limits of streams hold, and the server
    logs the access. The site gets all others. It has to decide whether its middleware
    would reject some of them for reasons that the app does not know.
    """
    # Needs the models, which are not loaded when a site's `wsgi.py` is imported.
    from notifications.streams.event_stream import HEADERS
    from notifications.streams.reconnects import Reconnects

    reconnects = Reconnects()
    headers = [*HEADERS.items(), NOSNIFF]

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # Exactly what EventSource sends.
        if environ.get("HTTP_ACCEPT") != sse.EVENT_STREAM:
            return application(environ, start_response)
        if (stream := reconnects.open(environ)) is not None:
            start_response("200 OK", headers)
            return stream
        response = application(environ, start_response)
        reconnects.learn(environ, response)
        return response

    return wrapped


def serve_reconnects_async(application: LoopApplication) -> LoopApplication:
    """Wrap a site's ASGI application: see `serve_reconnects`."""
    from notifications.streams.loop_reconnects import LoopReconnects

    return LoopReconnects(application, dict([NOSNIFF]))

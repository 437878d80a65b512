"""Middleware: a cursor for each page, and clients that reconnect to a stream."""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse

from notifications.exceptions import LogUnavailable
from notifications.lib.media_types import accepts
from notifications.live.hub import shared_hub
from notifications.log.stream import shared_log
from notifications.protocol import sse
from notifications.streams.refusals import TEMPORARY, try_later

PAGE_METHODS = ("GET", "HEAD")
# As Django's SecurityMiddleware adds it.
NOSNIFF = ("X-Content-Type-Options", "nosniff")

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class CursorMiddleware:
    """Set `request.notifications_cursor` for pages; empty if Redis is unreachable.

    The page's stream starts at this cursor. An event that is committed after the view
    has read the database is later in the log, so the page misses no event.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in PAGE_METHODS and accepts(request, "text/html"):
            request.notifications_cursor = newest_cursor()  # type: ignore[attr-defined]
        return self._get_response(request)

    @staticmethod
    def process_exception(
        request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Reply for a view of the site that cannot open a stream now."""
        return try_later(exception) if isinstance(exception, TEMPORARY) else None


def newest_cursor() -> str:
    """Return the newest cursor that this process knows, as text; empty if none.

    If the hub reads the log, this is how far it has delivered, without a request to
    Redis. Events after it that the page shows already are sent again; none is lost.
    """
    hub = shared_hub()
    if hub.connection_count and not hub.interrupted:
        return str(hub.delivered_up_to)
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

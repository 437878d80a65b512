"""Middleware that gives each page the log's cursor from before it is rendered."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from notifications.exceptions import LogUnavailable
from notifications.lib.media_types import accepts
from notifications.live.hub import shared_hub
from notifications.log.stream import shared_log
from notifications.protocol import sse

PAGE_METHODS = ("GET", "HEAD")


class CursorMiddleware:
    """Set `request.notifications_cursor` for pages; empty if Redis is unreachable.

    The page's stream starts at this cursor. An event that is committed after the view
    has read the database is later in the log, so the page misses no event.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in PAGE_METHODS and _wants_page(request):
            request.notifications_cursor = newest_cursor()  # type: ignore[attr-defined]
        return self._get_response(request)


def _wants_page(request: HttpRequest) -> bool:
    # Thousands of EventSources may reconnect at once, and send exactly this.
    accept = request.META.get("HTTP_ACCEPT")
    return accept != sse.EVENT_STREAM and accepts(request, "text/html")


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

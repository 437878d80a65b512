"""Middleware that notes where the log is before a page reads the database."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from notifications.exceptions import LogUnavailable
from notifications.live.hub import shared_hub
from notifications.log.stream import shared_log
from notifications.protocol import sse

READING = ("GET", "HEAD")


class CursorMiddleware:
    """Set `request.notifications_cursor` for pages, empty when Redis is away.

    The page's stream starts there: what is committed after the view has read the
    database is later in the log, so nothing falls between the page and its stream.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in READING and _wants_page(request):
            request.notifications_cursor = newest_cursor()  # type: ignore[attr-defined]
        return self._get_response(request)


def _wants_page(request: HttpRequest) -> bool:
    # What an EventSource sends needs no parsing, and comes by the thousand.
    accept = request.META.get("HTTP_ACCEPT")
    return accept != sse.EVENT_STREAM and request.accepts("text/html")


def newest_cursor() -> str:
    """Return the newest cursor that this process knows, as text; empty if none.

    Where the hub reads the log already, it knows without asking Redis. It may be
    behind by what the page shows then, and that comes again; nothing is left out.
    """
    hub = shared_hub()
    if hub.connection_count and not hub.interrupted:
        return str(hub.delivered_up_to)
    try:
        return str(shared_log().position())
    except LogUnavailable:
        return ""

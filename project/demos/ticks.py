"""One URL, two replies: the page for a browser, and a stream for its script."""

import time
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.vary import vary_on_headers

from notifications.api import Event, EventStreamResponse, wants_event_stream

TICKS = 100
TICK_SECONDS = 0.1
# How long the client waits before it reconnects.
RETRY_MILLISECONDS = 3_000


@vary_on_headers("Accept")
def ticks(request: HttpRequest) -> HttpResponseBase:
    """Show the page, or count to TICKS; a client that comes back goes on counting."""
    if not wants_event_stream(request):
        return render(request, "demos/ticks.html", {"ticks": TICKS})
    if request.headers.get("Last-Event-ID") == str(TICKS):
        # The standard's way to say that there is no more: the client stops.
        return HttpResponse(status=204)
    return EventStreamResponse(count_after, request)


def count_after(last_event_id: str) -> Iterator[Event]:
    """Yield the ticks after the last one that the client has."""
    first = int(last_event_id) + 1 if last_event_id.isdecimal() else 1
    for number in range(first, TICKS + 1):
        yield Event(
            {"tick": number, "of": TICKS},
            event="tick",
            id=str(number),
            retry=RETRY_MILLISECONDS,
        )
        time.sleep(TICK_SECONDS)

"""Numbers for ever: one generator for everyone who looks, however many there are."""

import time
from collections.abc import Iterator
from itertools import cycle

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.vary import vary_on_headers

from notifications.api import EventStreamResponse, SharedStream, wants_event_stream

NUMBER_SECONDS = 1.0


def count() -> Iterator[str]:
    """Yield 1 to 6 again and again."""
    for number in cycle(range(1, 7)):
        yield str(number)
        time.sleep(NUMBER_SECONDS)


shared = SharedStream(count)


@vary_on_headers("Accept")
def numbers(request: HttpRequest) -> HttpResponseBase:
    """Show the page, or the same numbers to all clients."""
    if wants_event_stream(request):
        return EventStreamResponse(shared, request)
    return render(request, "demos/numbers.html")

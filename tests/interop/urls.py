"""The site's addresses, and a story: a stream that ends, resumes, and is over.

Each client has a story of its own, by name; `requests/` tells how it was asked for.
"""

import time
from collections import defaultdict
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import include, path

from notifications.api import Event, EventStreamResponse
from project.urls import urlpatterns as site_patterns
from tests.interop.story import ID, PART, RETRY_MILLISECONDS, STEPS, TEXTS

# By the name of a story: the `Last-Event-ID` of each request, and when it came.
asked: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
# By the name of a story: when the last event of each of its streams was made.
ended: defaultdict[str, list[float]] = defaultdict(list)
# The names of the endless streams whose generators were closed.
closed: set[str] = set()


def story(request: HttpRequest, name: str) -> HttpResponseBase:
    query = request.GET.get("last_event_id", "")
    last_id = request.headers.get("Last-Event-ID", query)
    asked[name].append((last_id, time.monotonic()))
    if last_id == str(len(STEPS)):
        return HttpResponse(status=204)
    return EventStreamResponse(lambda last_id: steps(name, last_id), request)


def steps(name: str, last_id: str) -> Iterator[Event]:
    first = int(last_id or 0)
    for number in range(first, min(first + PART, len(STEPS))):
        event, data = STEPS[number]
        # Clients call an event without a name so.
        event = "" if event == "message" else event
        yield Event(data, event=event, id=str(number + 1), retry=RETRY_MILLISECONDS)
    ended[name].append(time.monotonic())


def requests(request: HttpRequest, name: str) -> HttpResponse:
    pauses = [
        came - end for end, (_, came) in zip(ended[name], asked[name][1:], strict=False)
    ]
    found = [last_id for last_id, _ in asked[name]]
    return JsonResponse({"last_ids": found, "pauses": pauses})


def texts(request: HttpRequest) -> HttpResponseBase:
    return EventStreamResponse(TEXTS.values(), request)


def ids(request: HttpRequest) -> HttpResponseBase:
    return EventStreamResponse(with_id, request)


def with_id(last_id: str) -> Iterator[Event]:
    if last_id:
        yield Event({"came_back_with": last_id})
        return
    yield Event("first", id=ID, retry=RETRY_MILLISECONDS)
    yield Event("without an id")


def endless(request: HttpRequest, name: str) -> HttpResponseBase:
    return EventStreamResponse(until_closed(name), request)


def until_closed(name: str) -> Iterator[str]:
    try:
        while True:
            yield "."
            time.sleep(0.05)
    finally:
        closed.add(name)


def is_closed(request: HttpRequest, name: str) -> HttpResponse:
    return JsonResponse(name in closed, safe=False)


urlpatterns = [
    path("endless/<name>/", endless),
    path("endless/<name>/closed/", is_closed),
    path("texts/", texts),
    path("ids/", ids),
    path("stories/<name>/", story),
    path("stories/<name>/requests/", requests),
    path("", include("notifications.mercure.urls")),
    *site_patterns,
]

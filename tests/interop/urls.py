"""The site's addresses, and a story: a stream that ends, resumes, and is over.

Each client has a story of its own, by name; `requests/` tells how it was asked for.
"""

import time
from collections import defaultdict
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import path

from notifications.api import Event, EventStreamResponse
from project.urls import urlpatterns as site_patterns
from tests.interop.story import PART, RETRY_MILLISECONDS, STEPS

# By the name of a story: the `Last-Event-ID` of each request, and when it came.
asked: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
# By the name of a story: when the last event of each of its streams was made.
ended: defaultdict[str, list[float]] = defaultdict(list)


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
        yield Event(data, event=event, id=str(number + 1), retry=RETRY_MILLISECONDS)
    ended[name].append(time.monotonic())


def requests(request: HttpRequest, name: str) -> HttpResponse:
    pauses = [
        came - end for end, (_, came) in zip(ended[name], asked[name][1:], strict=False)
    ]
    found = [last_id for last_id, _ in asked[name]]
    return JsonResponse({"last_ids": found, "pauses": pauses})


urlpatterns = [
    path("stories/<name>/", story),
    path("stories/<name>/requests/", requests),
    *site_patterns,
]

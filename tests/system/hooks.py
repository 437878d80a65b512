"""Settings and middleware that tests put into the site."""

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse

PRIVATE = "private-"
# The path under which a worker reports what it holds.
CENSUS = "/census/"
# The environment of a site that has them, with short times.
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.system.settings",
    "NOTIFICATIONS_HEARTBEAT_INTERVAL": "1",
    "NOTIFICATIONS_RETRY_INTERVAL": "0.2",
    "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "5000",
    # A loaded machine is not the fault under test.
    "NOTIFICATIONS_REDIS_TIMEOUT": "5",
}

Respond = Callable[[HttpRequest], HttpResponseBase]


def members_only(user: Any, topic: str) -> bool:
    """Allow topics, and private ones to the group that has the name of the topic."""
    _, _, key = topic.partition(":")
    if key.startswith(PRIVATE):
        return bool(user.groups.filter(name=topic).exists())
    return key != "*"


def census(get_response: Respond) -> Respond:
    """Report, at CENSUS, what the worker holds for its clients."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path == CENSUS:
            return JsonResponse(_count())
        return get_response(request)

    return answer


def _count() -> dict[str, int]:
    from greenlet import greenlet
    from gunicorn.http.message import Request
    from gunicorn.http.wsgi import Response

    gc.collect()
    everything = gc.get_objects()

    def how_many(kind: type) -> int:
        return sum(isinstance(each, kind) for each in everything)

    return {
        "process": os.getpid(),
        "greenlets": sum(isinstance(e, greenlet) and not e.dead for e in everything),
        "requests": how_many(HttpRequest),
        "responses": how_many(HttpResponseBase),
        "server's requests": how_many(Request),
        "server's responses": how_many(Response),
    }


def wrapping(get_response: Respond) -> Respond:
    """Wrap each stream into a generator, as third-party middleware may."""

    def wrap(chunks: Iterable[bytes]) -> Iterator[bytes]:
        yield from chunks

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.streaming:
            response.streaming_content = wrap(response.streaming_content)
        return response

    return answer

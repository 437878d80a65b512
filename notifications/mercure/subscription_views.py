"""The subscription API: which subscriptions are active, in all processes."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    JsonResponse,
)

from notifications.log.stream import shared_log
from notifications.mercure.active import (
    SUBSCRIBER,
    document,
    loaded,
    path_of,
)
from notifications.mercure.conf import MercureSettings
from notifications.mercure.credentials import required_token
from notifications.mercure.discovery import described, hub_link
from notifications.mercure.errors import INSUFFICIENT_SCOPE, Refused
from notifications.mercure.terms import HUB_TYPE, SUBSCRIBE
from notifications.mercure.tracker import shared_tracker
from notifications.mercure.views import hub_view

# A collection names at most this many subscriptions.
MOST_LISTED = 10_000


@hub_view
def subscriptions(
    request: HttpRequest, settings: MercureSettings, rest: str | None = None
) -> HttpResponseBase:
    """Return a collection of active subscriptions, or a single one."""
    if not settings.subscriptions:
        raise Http404("The hub does not track subscriptions.")
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET", "OPTIONS"])
    parts = parts_of(rest)
    topic = path_of(settings, *parts)
    token = required_token(request, settings)
    if not token.grants.allows(SUBSCRIBE, topic):
        problem = "The token does not allow to see these subscriptions."
        raise Refused(403, problem, error=INSUFFICIENT_SCOPE)
    shared_tracker().start()
    # Before what it returns is read: what changes from now on comes after it.
    cursor = shared_log().position()
    response = JsonResponse(_body(parts, topic, settings))
    link = hub_link(settings, cursor)
    response["Link"] = link + described(HUB_TYPE, "application/json")
    response["Cache-Control"] = "no-store"
    return response


def parts_of(rest: str | None) -> tuple[str, ...]:
    """Return the matcher type, the matcher and the subscriber in a decoded path.

    A matcher may have slashes; a subscriber is known by its form. Raises Http404.
    """
    if rest is None:
        return ()
    match_type, slash, match = rest.partition("/")
    if not slash:
        raise Http404("A matcher type needs a matcher.")
    before, slash, subscriber = match.rpartition("/")
    if slash and SUBSCRIBER.fullmatch(subscriber):
        return match_type, before, subscriber
    return match_type, match


def _body(
    parts: tuple[str, ...], topic: str, settings: MercureSettings
) -> dict[str, Any]:
    if len(parts) == 3:
        return _single(parts[2], topic, settings)
    found = (each for each in _documents(settings) if _is_of(each, parts))
    listed = [*islice(found, MOST_LISTED)]
    return {"id": topic, "type": "subscriptions", "subscriptions": listed}


def _single(subscriber: str, topic: str, settings: MercureSettings) -> dict[str, Any]:
    body = shared_log().subscriber_store().find(subscriber)
    for each in loaded(body) if body else ():
        found = document(subscriber, each, settings, active=True)
        if found["id"] == topic:
            return found
    raise Http404("There is no such active subscription.")


def _documents(settings: MercureSettings) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for subscriber, body in shared_log().subscriber_store().subscribers():
        # A scan may return one twice.
        if subscriber not in seen:
            seen.add(subscriber)
            for each in loaded(body):
                yield document(subscriber, each, settings, active=True)


def _is_of(found: dict[str, Any], parts: tuple[str, ...]) -> bool:
    return not parts or (found["match_type"], found["match"]) == parts

"""Public events as an iterator, for views that send something else than a stream."""

from collections.abc import Generator, Iterable, Iterator
from typing import Any

import msgspec
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from notifications.conf import conf
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.protocol import sse
from notifications.protocol.subscriptions import NO_SUBSCRIPTIONS
from notifications.protocol.topics import parse_selector
from notifications.streams.event_stream import EventStream
from notifications.streams.lifetime import stream_lifetime
from notifications.streams.open_stream import Client, open_stream

NOT_PUBLIC = "Not everyone may see {topic}."
NO_EXPIRY = float("inf")


def public_events(
    request: HttpRequest, *, topics: Iterable[str], seconds: float
) -> Iterator[dict[str, Any] | None]:
    """Return an iterator over the events of some topics, from this call on.

    An event is a dict of the fields that a stream has as JSON. In between it yields
    None, at least every HEARTBEAT_INTERVAL: write something to the client then, to see
    that it has left. It ends after `seconds`, and earlier when permissions change or
    the process stops. While it waits, it holds no database connection.

    `topics` may have wildcards, `topic:*`. It is for what everyone may see, whoever
    sends the request: raises PermissionDenied if AUTHORIZE refuses a topic to anonymous
    clients. Raises InvalidTopic, LogUnavailable, TooManyStreams and CannotStream, too.
    """
    # Read before AUTHORIZE is asked: see open_stream.
    shared_hub().ensure_started()
    as_of = shared_hub().position
    names = [str(parse_selector(topic)) for topic in topics]
    for name in names:
        if not conf.AUTHORIZE(AnonymousUser(), name):
            raise PermissionDenied(NOT_PUBLIC.format(topic=name))
    subscriber = Subscriber(seconds=min(seconds, stream_lifetime(NO_EXPIRY)))
    stream = open_stream(
        Client.of(request.META, subscriber, NO_SUBSCRIPTIONS),
        as_of=as_of,
        requested_topics=names,
    )
    return PublicEvents(stream)


class PublicEvents(Iterator[dict[str, Any] | None]):
    """The events of a stream; closing it ends the stream, also before the first."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._events = _events(stream)

    def __next__(self) -> dict[str, Any] | None:
        return next(self._events)

    def close(self) -> None:
        """End the stream; idempotent."""
        self._events.close()
        self._stream.close()


def _events(stream: EventStream) -> Generator[dict[str, Any] | None]:
    try:
        for chunk in stream:
            for body in chunk.removesuffix(b"\n\n").split(b"\n\n"):
                yield _event(body)
    finally:
        stream.close()


def _event(body: bytes) -> dict[str, Any] | None:
    """Return the fields of an event; None for what the server itself sends."""
    found = sse.decode(body)
    if not found.event or found.event in sse.SERVER_NAMES:
        return None
    return msgspec.json.decode(found.data, type=dict[str, Any])

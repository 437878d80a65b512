"""Subscribing: from the request of a subscriber to its stream of updates."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from django.http import HttpRequest

from notifications.conf import conf
from notifications.exceptions import InvalidCursor, InvalidValue
from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.log.stream import shared_log
from notifications.mercure.active import subscriptions_of
from notifications.mercure.conf import MercureSettings
from notifications.mercure.connection import KEEP_ALIVE, MercureConnection
from notifications.mercure.form import Pairs, pairs_of, values_of
from notifications.mercure.matchers import (
    EXACT,
    TEMPLATE,
    URL_PATTERN,
    Matcher,
    unchecked_matcher,
)
from notifications.mercure.selection import Selection
from notifications.mercure.tokens import Token
from notifications.mercure.tracker import shared_tracker
from notifications.mercure.updates import EARLIEST, uid_of
from notifications.protocol import sse
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch
from notifications.protocol.subscriptions import NO_SUBSCRIPTIONS
from notifications.streams.event_stream import ConnectionResponse
from notifications.streams.lifetime import stream_lifetime
from notifications.streams.open_stream import Client, open_connection

LAST_EVENT_ID = "Mercure-Last-Event-ID"
LEGACY_LAST_EVENT_ID = "Last-Event-ID"
# Connections are closed a moment after they expire, but never after their token.
EXPIRY_MARGIN_SECONDS = 1.0
_TYPES = {"match": EXACT, "match_exact": EXACT, "match_urlpattern": URL_PATTERN}


def query_of(request: HttpRequest) -> Pairs:
    """Return the query of a request; raises InvalidValue if it is not UTF-8."""
    text = str(request.META.get("QUERY_STRING", ""))
    # WSGI servers hand over bytes as if they were ISO 8859-1 (PEP 3333). Of an ASGI
    # server's, Django has decoded the UTF-8.
    encoding = "latin-1" if "wsgi.version" in request.META else "utf-8"
    return pairs_of(text.encode(encoding, "replace"))


def matchers_of(query: Pairs, hub: MercureSettings) -> list[Matcher]:
    """Return the topic matchers that a query names; raises InvalidValue.

    All names that begin with `match` are reserved: a wrong one is an error.
    """
    found: list[Matcher] = []
    for name, value in query:
        if name in _TYPES:
            found.append(unchecked_matcher(_TYPES[name], value))
        elif name.lower().startswith("match"):
            raise InvalidValue(name, expected=f"one of {', '.join(_TYPES)}")
        elif name == "topic" and hub.is_legacy:
            found.append(unchecked_matcher(TEMPLATE, value))
    if not 1 <= len(found) <= conf.MAX_TOPICS_PER_STREAM:
        limit = conf.MAX_TOPICS_PER_STREAM
        raise InvalidValue(len(found), expected=f"1 to {limit} topic matchers")
    return list(dict.fromkeys(found))


def requested_id(
    request: HttpRequest, query: Pairs, hub: MercureSettings
) -> str | None:
    """Return the id after which a subscriber wants all updates, None for live only."""
    legacy = ("lastEventID", "Last-Event-ID") if hub.is_legacy else ()
    return sse.last_event_id(
        request.headers.get("Last-Event-ID"),
        values_of(query, "last_event_id", *legacy)[:1],
    )


def subscribe(
    request: HttpRequest, token: Token, hub: MercureSettings
) -> ConnectionResponse:
    """Return the stream of what a request subscribes to.

    Raises InvalidValue, LogUnavailable and TooManyStreams.
    """
    query = query_of(request)
    matchers = matchers_of(query, hub)
    selection = Selection(matchers, hub.url)
    after = requested_id(request, query, hub)
    shared_hub().ensure_started()
    replay = Replay(after)
    seconds = min(
        stream_lifetime(float("inf")), token.seconds_left - EXPIRY_MARGIN_SECONDS
    )
    subscriber = Subscriber(seconds=max(seconds, 0))
    client = Client.of(request.META, subscriber, NO_SUBSCRIPTIONS)
    grants = replace(token.grants, base=hub.url)
    make = partial(MercureConnection, selection=selection, grants=grants)
    stream = open_connection(client, make, replay.attach)
    if hub.subscriptions and isinstance(stream.connection, MercureConnection):
        subscriptions = subscriptions_of(matchers, grants)
        shared_tracker().add(stream.connection, subscriptions)
    response = ConnectionResponse(stream)
    if after is not None:
        _set_last_event_id(response, replay.preceding, hub)
    return response


def _set_last_event_id(
    response: ConnectionResponse, text: str, hub: MercureSettings
) -> None:
    # Headers are ISO 8859-1 for Django, and UTF-8 for the clients.
    value = text.encode().decode("latin-1")
    response[LAST_EVENT_ID] = value
    if hub.is_legacy:
        response[LEGACY_LAST_EVENT_ID] = value


class Replay:
    """What a subscriber missed since the update with an id, as far as it is known.

    `preceding` is the id before the first update that is sent, once attached: the same
    as the requested one, unless updates after it may be lost.
    """

    def __init__(self, after: str | None) -> None:
        self._cursor = None if after is None else _cursor_of(after)
        self._after = after or EARLIEST
        self.preceding = EARLIEST

    def attach(self, connection: Connection) -> Iterator[Batch]:
        """Attach a connection to the hub, and return the updates that it missed."""
        hub = shared_hub()
        after = None if self._cursor is None else str(self._cursor)
        batches = hub.attach(connection, after=after, as_of=hub.position)
        if self._cursor is None:
            return iter([KEEP_ALIVE])
        # Made now, since it tells whether there is a gap.
        first = next(batches, KEEP_ALIVE)
        if _is_gap(first):
            return iter([KEEP_ALIVE])
        self.preceding = self._after
        return _updates(connection, first, batches)


def _updates(
    connection: Connection, first: Batch, others: Iterator[Batch]
) -> Iterator[Batch]:
    """Yield the updates, without what else the hub sends to streams."""
    yield _only_updates(first)
    for batch in others:
        if _is_gap(batch):
            # The client reconnects, and is told by the id that it gets.
            connection.close("gap")
            return
        if not connection.seconds_left:
            # A replay takes as long as its client reads it.
            connection.close("expired")
            return
        yield _only_updates(batch)
    yield KEEP_ALIVE


def _is_gap(batch: Batch) -> bool:
    return any(
        not each.topics and sse.decode(each.body).event == sse.RESET
        for each in batch.frames
    )


def _only_updates(batch: Batch) -> Batch:
    return Batch(each for each in batch.frames if each.topics)


def _cursor_of(event_id: str) -> Cursor | None:
    """Return where the update with an id is in the log; None if it is not known."""
    if event_id == EARLIEST:
        return shared_log().oldest()
    if event_id.startswith("#"):
        try:
            return Cursor.parse(event_id[1:])
        except InvalidCursor:
            return None
    return shared_log().cursors([uid_of(event_id)])[0]

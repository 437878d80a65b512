"""Streams of events that a site's generator makes, without Redis or the database."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Iterator,
)
from inspect import isasyncgenfunction

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import connections
from django.http import HttpRequest

from notifications.lib.media_types import preferred_type
from notifications.live.loop_producer import LoopProducer, close
from notifications.live.producer import Producer
from notifications.protocol import sse
from notifications.protocol.server_event import Item
from notifications.protocol.subscriptions import NO_SUBSCRIPTIONS
from notifications.streams.event_stream import ConnectionResponse
from notifications.streams.open_stream import (
    Client,
    open_produced_stream,
    subscriber_of_request,
)

Items = Iterable[Item] | AsyncIterable[Item]
ItemsOrMake = Items | Callable[[str], Items]
NEEDS_ASGI = (
    "an async generator is streamed under ASGI only: serve the site with uvicorn or "
    "another ASGI server, or use a generator without async"
)


class SharedStream:
    """One generator for any number of clients; it runs while there are some.

    `make` is called without arguments and returns an iterable of events: each is sent
    to all clients that are there. Create one for each process, such as at the top of a
    module. A client that is too slow is disconnected. Under ASGI, `make` may be an
    async generator function, which runs in the event loop.
    """

    def __init__(
        self,
        make: Callable[[], Iterable[Item]] | Callable[[], AsyncGenerator[Item]],
    ) -> None:
        self.producer: Producer | LoopProducer
        if isasyncgenfunction(make):
            self.producer = LoopProducer(lambda: _with_own_thread(make()))
        else:
            self.producer = Producer(lambda: _without_database(_require_sync(make())))


class EventStreamResponse(ConnectionResponse):
    """A response that streams the events of a generator to the client of a request.

    `events` is an iterable; or a function that takes the client's `Last-Event-ID`,
    empty at first, and returns one; or a SharedStream. It yields Events, or the data of
    events: text, or a mapping that is sent as JSON. The generator runs in a thread of
    its own, and goes on when the client has read. Heartbeats are sent in between. It is
    closed after the client has left. The stream ends with the generator, with
    `server_closed` as its last event.

    Under ASGI, the generator may be async: it runs in the event loop, and is cancelled
    when the client leaves. Elsewhere that raises TypeError. The limits of streams hold:
    raises TooManyStreams and CannotStream, which CursorMiddleware turns into responses
    with status 429 and 501.
    """

    def __init__(
        self, events: ItemsOrMake | SharedStream, request: HttpRequest
    ) -> None:
        subscriber = subscriber_of_request(request)
        client = Client.of(request.META, subscriber, NO_SUBSCRIPTIONS)
        producer = _producer(events, last_event_id(request))
        if isinstance(producer, LoopProducer) and not client.is_async:
            raise TypeError(NEEDS_ASGI)
        super().__init__(open_produced_stream(client, producer))


def wants_event_stream(request: HttpRequest) -> bool:
    """Tell whether a client prefers an event stream to a page, by its Accept header."""
    return preferred_type(request, "text/html", sse.EVENT_STREAM) == sse.EVENT_STREAM


def last_event_id(request: HttpRequest) -> str:
    """Return the id of the last event that a client received; empty if it has none."""
    header = request.headers.get("Last-Event-ID")
    return sse.last_event_id(header, request.GET.getlist("last_event_id")) or ""


def _producer(
    events: ItemsOrMake | SharedStream, after: str
) -> Producer | LoopProducer:
    if isinstance(events, SharedStream):
        return events.producer
    found = events(after) if callable(events) else events
    if isinstance(found, AsyncIterable):
        return LoopProducer(lambda: _with_own_thread(found), waits_for_clients=True)
    return Producer(lambda: _without_database(found), waits_for_clients=True)


def _require_sync(events: Items) -> Iterable[Item]:
    if isinstance(events, AsyncIterable):
        raise TypeError("expected an async generator function, not one that calls it")
    return events


async def _with_own_thread(events: AsyncIterable[Item]) -> AsyncGenerator[Item]:
    """Yield events whose queries, if there are any, run in a thread of their own.

    At the end its database connections are closed.
    """
    async with ThreadSensitiveContext() as context:
        iterator = aiter(events)
        try:
            async for item in iterator:
                yield item
        finally:
            await close(iterator)
            if context in SyncToAsync.context_to_thread_executor:
                await sync_to_async(connections.close_all)()


def _without_database(events: Iterable[Item]) -> Iterator[Item]:
    """Yield events; then close the database connections that their thread opened."""
    try:
        yield from events
    finally:
        connections.close_all()

"""Open a stream: load what a person follows, and attach a connection to the hub.

Uses the database and the hub; the stream that it returns needs no database.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import router
from django.http import HttpRequest

from notifications.conf import conf
from notifications.databases import release_connections
from notifications.lib.digests import (
    is_database_session,
    login_digest,
    session_digest,
)
from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.loop_producer import LoopProducer
from notifications.live.producer import Producer
from notifications.live.pubsub import shared_pubsub
from notifications.live.subscriber import ANONYMOUS, Subscriber
from notifications.live.transports import QueueTransport
from notifications.models import Follow, TopicPermissions
from notifications.models.followed import Followed, read_follows
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.protocol.frames import Batch
from notifications.protocol.subscriptions import NO_SUBSCRIPTIONS, Subscriptions
from notifications.streams.admission import shared_admission
from notifications.streams.client_socket import ClientSocket, NullSocket
from notifications.streams.event_stream import EventStream
from notifications.streams.heartbeats import heartbeat_for
from notifications.streams.lifetime import (
    latest,
    session_expiry,
    stream_lifetime,
)
from notifications.streams.presence import shared_presence
from notifications.streams.server_threads import most_streams

NULL_SOCKET = NullSocket()


@dataclass(frozen=True, slots=True)
class Client:
    """A request for a stream: who sends it, what they follow, and through what."""

    subscriber: Subscriber = ANONYMOUS
    subscriptions: Subscriptions = NO_SUBSCRIPTIONS
    address: str = ""
    socket: ClientSocket = NULL_SOCKET
    # Whether an ASGI server sends the stream.
    is_async: bool = False
    # How many streams the server can have; None for any number.
    most_streams: int | None = None

    @classmethod
    def of(
        cls,
        environ: Mapping[str, Any],
        subscriber: Subscriber,
        subscriptions: Subscriptions,
    ) -> "Client":
        """Return the client with this WSGI environ, or what ASGIRequest has of it."""
        return cls(
            subscriber,
            subscriptions,
            address=str(environ.get(conf.ADDRESS_HEADER, "")),
            socket=ClientSocket.of(environ),
            # Each WSGI server sets it: PEP 3333.
            is_async="wsgi.version" not in environ,
            most_streams=most_streams(environ),
        )


def open_stream(
    client: Client,
    *,
    as_of: Cursor,
    requested_topics: Iterable[str] = (),
    after: str | None = None,
    unseen_count: int | None = None,
    shown_presence: Collection[str] = (),
) -> EventStream:
    """Return the stream of what a person follows, and of the requested topics.

    `as_of` is the hub's position from before the client was looked up: changes since
    then are read from the log and applied. `after` is the client's cursor as it sent
    it, and `unseen_count` is the number that its bell shows at that cursor; None for no
    bell. `shown_presence` has the digests of what the client shows about presence.
    Raises LogUnavailable, TooManyStreams and CannotStream.
    """

    def attach(connection: Connection) -> Iterator[Batch]:
        missed = shared_hub().attach(connection, after=after, as_of=as_of)
        shared_presence().enter(connection, shown=shown_presence)
        return missed

    return _open(
        client,
        attach,
        _end,
        subscriptions=client.subscriptions,
        requested_topics=requested_topics,
        unseen_count=unseen_count,
    )


def open_channel_stream(
    client: Client, names: Iterable[str], *, as_of: Cursor
) -> EventStream:
    """Return the stream of the messages on these pub/sub channels; live only.

    It ends with the login of its client, as other streams do. `as_of` is the hub's
    position from before the client was looked up. Raises LogUnavailable,
    TooManyStreams and CannotStream.
    """

    def attach(connection: Connection) -> Iterator[Batch]:
        if connection.user:
            shared_hub().attach(connection, after=None, as_of=as_of)
        shared_pubsub().attach(connection)
        return iter([heartbeat_for(connection)])

    return _open(client, attach, _end_channels, channels=names)


def open_produced_stream(
    client: Client, producer: Producer | LoopProducer
) -> EventStream:
    """Return the stream of the events that a producer makes.

    Raises TooManyStreams and CannotStream.
    """

    def attach(connection: Connection) -> Iterator[Batch]:
        producer.attach(connection)
        return iter([heartbeat_for(connection)])

    def end(connection: Connection) -> None:
        producer.detach(connection)
        shared_admission().leave(connection)

    stream = _open(client, attach, end, channels=())
    if isinstance(producer, LoopProducer):
        stream.on_loop = producer.ensure_running
    return stream


def open_connection(
    client: Client,
    make: Callable[..., Connection],
    attach: Callable[[Connection], Iterator[Batch]],
) -> EventStream:
    """Return the stream of a connection that `make` makes and the hub serves.

    `make` takes the parameters of Connection, and `attach` returns what the connection
    missed. Raises TooManyStreams, and what `attach` raises.
    """
    return _open(client, attach, _end, make=make)


def _open(
    client: Client,
    attach: Callable[[Connection], Iterator[Batch]],
    on_end: Callable[[Connection], None],
    *,
    make: Callable[..., Connection] = Connection,
    **options: Any,
) -> EventStream:
    """Admit a connection, attach it to a source of frames, and return its stream."""
    client.socket.tune()
    queue = QueueTransport(buffer_bytes=conf.CLIENT_BUFFER_BYTES, link=client.socket)
    connection = make(client.subscriber, queue, **options)
    shared_admission().enter(
        connection, address=client.address, at_most=client.most_streams
    )
    try:
        missed = attach(connection)
    except BaseException:
        # It may be attached to the first of several sources.
        on_end(connection)
        raise
    return EventStream(
        connection,
        queue,
        missed=missed,
        heartbeat_for=heartbeat_for,
        # A stream needs no database.
        on_start=release_connections,
        on_end=on_end,
        is_async=client.is_async,
    )


def _end(connection: Connection) -> None:
    shared_presence().leave(connection)
    shared_hub().detach(connection)
    shared_admission().leave(connection)


def _end_channels(connection: Connection) -> None:
    shared_pubsub().detach(connection)
    _end(connection)


def look_up(user: Any, session: Any) -> tuple[Subscriber, Subscriptions]:
    """Return who opens a stream and what they follow, by one query.

    `user` is None for an anonymous client. It takes another query if sessions are in
    another database than follows.
    """
    if user is None or not is_database_session(session):
        return subscriber_of(user, session), subscriptions_of(user)
    if router.db_for_read(session.model) != router.db_for_read(Follow):
        return subscriber_of(user, session), subscriptions_of(user)
    followed = read_follows(user, session=session)
    subscriber = _subscriber(user, session, expires_at=latest(followed.expiries))
    return subscriber, _subscriptions(user, followed)


def subscriber_of_request(request: HttpRequest) -> Subscriber:
    """Return the subscriber for the user of a request, anonymous without one."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ANONYMOUS
    return subscriber_of(user, request.session)


def subscriber_of(user: Any, session: Any) -> Subscriber:
    """Return the subscriber for a user and a session.

    `user` is None for an anonymous client, `session` for a stream without a session.
    """
    expires_at = session_expiry(session) if session is not None else float("inf")
    return _subscriber(user, session, expires_at=expires_at)


def _subscriber(user: Any, session: Any, *, expires_at: float) -> Subscriber:
    return Subscriber(
        user=str(user.pk) if user else "",
        session=session_digest(session.session_key) if session is not None else "",
        login=login_digest(user) if user else "",
        seconds=stream_lifetime(expires_at),
        expires_at=expires_at,
    )


def subscriptions_of(user: Any) -> Subscriptions:
    """Return what a person follows and is allowed to see, by AUTHORIZE.

    An anonymous client, for which `user` is None, follows nothing.
    """
    if user is None:
        return NO_SUBSCRIPTIONS
    return _subscriptions(user, read_follows(user))


def _subscriptions(user: Any, followed: Followed) -> Subscriptions:
    follows = (
        # Interned: one string for all connections that follow a topic.
        (sys.intern(topic), level, milliseconds(created))
        for topic, level, created, *_ in followed.follows
    )
    found = Subscriptions.of(
        follows, not_live=followed.not_live, muted_for=followed.muted_for
    )
    return TopicPermissions(user).restrict(found, found.followed_since)

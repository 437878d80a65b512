"""Open a stream: read what a person follows, and attach a connection.

It knows the database and the hub; what it returns needs no database.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections

from notifications.admission import shared_admission
from notifications.channels import shared_channels
from notifications.conf import conf
from notifications.connection import NOBODY, NOTHING, Connection, Follows, Reader
from notifications.cursor import Cursor, milliseconds
from notifications.frames import HEARTBEAT, Batch
from notifications.heartbeats import heartbeat
from notifications.hub import shared_hub
from notifications.identity import login_digest, session_digest
from notifications.models import Follow, Preference
from notifications.outlets import Queue
from notifications.returning import lifetime, session_end
from notifications.sockets import ClientSocket, NoSocket
from notifications.streaming import EventStream

NO_SOCKET = NoSocket()


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for a stream, what they follow, and from where they ask."""

    reader: Reader = NOBODY
    follows: Follows = NOTHING
    address: str = ""
    socket: ClientSocket = NO_SOCKET


def open_stream(
    client: Client,
    *,
    as_of: Cursor,
    asked: Iterable[str] = (),
    after: str | None = None,
    unseen: int | None = None,
) -> EventStream:
    """Return the stream of what a person follows, and of the selectors `asked`.

    `as_of` is the hub's position from before anything was read of who they are: what
    changes meanwhile is in the log after it, and is applied. `after` is the cursor
    that the client was at, as it wrote it, and `unseen` what its bell said then; there
    is no bell without it. Raises LogUnavailable and TooManyStreams.
    """

    def attach(connection: Connection) -> Iterator[Batch]:
        return shared_hub().attach(connection, after=after, as_of=as_of)

    return _open(
        client, attach, _end, follows=client.follows, asked=asked, unseen=unseen
    )


def open_channel_stream(client: Client, names: Iterable[str]) -> EventStream:
    """Return the stream of what is published on these channels; live only.

    Raises LogUnavailable and TooManyStreams.
    """

    def attach(connection: Connection) -> Iterator[Batch]:
        shared_channels().attach(connection)
        return iter([HEARTBEAT])

    return _open(client, attach, _end_channels, channels=names)


def _open(
    client: Client,
    attach: Callable[[Connection], Iterator[Batch]],
    ended: Callable[[Connection], None],
    **subscription: Any,
) -> EventStream:
    """Have a stream counted, and attached to what brings its frames."""
    client.socket.tune()
    queue = Queue(buffer_bytes=conf.BUFFER_BYTES, socket=client.socket)
    connection = Connection(client.reader, queue, **subscription)
    shared_admission().enter(connection, address=client.address)
    try:
        missed = attach(connection)
    except BaseException:
        shared_admission().leave(connection)
        raise
    return EventStream(
        connection,
        queue,
        missed=missed,
        heartbeat=heartbeat,
        started=_release_database,
        ended=ended,
    )


def _end(connection: Connection) -> None:
    shared_hub().detach(connection)
    shared_admission().leave(connection)


def _end_channels(connection: Connection) -> None:
    shared_channels().detach(connection)
    shared_admission().leave(connection)


def reader_of(user: Any, session: Any) -> Reader:
    """Return who reads a stream, which lasts no longer than their session does.

    `user` is None for nobody known, `session` for a stream outside any.
    """
    ends = session_end(session) if session is not None else float("inf")
    return Reader(
        user=str(user.pk) if user else "",
        session=session_digest(session.session_key) if session is not None else "",
        login=login_digest(user) if user else "",
        seconds=lifetime(ends),
        ends=ends,
    )


def follows_of(user: Any) -> Follows:
    """Return what a person follows and may see; nothing for None."""
    if user is None:
        return NOTHING
    rows = Follow.objects.filter(user=user).values_list("topic", "level", "created")
    allowed = (
        # One text for all who follow a topic.
        (sys.intern(topic), level, milliseconds(created))
        for topic, level, created in rows
        if conf.AUTHORIZE(user, topic)
    )
    return Follows.of(allowed, quiet=Preference.objects.quiet(user))


def _release_database() -> None:
    """Give the request's database connections back; a stream needs none."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()

"""Open a stream: read what a person follows, and attach a connection to the hub.

The one place where the two sides meet in a process; what follows needs no database.
"""

import random
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from django.db import connections

from notifications import frames
from notifications.admission import shared_admission
from notifications.channels import shared_channels
from notifications.conf import conf
from notifications.connection import Connection, Following, Reader
from notifications.cursor import Cursor, milliseconds
from notifications.hub import shared_hub
from notifications.identity import login_digest, session_digest
from notifications.models import Follow
from notifications.sockets import ClientSocket, NoSocket
from notifications.streaming import EventStream

# Lifetimes differ by so much either way, so that streams that were opened at once do
# not all come back at once.
LIFETIME_SPREAD = 0.2
NO_SOCKET = NoSocket()


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for a stream, and from where.

    `user` is None for nobody known, and the stream ends with their `session`.
    """

    user: Any = None
    session: Any = None
    address: str = ""
    socket: ClientSocket = NO_SOCKET


def open_stream(
    client: Client,
    *,
    as_of: Cursor,
    asked: Iterable[str] = (),
    after: str | None = None,
) -> EventStream:
    """Return the stream of what a person follows, and of the selectors `asked`.

    `as_of` is the hub's position from before anything was read of who they are: what
    changes meanwhile is in the log after it, and is applied. `after` is the cursor
    that the client was at, as it wrote it. Raises LogUnavailable and TooManyStreams.
    """
    hub = shared_hub()
    follows = _follows(client.user) if client.user else {}
    connection = _connection(client, follows=follows, asked=asked)
    with ExitStack() as ending:
        _admit(client, connection, ending)
        missed = hub.attach(connection, after=after, as_of=as_of)
        ending.callback(hub.detach, connection)
        return EventStream(
            connection,
            missed=missed,
            heartbeat=lambda: frames.heartbeat(connection.reached(hub.settled)),
            started=_release_database,
            closed=ending.pop_all().close,
        )


def open_channel_stream(client: Client, names: Iterable[str]) -> EventStream:
    """Return the stream of what is published on these channels; live only.

    Raises LogUnavailable and TooManyStreams.
    """
    channels = shared_channels()
    connection = _connection(client, channels=names)
    with ExitStack() as ending:
        _admit(client, connection, ending)
        channels.attach(connection)
        ending.callback(channels.detach, connection)
        return EventStream(
            connection,
            missed=iter([frames.heartbeat()]),
            heartbeat=frames.heartbeat,
            started=_release_database,
            closed=ending.pop_all().close,
        )


def _connection(client: Client, **subscription: Any) -> Connection:
    client.socket.tune()
    return Connection(
        reader_of(client.user, client.session),
        buffer_bytes=conf.BUFFER_BYTES,
        too_slow=client.socket.abort,
        **subscription,
    )


def _admit(client: Client, connection: Connection, ending: ExitStack) -> None:
    """Have the stream counted until its end."""

    def hang_up() -> None:
        connection.close("gone")
        client.socket.abort()

    admission = shared_admission()
    ticket = admission.enter(
        user=connection.user,
        address=client.address,
        is_gone=client.socket.is_gone,
        hang_up=hang_up,
    )
    ending.callback(admission.leave, ticket)


def reader_of(user: Any, session: Any) -> Reader:
    """Return who reads a stream, which lasts no longer than their session does."""
    spread = random.uniform(1 - LIFETIME_SPREAD, 1 + LIFETIME_SPREAD)  # noqa: S311
    seconds = conf.STREAM_LIFETIME * spread
    if session is not None:
        seconds = min(seconds, session.get_expiry_age())
    return Reader(
        user=str(user.pk) if user else "",
        session=session_digest(session.session_key) if session is not None else "",
        login=login_digest(user) if user else "",
        seconds=seconds,
    )


def _follows(user: Any) -> dict[str, Following]:
    """Return what a person follows and may see, by topic."""
    rows = Follow.objects.filter(user=user).values_list("topic", "level", "created")
    return {
        topic: Following(level, milliseconds(created))
        for topic, level, created in rows
        if conf.AUTHORIZE(user, topic)
    }


def _release_database() -> None:
    """Give the request's database connections back; a stream needs none."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()

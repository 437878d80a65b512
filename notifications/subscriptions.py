"""Open a stream: read what a person follows, and attach a connection to the hub.

The one place where the two sides meet in a process; what follows needs no database.
"""

import random
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from django.db import connections

from notifications import frames
from notifications.admission import shared_admission
from notifications.channels import shared_channels
from notifications.conf import conf
from notifications.connection import Connection, Following, Reader
from notifications.cursor import Cursor
from notifications.hub import shared_hub
from notifications.identity import login_digest, session_digest
from notifications.models import Follow
from notifications.sockets import ClientSocket
from notifications.streaming import EventStream

# Lifetimes differ by so much either way, so that streams that were opened at once do
# not all come back at once.
LIFETIME_SPREAD = 0.2


def open_stream(
    user: Any,
    *,
    as_of: Cursor,
    asked: Iterable[str] = (),
    after: str | None = None,
    session: Any = None,
    address: str = "",
    client: ClientSocket | None = None,
) -> EventStream:
    """Return the stream of what `user` follows, and of the selectors `asked`.

    `user` is None for nobody known; the stream ends with their `session`. `as_of` is
    the hub's position from before anything was read of who they are: what changes
    meanwhile is in the log after it, and is applied. `after` is the cursor that the
    client was at, as it wrote it. Raises LogUnavailable, and TooManyStreams by the
    person or the `address`.
    """
    hub = shared_hub()
    connection = Connection(
        reader_of(user, session),
        follows=_follows(user) if user else {},
        asked=asked,
        buffer_bytes=conf.BUFFER_BYTES,
        too_slow=client.abort if client else _nothing,
    )
    with ExitStack() as ending:
        _admit(connection, address, client, ending)
        missed = hub.attach(connection, after=after, as_of=as_of)
        ending.callback(hub.detach, connection)
        return EventStream(
            connection,
            missed=missed,
            heartbeat=lambda: frames.heartbeat(connection.reached(hub.settled)),
            started=_release_database,
            closed=ending.pop_all().close,
        )


def open_channel_stream(
    names: Iterable[str],
    *,
    user: Any = None,
    session: Any = None,
    address: str = "",
    client: ClientSocket | None = None,
) -> EventStream:
    """Return the stream of what is published on these channels; live only.

    Raises LogUnavailable and TooManyStreams.
    """
    channels = shared_channels()
    connection = Connection(
        reader_of(user, session),
        channels=names,
        buffer_bytes=conf.BUFFER_BYTES,
        too_slow=client.abort if client else _nothing,
    )
    with ExitStack() as ending:
        _admit(connection, address, client, ending)
        channels.attach(connection)
        ending.callback(channels.detach, connection)
        return EventStream(
            connection,
            missed=iter([frames.heartbeat()]),
            heartbeat=frames.heartbeat,
            started=_release_database,
            closed=ending.pop_all().close,
        )


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


def _admit(
    connection: Connection,
    address: str,
    client: ClientSocket | None,
    ending: ExitStack,
) -> None:
    """Have the stream counted until its end."""
    if client is not None:
        client.tune()

    def hang_up() -> None:
        connection.close("gone")
        if client is not None:
            client.abort()

    admission = shared_admission()
    ticket = admission.enter(
        user=connection.user,
        address=address,
        is_gone=client.is_gone if client else _never,
        hang_up=hang_up,
    )
    ending.callback(admission.leave, ticket)


def _follows(user: Any) -> dict[str, Following]:
    """Return what a person follows and may see, by topic."""
    rows = Follow.objects.filter(user=user).values_list("topic", "level", "created")
    return {
        topic: Following(level, round(created.timestamp() * 1000))
        for topic, level, created in rows
        if conf.AUTHORIZE(user, topic)
    }


def _release_database() -> None:
    """Give the request's database connections back; a stream needs none."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _never() -> bool:
    return False


def _nothing() -> None:
    pass

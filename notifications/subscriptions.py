"""Open a stream: read what a person follows, and attach a connection to the hub.

The one place where the two sides meet in a process; what follows needs no database.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import connections

from notifications import frames
from notifications.channels import shared_channels
from notifications.conf import conf
from notifications.connection import Connection, Following
from notifications.hub import shared_hub
from notifications.models import Follow
from notifications.streaming import EventStream


def open_stream(
    user: Any, *, asked: Iterable[str] = (), after: str | None = None
) -> EventStream:
    """Return the stream of what `user` follows, and of the selectors `asked`.

    `user` is None for nobody known. `after` is the cursor that the client was at, as
    it wrote it. Raises LogUnavailable.
    """
    hub = shared_hub()
    # Noted before the follows are read: a change that comes while they are is in the
    # log after it, and is applied when the connection is attached.
    as_of = hub.start()
    connection = Connection(
        user=str(user.pk) if user else "",
        follows=_follows(user) if user else {},
        asked=asked,
        buffer_bytes=conf.BUFFER_BYTES,
    )
    return EventStream(
        connection,
        missed=hub.attach(connection, after=after, as_of=as_of),
        heartbeat=lambda: frames.heartbeat(connection.reached(hub.settled)),
        started=_release_database,
        closed=partial(hub.detach, connection),
    )


def open_channel_stream(names: Iterable[str]) -> EventStream:
    """Return the stream of what is published on these channels; live only.

    Raises LogUnavailable.
    """
    channels = shared_channels()
    connection = Connection(channels=names, buffer_bytes=conf.BUFFER_BYTES)
    channels.attach(connection)
    return EventStream(
        connection,
        missed=iter([frames.heartbeat()]),
        heartbeat=frames.heartbeat,
        started=_release_database,
        closed=partial(channels.detach, connection),
    )


def _follows(user: Any) -> dict[str, Following]:
    rows = Follow.objects.filter(user=user).values_list("topic", "level", "created")
    return {
        topic: Following(level, round(created.timestamp() * 1000))
        for topic, level, created in rows
    }


def _release_database() -> None:
    """Give the request's database connections back; a stream needs none."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()

"""Unseen counts of connections, from the frames that they have missed.

Guarded by the hub's lock, as all changes of connections.
"""

from notifications.live.connection import Connection
from notifications.live.replay import Replay
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import COUNT_LIMIT, CountEntry
from notifications.protocol.frames import UnseenCount

# How many frames are counted for the bell of one client. With more, it asks for the
# number, as after a reset.
COUNTED_FRAMES = 1_000


def count(
    replay: Replay, connection: Connection, after: Cursor, until: Cursor
) -> UnseenCount:
    """Add the frames in memory between two cursors to a connection's unseen count.

    Returns the new count, with the rows of these frames.
    """
    more = _count(replay, connection, after, until)
    unseen = connection.unseen_count
    return UnseenCount(unseen) if unseen is None else UnseenCount(unseen, more=more)


def count_from(
    entry: CountEntry, replay: Replay, connection: Connection, until: Cursor
) -> UnseenCount:
    """Take a count from the database, and add the frames in memory after it.

    Returns the new count, with the rows of all events.
    """
    connection.unseen_count = entry.unseen_count
    as_of = connection.counted_up_to = Cursor.parse(entry.as_of)
    rows = (*_count(replay, connection, as_of, until), *entry.rows)[:COUNT_LIMIT]
    unseen = connection.unseen_count
    return UnseenCount(unseen) if unseen is None else UnseenCount(unseen, rows=rows)


def _count(
    replay: Replay, connection: Connection, after: Cursor, until: Cursor
) -> tuple[str, ...]:
    """Count frames and return the keys of their rows.

    If these are too many to look at for one client, the count is not known.
    """
    found = replay.in_memory(connection, after, until, at_least=COUNTED_FRAMES + 1)
    if len(found) > COUNTED_FRAMES:
        connection.unseen_count = None
        return ()
    wanted = filter(connection.wants_replayed, found)
    return tuple([each.row for each in connection.count_replayed(list(wanted))])

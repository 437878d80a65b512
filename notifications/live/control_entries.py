"""Control entries: they change what a person's connections are sent, or end them.

Guarded by the hub's lock.
"""

from typing import NamedTuple

from notifications.live.connection import Connection
from notifications.live.missed_counts import count_from
from notifications.live.replay import Replay
from notifications.live.routing import RoutingTable
from notifications.live.segments import Item
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    ControlEntry,
    CountEntry,
    EndEntry,
    FollowEntry,
    GapEntry,
    PreferenceEntry,
)
from notifications.protocol.frames import Batch, Frame


class Ending(NamedTuple):
    """Connections that are to be closed, and the reason that their clients get."""

    connections: list[Connection]
    reason: str


NOTHING_ENDS = Ending([], "")


class ControlEntries:
    """Applies control entries to the connections of one process."""

    def __init__(self, routing: RoutingTable, replay: Replay) -> None:
        self._routing = routing
        self._replay = replay

    @staticmethod
    def stands_alone(item: Item) -> bool:
        """Tell whether an entry is not routed together with those before it."""
        return isinstance(item, ControlEntry | GapEntry) or (
            isinstance(item, Frame) and item.retracts is not None
        )

    def apply_to_all(self, entry: ControlEntry, cursor: Cursor) -> Ending:
        """Apply the entry at a cursor to every connection that it concerns.

        A topic may have very many: the caller has to close those that are returned,
        outside the lock, before it routes another frame.
        """
        if isinstance(entry, EndEntry) and entry.topic:
            return Ending(self._routing.receiving(entry.topic), entry.reason)
        for connection in self._routing.of(entry.user):
            self.apply(entry, cursor, connection)
        return NOTHING_ENDS

    def apply(
        self, entry: ControlEntry, cursor: Cursor, connection: Connection
    ) -> None:
        """Apply the entry at a cursor to one connection that it may concern."""
        if isinstance(entry, FollowEntry | PreferenceEntry):
            self._routing.change(connection, entry, cursor)
        elif isinstance(entry, CountEntry):
            self._set_unseen_count(connection, entry, cursor)
        elif connection.is_ended_by(entry):
            connection.close(entry.reason)

    def _set_unseen_count(
        self, connection: Connection, entry: CountEntry, cursor: Cursor
    ) -> None:
        """Take the unseen count from the database, and count on from there."""
        if connection.unseen_count is None:
            return
        # The page was rendered after this entry, and has a newer count.
        if connection.skip_until is not None and cursor <= connection.skip_until:
            return
        count = count_from(entry, self._replay, connection, cursor)
        connection.push(Batch([frames.count(count, cursor)]))

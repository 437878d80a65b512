"""Catch-up: the frames between a client's cursor and the hub's position.

Reads them from memory or the log, and never a frame that the hub has yet to push.
"""

from collections.abc import Iterator

from notifications.exceptions import LogGap, LogUnavailable, ReplayTooLong
from notifications.live.connection import Connection, State
from notifications.live.missed_counts import count, count_from
from notifications.live.replay import Replay
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame, UnseenCount


class CatchUp:
    """Brings one connection from its client's cursor to the hub's position.

    `after` is the cursor as the client sent it; a client without one missed nothing.
    Creating it raises LogUnavailable.
    """

    def __init__(
        self, connection: Connection, replay: Replay, *, after: str | None
    ) -> None:
        self._connection = connection
        self._replay = replay
        self._cursor = None if after is None else replay.find(after)
        # The client sent a cursor that the log does not have.
        self.needs_reset = after is not None and self._cursor is None
        # Set by `begin`: where the hub takes over, and the unseen count there.
        self._position = Cursor(0, 0)
        self._count: list[Frame] = []
        if connection.unseen_count is not None and self._cursor is not None:
            replay.backfill(self._cursor)

    def is_ahead_of(self, position: Cursor) -> bool:
        """Tell whether the client has newer events than those up to this position."""
        return self._cursor is not None and self._cursor > position

    def begin(self, position: Cursor) -> None:
        """Fix the position from which on the hub pushes live frames.

        Called under the hub's lock, before the connection is routed to: the missed
        frames are counted at the bell before any newer one.
        """
        self._position = position
        cursor = self._cursor
        # The client may be ahead of what this process has read: it must not get that
        # part again.
        ahead = self.is_ahead_of(position)
        self._connection.skip_until = cursor if ahead else None
        if self._connection.unseen_count is not None:
            self._connection.counted_up_to = cursor or position
            self._count = [frames.count(self._count_missed(), self._reached)]

    @property
    def _reached(self) -> Cursor:
        """The client's cursor after the catch-up, which its page may be ahead of."""
        return max(self._position, self._cursor or self._position)

    def _count_missed(self) -> UnseenCount:
        """Add the missed frames to the unseen count, and return it.

        If it is not known what was missed, the count is not known from then on.
        """
        connection, cursor, position = self._connection, self._cursor, self._position
        if cursor is None or not self._replay.covers(min(cursor, position)):
            connection.unseen_count = None
            return UnseenCount(None)
        if cursor >= position:
            return UnseenCount(connection.unseen_count)
        entry = self._replay.last_count(connection.user, cursor, position)
        if entry is None:
            return count(self._replay, connection, cursor, position)
        return count_from(entry, self._replay, connection, position)

    def batches(self) -> Iterator[Batch]:
        """Yield the missed frames or one reset, the unseen count, and a heartbeat.

        The heartbeat carries the cursor that the client has reached with these.
        """
        reset = Batch([frames.reset(self._position)])
        try:
            if self._cursor is not None:
                yield from self._replay.missed(
                    self._connection, self._cursor, self._position
                )
            elif self.needs_reset:
                yield reset
        except (LogGap, ReplayTooLong):
            yield reset
            if self._count:
                self._count = [frames.unknown_count(self._position)]
        except LogUnavailable:
            # The rest cannot be read now: the client reconnects for it.
            self._connection.close("unavailable")
            return
        if self._connection.state is State.OPEN:
            yield Batch([*self._count, frames.heartbeat(self._reached)])

"""Replays for clients that reconnect: from memory, or else from the log.

Knows no client's socket, and pushes nothing.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from notifications.conf import conf
from notifications.exceptions import (
    InvalidCursor,
    LogGap,
    LogUnavailable,
    UnreadableEntry,
)
from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.connection import Connection, State
from notifications.live.history import History, Item
from notifications.log.stream import Log
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    ControlEntry,
    CountEntry,
    EventEntry,
    Record,
    RetractEntry,
)
from notifications.protocol.frames import Batch, Frame

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How many replayed frames are joined into one write at most.
REPLAY_BATCH_FRAMES = 100


class Replay:
    """Keeps the newest entries that the hub has read; safe to share between threads."""

    def __init__(self, log: Log) -> None:
        self._log = log
        # Guards the history, which is complete from its floor to the hub's position.
        self._lock = threading.Lock()
        self._history = History(Cursor(0, 0))
        # Held by the thread that reads older entries; others that need them wait.
        self._backfill_lock = threading.Lock()
        # How many entries could not be decoded and were skipped.
        self.unreadable = 0

    def begin(self, position: Cursor) -> None:
        """Drop everything; the entries added from now on follow this position."""
        with self._lock:
            self._history = _history_from(position)

    def add(self, record: Record, item: Item) -> None:
        """Add the next entry of the log."""
        with self._lock:
            self._history.add(record.cursor, item, len(record.body))

    def decode(self, record: Record) -> Item:
        """Return an entry as a frame or a control entry, or None for any other."""
        try:
            entry = record.decode()
        except UnreadableEntry as error:
            self.unreadable += 1
            logger.warning("entry=skipped %s", error)
            return None
        if isinstance(entry, EventEntry):
            return frames.encode(entry, record.cursor)
        if isinstance(entry, RetractEntry) and entry.cursor:
            return frames.encode_retraction(entry, record.cursor)
        return entry if isinstance(entry, ControlEntry) else None

    def find(self, text: str) -> Cursor | None:
        """Return the cursor that a client sent, or None if the log has no such entry.

        Raises LogUnavailable.
        """
        try:
            cursor = Cursor.parse(text)
        except InvalidCursor:
            return None
        with self._lock:
            known = self._history.has(cursor)
        return cursor if known or self._log.contains(cursor) else None

    def controls(
        self, user: str, after: Cursor, until: Cursor
    ) -> list[tuple[Cursor, ControlEntry]]:
        """Return the control entries of a person between two cursors.

        Raises LogUnavailable and LogGap.
        """
        if after == until:
            return []
        self._backfill(after)
        with self._lock:
            if not self._history.has(after):
                raise LogUnavailable(f"too many entries follow {after}")
            return self._history.controls(user, after, until)

    def backfill(self, cursor: Cursor) -> None:
        """Read the entries after a cursor into memory, unless they are too many.

        Raises LogUnavailable. A gap in the log is left for `missed` to find.
        """
        with suppress(LogGap):
            self._backfill(cursor)

    def covers(self, cursor: Cursor) -> bool:
        """Tell whether memory has every entry after a cursor."""
        with self._lock:
            return self._history.has(cursor)

    def buffered(
        self, connection: Connection, after: Cursor, until: Cursor
    ) -> list[Frame]:
        """Return the frames in memory between two cursors that a connection wants."""
        with self._lock:
            found = self._history.frames_for(connection.selectors, after, until)
        return [frame for frame in found if connection.wants_replayed(frame)]

    def last_count(self, user: str, after: Cursor, until: Cursor) -> CountEntry | None:
        """Return the last unseen count of a person between two cursors, if any."""
        with self._lock:
            found = self._history.controls(user, after, until)
        counts = [entry for _, entry in found if isinstance(entry, CountEntry)]
        return counts[-1] if counts else None

    def missed(
        self, connection: Connection, after: Cursor, until: Cursor
    ) -> Iterator[Batch]:
        """Yield the frames between two cursors for a connection, until it is closed.

        Raises LogUnavailable and LogGap, also after the first batch.
        """
        found = iter(self._frames(connection, after, until))
        while connection.state is State.OPEN and (
            some := list(islice(found, REPLAY_BATCH_FRAMES))
        ):
            yield connection.missed(some)

    def _frames(
        self, connection: Connection, after: Cursor, until: Cursor
    ) -> Iterable[Frame]:
        if after >= until:
            return ()
        self._backfill(after)
        with self._lock:
            if self._history.has(after):
                return self._history.frames_for(connection.selectors, after, until)
        retracted = self._log.retractions().after(after)
        records = self._log.read(after, until=until)
        items = (self.decode(each) for each in records if each.cursor not in retracted)
        return (each for each in items if isinstance(each, Frame))

    def _backfill(self, cursor: Cursor) -> None:
        """Extend the history back to this cursor, unless that is too many entries."""
        if self._may_backfill(cursor):
            with self._backfill_lock:
                # Another thread may have read them meanwhile.
                if self._may_backfill(cursor):
                    self._read_older(cursor)

    def _may_backfill(self, cursor: Cursor) -> bool:
        with self._lock:
            return self._history.may_backfill(cursor)

    def _read_older(self, cursor: Cursor) -> None:
        floor = self._history.floor
        older = _history_from(cursor)
        for record in self._log.read(cursor, until=floor):
            older.add(record.cursor, self.decode(record), len(record.body))
        with self._lock:
            # If the history has dropped its oldest part meanwhile, the two do not meet.
            if self._history.floor == floor:
                self._history.prepend(older, cursor)


def _history_from(start: Cursor) -> History:
    return History(
        start, limit_bytes=conf.REPLAY_BUFFER_BYTES, limit_entries=conf.LOG_MAX_ENTRIES
    )

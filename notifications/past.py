"""The past of the log, for who comes back: from memory, or else read once more."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from notifications import frames
from notifications.conf import conf
from notifications.connection import Connection, State
from notifications.cursor import Cursor
from notifications.entries import ControlEntry, CountEntry, EventEntry, Record
from notifications.exceptions import (
    InvalidCursor,
    LogGap,
    LogUnavailable,
    UnreadableEntry,
)
from notifications.frames import Batch, Frame
from notifications.history import History, Item
from notifications.log import Log
from notifications.throttle import Throttle

logger = logging.getLogger(__name__)
logger.addFilter(Throttle())

# So many frames of the past are joined into one write at most.
BATCH_FRAMES = 100


class Past:
    """Holds what the hub has read lately; safe to share between threads."""

    def __init__(self, log: Log) -> None:
        self._log = log
        # Guards the history, which is complete from its floor to the hub's position.
        self._lock = threading.Lock()
        self._history = History(Cursor(0, 0))
        # Held by who reads what stands before it; the others wait for that.
        self._reading_back = threading.Lock()
        # How many entries made no sense and were skipped.
        self.unreadable = 0

    def begin(self, position: Cursor) -> None:
        """Forget everything; what is added from now on stands after this position."""
        with self._lock:
            self._history = _history_from(position)

    def add(self, record: Record, item: Item) -> None:
        """Add what stands next in the log."""
        with self._lock:
            self._history.add(record.cursor, item, len(record.body))

    def decode(self, record: Record) -> Item:
        """Return what an entry is to the connections, if anything."""
        try:
            entry = record.decode()
        except UnreadableEntry as error:
            self.unreadable += 1
            logger.warning("entry=skipped %s", error)
            return None
        if isinstance(entry, EventEntry):
            return frames.encode(entry, record.cursor)
        return entry if isinstance(entry, ControlEntry) else None

    def find(self, text: str) -> Cursor | None:
        """Return the cursor that a client wrote, if the log has its entry.

        Raises LogUnavailable.
        """
        try:
            cursor = Cursor.parse(text)
        except InvalidCursor:
            return None
        with self._lock:
            known = self._history.has(cursor)
        return cursor if known or self._log.contains(cursor) else None

    def changes(
        self, user: str, after: Cursor, until: Cursor
    ) -> list[tuple[Cursor, ControlEntry]]:
        """Return what happened in between to what a person follows and may.

        Raises LogUnavailable and LogGap.
        """
        if after == until:
            return []
        self._reach_back(after)
        with self._lock:
            if not self._history.has(after):
                raise LogUnavailable(f"too much happened after {after}")
            return self._history.controls(user, after, until)

    def reach_back(self, cursor: Cursor) -> None:
        """Let what comes after a cursor be in memory, if that is not too much.

        Raises LogUnavailable. What is gone by now stays unknown.
        """
        with suppress(LogGap):
            self._reach_back(cursor)

    def covers(self, cursor: Cursor) -> bool:
        """Tell whether all that comes after a cursor is in memory."""
        with self._lock:
            return self._history.has(cursor)

    def known(
        self, connection: Connection, after: Cursor, until: Cursor
    ) -> list[Frame]:
        """Return what is in memory of what stands in between for a connection."""
        with self._lock:
            found = self._history.addressed(connection.selectors, after, until)
        return [frame for frame in found if connection.wants_replayed(frame)]

    def last_count(self, user: str, after: Cursor, until: Cursor) -> CountEntry | None:
        """Return the last entry in between of how much a person has not seen."""
        with self._lock:
            found = self._history.controls(user, after, until)
        counts = [entry for _, entry in found if isinstance(entry, CountEntry)]
        return counts[-1] if counts else None

    def missed(
        self, connection: Connection, after: Cursor, until: Cursor
    ) -> Iterator[Batch]:
        """Yield what stands in between for a connection, until that is closed.

        Raises LogUnavailable and LogGap, also on the way.
        """
        found = iter(self._frames(connection, after, until))
        while connection.state is State.OPEN and (
            some := list(islice(found, BATCH_FRAMES))
        ):
            yield connection.missed(some)

    def _frames(
        self, connection: Connection, after: Cursor, until: Cursor
    ) -> Iterable[Frame]:
        if after >= until:
            return ()
        self._reach_back(after)
        with self._lock:
            if self._history.has(after):
                return self._history.addressed(connection.selectors, after, until)
        items = map(self.decode, self._log.read(after, until=until))
        return (each for each in items if isinstance(each, Frame))

    def _reach_back(self, cursor: Cursor) -> None:
        """Let the history begin at this cursor, if that is not too much."""
        if self._may_reach(cursor):
            with self._reading_back:
                if self._may_reach(cursor):
                    self._read_back(cursor)

    def _may_reach(self, cursor: Cursor) -> bool:
        with self._lock:
            return self._history.may_reach(cursor)

    def _read_back(self, cursor: Cursor) -> None:
        floor = self._history.floor
        older = _history_from(cursor)
        for record in self._log.read(cursor, until=floor):
            older.add(record.cursor, self.decode(record), len(record.body))
        with self._lock:
            # What was forgotten meanwhile is missing in between: read it the next time.
            if self._history.floor == floor:
                self._history.extend_back(older, cursor)


def _history_from(start: Cursor) -> History:
    return History(
        start, limit_bytes=conf.HISTORY_BYTES, limit_entries=conf.LOG_MAX_ENTRIES
    )

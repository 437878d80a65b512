"""Replays for clients that reconnect: from memory, or else from the log.

Pushes nothing. A long replay is made page by page, as its client reads it.
"""

import logging
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext, suppress

from notifications.conf import conf
from notifications.exceptions import (
    InvalidCursor,
    LogGap,
    LogUnavailable,
    ReplayTooLong,
    UnreadableEntry,
)
from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.time_slice import give_way
from notifications.live.connection import Connection, State
from notifications.live.history import History
from notifications.live.older_entries import PAGE_BYTES, OlderEntries
from notifications.live.outlines import Outline
from notifications.live.segments import Item
from notifications.live.shared_pages import Page, SharedPages
from notifications.log.stream import Log
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    ControlEntry,
    CountEntry,
    EventEntry,
    GapEntry,
    Record,
    RetractEntry,
    UpdateEntry,
)
from notifications.protocol.frames import Batch, Frame

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How many replayed frames from memory are joined into one write at most.
REPLAY_BATCH_FRAMES = 100
# How many pages from memory a client gets before it has to take turns for more, as for
# what is read from the log. Thousands may reconnect at once, and most missed little.
FREE_PAGES = 10


class Replay:
    """Keeps the newest entries that the hub has read; safe to share between threads."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._older = OlderEntries(log, self.decode)
        # Guards the history, which is complete from its floor to the hub's position.
        self._lock = threading.Lock()
        self._history = History(Cursor(0, 0))
        self._shared_pages = SharedPages()
        # Held by the thread that reads older entries; others that need them wait.
        self._backfill_lock = threading.Lock()
        # How many entries could not be decoded and were skipped.
        self.unreadable = 0

    def begin(self, position: Cursor) -> None:
        """Drop everything; the entries added from now on follow this position."""
        with self._lock:
            self._history = _history_from(position)
            self._shared_pages.clear()

    def add(self, record: Record, item: Item) -> None:
        """Add the next entry of the log."""
        with self._lock:
            self._history.add(record.cursor, item, len(record.body))

    def decode(self, record: Record) -> Item:
        """Return an entry as a frame, or None for one that concerns no connection."""
        try:
            entry = record.decode()
        except UnreadableEntry as error:
            self.unreadable += 1
            logger.warning("entry=skipped %s", error)
            return None
        if isinstance(entry, EventEntry):
            return frames.encode(entry, record.cursor)
        if isinstance(entry, UpdateEntry):
            return frames.encode_update(entry, record.cursor)
        if isinstance(entry, RetractEntry) and entry.cursor:
            return frames.encode_retraction(entry, record.cursor)
        return entry if isinstance(entry, ControlEntry | GapEntry) else None

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
        """Read the entries after a cursor into memory, as far as they fit.

        Raises LogUnavailable. A gap in the log is left for `missed` to find.
        """
        with suppress(LogGap):
            self._backfill(cursor)

    def covers(self, cursor: Cursor) -> bool:
        """Tell whether memory has every entry after a cursor."""
        with self._lock:
            return self._history.has(cursor)

    def in_memory(
        self, connection: Connection, after: Cursor, until: Cursor, *, at_least: int
    ) -> Sequence[Frame]:
        """Return the frames between two cursors that are routed to a connection.

        If there are more than `at_least`, it may leave out some, but not more.
        """
        with self._lock:
            return self._history.frames_for(
                connection.selectors, after, until, at_least=at_least
            )

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

        Raises LogUnavailable, LogGap and ReplayTooLong, also after the first batch.
        """
        selectors = frozenset(connection.selectors)
        pages = 0
        if after < until:
            self._backfill(after)
        while after < until and connection.state is State.OPEN:
            takes_turns = pages >= FREE_PAGES
            with self._older.turn(connection) if takes_turns else nullcontext():
                page = self._page(connection, selectors, after, until)
            if page is None:
                after = yield from self._from_log(connection, after, until)
            else:
                batch, after = page
                yield batch
            pages += 1
            if after < until:
                give_way()

    def _page(
        self,
        connection: Connection,
        selectors: frozenset[str],
        after: Cursor,
        until: Cursor,
    ) -> Page | None:
        """Return the next frames in memory, and the cursor that they reach.

        None if memory does not have the entries after a cursor. Anonymous clients that
        request the same topics get the same page, which is made once.
        """

        def make() -> Page | None:
            with self._lock:
                if not self._history.has(after):
                    return None
                found = self._history.frames_for(
                    selectors, after, until, at_least=REPLAY_BATCH_FRAMES
                )
            page, reached = _cut(found, until)
            return connection.missed(page), reached

        if not connection.shares_pages:
            return make()
        return self._shared_pages.page((selectors, after, until), make)

    def _from_log(
        self, connection: Connection, after: Cursor, until: Cursor
    ) -> Generator[Batch, None, Cursor]:
        """Yield the frames that memory does not have; return what cursor they reach."""
        reached, outlines = self._outline(connection, after)
        yield from self._older.missed(connection, outlines, after, until)
        return min(max(reached, after), until)

    def _outline(
        self, connection: Connection, cursor: Cursor
    ) -> tuple[Cursor, list[Outline]]:
        """Return where memory begins, and the outlines from a cursor to there.

        Raises LogUnavailable, LogGap, and ReplayTooLong if they are too many.
        """
        while True:
            with self._lock:
                if cursor > self._history.floor and not self._history.has(cursor):
                    raise LogGap(cursor)
                # With the same lock, since the oldest outlines may be dropped later.
                if cursor >= self._history.outline_floor:
                    return self._history.floor, self._history.outlines_from(cursor)
                if not self._history.may_extend():
                    raise ReplayTooLong(conf.LOG_MAX_ENTRIES)
            with self._older.turn(connection):
                self._read_outlines(cursor)

    def _read_outlines(self, cursor: Cursor) -> None:
        """Outline the last entries that the history does not have, if it needs them."""
        with self._backfill_lock:
            floor = self._outline_floor()
            # Another thread may have read them meanwhile.
            if cursor < floor:
                outlines = self._older.outlines_before(floor)
                with self._lock:
                    # The history may have begun anew.
                    if self._history.outline_floor == floor:
                        self._history.prepend_outlines(outlines)

    def _outline_floor(self) -> Cursor:
        with self._lock:
            return self._history.outline_floor

    def _backfill(self, cursor: Cursor) -> None:
        """Extend memory back to this cursor, or until it is full."""
        while self._may_backfill(cursor):
            with self._backfill_lock:
                # Another thread may have read them meanwhile.
                if self._may_backfill(cursor):
                    self._read_older()

    def _may_backfill(self, cursor: Cursor) -> bool:
        with self._lock:
            return cursor < self._history.floor and not self._history.is_full()

    def _read_older(self) -> None:
        """Read the last entries that the history does not have."""
        floor = self._outline_floor()
        start, entries = self._older.before(floor)
        with self._lock:
            # The history may have begun anew, or dropped its oldest part.
            if self._history.outline_floor == floor:
                self._history.prepend(start, entries)


def _cut(found: list[Frame], until: Cursor) -> tuple[list[Frame], Cursor]:
    """Return the first page of frames up to a cursor, and the cursor it reaches."""
    size = 0
    for number, frame in enumerate(found, 1):
        size += len(frame.body)
        if size >= PAGE_BYTES or number == REPLAY_BATCH_FRAMES:
            return found[:number], frame.cursor
    return found, until


def _history_from(start: Cursor) -> History:
    return History(
        start, limit_bytes=conf.REPLAY_BUFFER_BYTES, limit_entries=conf.LOG_MAX_ENTRIES
    )

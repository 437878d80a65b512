"""The hub: one reader of the log a process, pushing to the connections it serves.

It knows who is connected and what they follow, and nothing of HTTP or of the ORM.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from notifications import frames
from notifications.conf import conf
from notifications.connection import Connection, State
from notifications.cursor import Cursor
from notifications.entries import (
    AnyEntry,
    EndEntry,
    EventEntry,
    FollowEntry,
    Record,
)
from notifications.exceptions import (
    InvalidCursor,
    LogGap,
    LogUnavailable,
    UnreadableEntry,
)
from notifications.frames import Frame
from notifications.log import Log, shared_log
from notifications.routes import Routes
from notifications.throttle import Throttle

logger = logging.getLogger(__name__)
logger.addFilter(Throttle())

# Between attempts to reach the log again: doubled from the first to the last.
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 2.0
# How long the first read after a failure waits, before the link counts as good.
RECHECK_SECONDS = 0.1


class Hub:
    """Reads the log from where it was, and never again what it has read."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._stopping = threading.Event()
        # Guarded by the lock: the connections served, and how far.
        # Re-entrant, since a stream that nobody closed is detached wherever Python
        # happens to collect it.
        self._lock = threading.RLock()
        self._routes = Routes()
        self._position = Cursor(0, 0)
        self._thread: threading.Thread | None = None
        # Everything up to here has been pushed, not only routed.
        self._settled = Cursor(0, 0)
        # How often in a row the log was not to be reached.
        self._failures = 0
        # How many entries made no sense and were skipped.
        self.unreadable = 0

    def start(self) -> Cursor:
        """Start reading, if it has not begun; return the position to serve from.

        Raises LogUnavailable when the log was never reached yet.
        """
        with self._lock:
            if self._thread is None:
                self._position = self._settled = self._log.position()
                self._stopping.clear()
                self._thread = threading.Thread(
                    target=self._run, name="notifications-hub", daemon=True
                )
                self._thread.start()
            return self._position

    def stop(self) -> None:
        """Stop reading and close every connection; start() begins anew."""
        thread = self._thread
        self._stopping.set()
        if thread is not None:
            thread.join()

    def _end(self) -> None:
        with self._lock:
            self._thread = None
            connections = list(self._routes)
        for connection in connections:
            connection.close("stopped", drain=True)

    @property
    def settled(self) -> Cursor:
        """The cursor up to which every open connection has what is for it."""
        return self._settled

    @property
    def connected(self) -> int:
        """How many connections it serves."""
        return len(self._routes)

    @property
    def interrupted(self) -> bool:
        """Whether the log is out of reach."""
        return self._failures > 0

    def attach(
        self, connection: Connection, *, after: str | None, as_of: Cursor
    ) -> Iterator[Frame]:
        """Serve this connection from now on; return the frames that it missed.

        `after` is the cursor that the client was at, as it wrote it; without one
        nothing was missed. `as_of` is the position from before the follows were
        loaded. Raises LogUnavailable, with the connection not attached.
        """
        cursor = self._known(after)
        if cursor is None and after is not None:
            self._check_position()
        # Set before it is registered: the page may be newer than what this process
        # has read so far, and must not get that part again.
        connection.seen = cursor
        with self._lock:
            if self._thread is None:
                raise LogUnavailable("the reading of the log has just ended")
            position = self._position
            self._routes.add(connection)
        try:
            self._catch_up(connection, as_of, position)
        except (LogUnavailable, LogGap) as error:
            self.detach(connection)
            raise LogUnavailable(str(error)) from error
        return self._missed(connection, after, position)

    def detach(self, connection: Connection) -> None:
        """Serve this connection no longer; idempotent."""
        connection.close("detached")
        with self._lock:
            self._routes.remove(connection)

    def _catch_up(
        self, connection: Connection, as_of: Cursor, position: Cursor
    ) -> None:
        """Apply the changes of follows that came while they were being loaded."""
        for record in self._log.read(as_of, until=position):
            entry = self._decode(record)
            if not isinstance(entry, FollowEntry | EndEntry):
                continue
            if entry.user == connection.user:
                with self._lock:
                    self._control(entry, record.cursor, connection)

    def _check_position(self) -> None:
        """Raise LogUnavailable when a gap is about to be declared to everyone.

        A client that was let in before would get one reset now and another then.
        """
        if not self._log.contains(self._position):
            raise LogUnavailable("the log was replaced a moment ago")

    def _known(self, text: str | None) -> Cursor | None:
        """Return the cursor that a client wrote, if the log has its entry."""
        if text is None:
            return None
        try:
            cursor = Cursor.parse(text)
        except InvalidCursor:
            return None
        return cursor if self._log.contains(cursor) else None

    def _missed(
        self, connection: Connection, after: str | None, position: Cursor
    ) -> Iterator[Frame]:
        """Yield what was missed, or one reset; then how far the client is with that."""
        cursor = connection.seen
        try:
            if cursor is not None:
                yield from self._replay(connection, cursor, position)
            elif after is not None:
                yield frames.reset(position)
        except LogGap:
            yield frames.reset(position)
        except LogUnavailable:
            # What is missing cannot be read now: the client comes back for it.
            connection.close("unavailable")
            return
        if connection.state is State.OPEN:
            yield frames.heartbeat(connection.reached(position))

    def _replay(
        self, connection: Connection, after: Cursor, position: Cursor
    ) -> Iterator[Frame]:
        for record in self._log.read(after, until=position):
            if connection.state is State.CLOSED:
                return
            entry = self._decode(record)
            if isinstance(entry, EventEntry):
                frame = frames.encode(entry, record.cursor)
                if connection.wants_replayed(frame):
                    yield frame

    def _decode(self, record: Record) -> AnyEntry | None:
        try:
            return record.decode()
        except UnreadableEntry as error:
            self.unreadable += 1
            logger.warning("entry=skipped %s", error)
            return None

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._step()
                    self._failures = 0
                except LogUnavailable as error:
                    self._back_off(error)
        finally:
            # Also when an error of our own ended it: nobody is left listening to a
            # hub that does not read. Clients come back, and the next one starts it.
            self._end()

    def _step(self) -> None:
        """Read once and push what came; after a failure, without waiting long."""
        seconds = RECHECK_SECONDS if self._failures else conf.READ_BLOCK
        try:
            self._dispatch(self._log.wait(self._position, seconds=seconds))
        except LogGap as gap:
            self._reset(gap)
        if self._failures:
            logger.info("read=resumed cursor=%s", self._position)

    def _back_off(self, error: LogUnavailable) -> None:
        if not self._failures:
            logger.warning("read=interrupted reason=%r", str(error))
        delay = min(FIRST_RETRY_SECONDS * 2**self._failures, LAST_RETRY_SECONDS)
        self._failures += 1
        self._stopping.wait(delay)

    def _reset(self, gap: LogGap) -> None:
        """Declare a gap to everyone, and go on from where the log is now.

        What was lost may have ended a right or changed a follow: so the streams end,
        and those who come back are looked at anew.
        """
        newest = self._log.position()
        logger.warning("read=reset from=%s to=%s", gap.cursor, newest)
        with self._lock:
            self._position = newest
            connections = list(self._routes)
        for connection in connections:
            connection.seen = None
            connection.push([frames.reset(newest)])
            connection.close("gap", drain=True)
        self._settled = newest

    def _dispatch(self, records: Sequence[Record]) -> None:
        """Push what one read of the log brought, each connection's share at once."""
        if not records:
            return
        due: defaultdict[Connection, list[Frame]] = defaultdict(list)
        with self._lock:
            for record in records:
                self._route(record, due)
            self._position = records[-1].cursor
        for connection, share in due.items():
            connection.push(share)
        self._settled = records[-1].cursor

    def _route(self, record: Record, due: defaultdict[Connection, list[Frame]]) -> None:
        entry = self._decode(record)
        if isinstance(entry, EventEntry):
            frame = frames.encode(entry, record.cursor)
            for connection in self._routes.matching(frame):
                due[connection].append(frame)
        elif isinstance(entry, FollowEntry | EndEntry):
            for connection in self._routes.of(entry.user):
                self._control(entry, record.cursor, connection)

    def _control(
        self, entry: FollowEntry | EndEntry, cursor: Cursor, connection: Connection
    ) -> None:
        """Apply what an entry says of the person who reads this connection."""
        if isinstance(entry, FollowEntry):
            self._routes.change(connection, entry, cursor)
        elif connection.is_ended_by(entry):
            connection.close(entry.reason)


@cache
def shared_hub() -> Hub:
    """Return the hub of this process; it starts reading with the first stream."""
    return Hub(shared_log())

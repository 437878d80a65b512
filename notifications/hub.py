"""The hub: one reader of the log a process, pushing to the connections it serves.

It knows who is connected and what they follow, and nothing of HTTP or of the ORM.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache

from notifications import frames
from notifications.conf import conf
from notifications.connection import Connection, State
from notifications.counters import shared_counters
from notifications.cursor import Cursor
from notifications.entries import (
    ControlEntry,
    CountEntry,
    FollowEntry,
    PreferenceEntry,
    Record,
)
from notifications.exceptions import LogGap, LogUnavailable
from notifications.frames import HEARTBEAT, Batch, Frame
from notifications.log import Log, shared_log
from notifications.pace import Pace
from notifications.past import Past
from notifications.routes import Routes
from notifications.throttle import Throttle

logger = logging.getLogger(__name__)
logger.addFilter(Throttle())

# Between attempts to reach the log again: doubled from the first to the last.
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 2.0
# How long the first read after a failure waits, before the link counts as good.
RECHECK_SECONDS = 0.1
# Events are routed together that are for so many connections in all.
ROUTE_CONNECTIONS = 20_000


class Hub:
    """Reads the log once, from where it was; what came before is for the past.

    `pace` lets others work in the middle of what takes long.
    """

    def __init__(self, log: Log, *, pace: Pace | None = None) -> None:
        self._log = log
        self._pace = pace or Pace()
        self._stopping = threading.Event()
        # Guarded by the lock: the connections served, how far, and by which thread.
        # Re-entrant, since a stream that nobody closed is detached wherever Python
        # happens to collect it.
        self._lock = threading.RLock()
        self._routes = Routes()
        self._position = Cursor(0, 0)
        self._past = Past(log)
        self._thread: threading.Thread | None = None
        # Everything up to here has been pushed, not only routed.
        self._settled = Cursor(0, 0)
        # The heartbeat that was encoded last, and for which cursor.
        self._beat: tuple[Cursor | None, Batch] = (None, HEARTBEAT)
        # How often in a row the log was not to be reached.
        self._failures = 0

    def start(self) -> Cursor:
        """Start reading, if it has not begun; return the position to serve from.

        Raises LogUnavailable when the log was never reached yet.
        """
        with self._lock:
            if self._thread is None:
                self._position = self._settled = self._log.position()
                self._past.begin(self._position)
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

    def heartbeat(self, connection: Connection) -> Batch:
        """Return the frame that says how far a connection is; one for all as far.

        In the middle of a push it says nothing of that: some are further than others.
        """
        settled = self._settled
        reached = connection.reached(settled) if settled == self._position else None
        known, batch = self._beat
        if known != reached:
            batch = Batch([frames.heartbeat(reached)])
            self._beat = (reached, batch)
        return batch

    @property
    def unreadable(self) -> int:
        """How many entries made no sense and were skipped."""
        return self._past.unreadable

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
    ) -> Iterator[Batch]:
        """Serve this connection from now on; return what it missed.

        `after` is the cursor that the client was at, as it wrote it; without one
        nothing was missed. `as_of` is the position from before the follows were
        loaded. Raises LogUnavailable, with the connection not attached.
        """
        cursor = None if after is None else self._past.find(after)
        if cursor is None and after is not None:
            self._check_position()
        if connection.unseen is not None and cursor is not None:
            self._past.reach_back(cursor)
        # Set before it is registered: the page may be newer than what this process
        # has read so far, and must not get that part again.
        connection.seen = cursor
        with self._lock:
            if self._thread is None:
                raise LogUnavailable("the reading of the log has just ended")
            position = self._position
            self._routes.add(connection)
            if cursor is not None and cursor <= position:
                connection.seen = None
            bell = self._count_missed(connection, cursor, position)
        try:
            self._catch_up(connection, as_of, position)
        except (LogUnavailable, LogGap) as error:
            self.detach(connection)
            raise LogUnavailable(str(error)) from error
        return self._missed(connection, cursor, after, position, bell)

    def _count_missed(
        self, connection: Connection, cursor: Cursor | None, position: Cursor
    ) -> list[Frame]:
        """Count what was missed, before anything newer is; return what the bell says.

        It is not known, and not counted on, when what was missed is not.
        """
        if connection.unseen is None:
            return []
        if cursor is None or not self._past.covers(min(cursor, position)):
            connection.unseen = None
        elif cursor < position:
            counted = self._past.last_count(connection.user, cursor, position)
            if counted is not None:
                connection.unseen = counted.unseen
                cursor = Cursor.parse(counted.as_of)
            connection.count(self._past.known(connection, cursor, position))
        reached = max(position, cursor or position)
        return [frames.count(connection.unseen, reached)]

    def detach(self, connection: Connection) -> None:
        """Serve this connection no longer; idempotent."""
        connection.close("detached")
        with self._lock:
            self._routes.remove(connection)

    def _catch_up(
        self, connection: Connection, as_of: Cursor, position: Cursor
    ) -> None:
        """Apply the changes of follows that came while they were being loaded."""
        changes = self._past.changes(connection.user, as_of, position)
        with self._lock:
            for cursor, entry in changes:
                # What is not seen was counted with what was missed.
                if not isinstance(entry, CountEntry):
                    self._control(entry, cursor, connection)

    def _check_position(self) -> None:
        """Raise LogUnavailable when a gap is about to be declared to everyone.

        A client that was let in before would get one reset now and another then.
        """
        if not self._log.contains(self._position):
            raise LogUnavailable("the log was replaced a moment ago")

    def _missed(
        self,
        connection: Connection,
        cursor: Cursor | None,
        after: str | None,
        position: Cursor,
        bell: list[Frame],
    ) -> Iterator[Batch]:
        """Yield what was missed, or one reset; then how far the client is with that.

        What the bell says comes in between, if there is one.
        """
        try:
            if cursor is not None:
                yield from self._past.missed(connection, cursor, position)
            elif after is not None:
                yield Batch([frames.reset(position)])
        except LogGap:
            yield Batch([frames.reset(position)])
            bell = bell and [frames.count(None, position)]
        except LogUnavailable:
            # What is missing cannot be read now: the client comes back for it.
            connection.close("unavailable")
            return
        if connection.state is State.OPEN:
            # The page may be further than this process was.
            reached = max(position, cursor or position)
            yield Batch([*bell, frames.heartbeat(reached)])

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
        # What ended a right may be in what was lost, and what is remembered is not.
        self._log.forget_everybody()
        newest = self._log.position()
        logger.warning("read=reset from=%s to=%s", gap.cursor, newest)
        with self._lock:
            self._position = newest
            self._past.begin(self._position)
            connections = list(self._routes)
        reset = Batch([frames.reset(newest)])
        with_bell = Batch([*reset.frames, frames.count(None, newest)])
        for connection in self._pace.of(connections):
            connection.seen = None
            connection.push(reset if connection.unseen is None else with_bell)
            connection.close("gap", drain=True)
        self._settled = newest

    def _dispatch(self, records: Sequence[Record]) -> None:
        """Push what one read of the log brought, each connection's share at once."""
        waiting = deque(records)
        while waiting:
            with self._lock:
                found = self._next_frames(waiting)
                shares = self._routes.shares(found)
            for batch, connections in shares:
                for connection in self._pace.of(connections):
                    connection.push(batch)
            self._settled = self._position
            shared_counters().pushed(found, shares)

    def _next_frames(self, waiting: deque[Record]) -> list[Frame]:
        """Take entries off the front, up to a change of who gets what, and apply it.

        What came before that change goes to those who had a right to it; what comes
        after, to those who have one then.
        """
        found: list[Frame] = []
        weight = 0
        audiences: set[tuple[str, ...]] = set()
        while waiting and weight < ROUTE_CONNECTIONS:
            item = self._past.decode(waiting[0])
            if isinstance(item, ControlEntry) and found:
                break
            record = waiting.popleft()
            self._past.add(record, item)
            self._position = record.cursor
            if isinstance(item, Frame):
                found.append(item)
                audience = self._routes.audience(item.topics)
                # Those for the same are looked up once.
                if audience not in audiences:
                    audiences.add(audience)
                    weight += self._routes.weight(audience)
            elif item is not None:
                for connection in self._routes.of(item.user):
                    self._control(item, record.cursor, connection)
        return found

    def _control(
        self, entry: ControlEntry, cursor: Cursor, connection: Connection
    ) -> None:
        """Apply what an entry says of the person who reads this connection."""
        if isinstance(entry, FollowEntry | PreferenceEntry):
            self._routes.change(connection, entry, cursor)
        elif isinstance(entry, CountEntry):
            self._recount(connection, entry, cursor)
        elif connection.is_ended_by(entry):
            connection.close(entry.reason)

    def _recount(
        self, connection: Connection, entry: CountEntry, cursor: Cursor
    ) -> None:
        """Take over what the database says is not seen, and count on from there."""
        if connection.unseen is None:
            return
        # The page was rendered after it, and knows better.
        if connection.seen is not None and cursor <= connection.seen:
            return
        connection.unseen = entry.unseen
        as_of = Cursor.parse(entry.as_of)
        connection.count(self._past.known(connection, as_of, cursor))
        connection.push(Batch([frames.count(connection.unseen, cursor)]))


@cache
def shared_hub() -> Hub:
    """Return the hub of this process; it starts reading with the first stream."""
    return Hub(shared_log())

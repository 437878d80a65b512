"""The hub: the one reader of the log in a process, which pushes to its connections.

It knows who is connected and what they follow, and nothing of HTTP or the ORM.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache

from notifications.conf import conf
from notifications.exceptions import LogGap, LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.time_slice import TimeSlicer
from notifications.live.connection import Connection, State
from notifications.live.metrics import shared_metrics
from notifications.live.replay import Replay
from notifications.live.routing import RoutingTable
from notifications.log.stream import Log, shared_log
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    ControlEntry,
    CountEntry,
    FollowEntry,
    PreferenceEntry,
    Record,
)
from notifications.protocol.frames import HEARTBEAT, Batch, Frame

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# Between attempts to reach the log again; doubled from the first to the last.
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 2.0
# How long the first read after a failure waits, before the link counts as good.
RECHECK_SECONDS = 0.1
# Frames are routed together until they have this many connections in all.
ROUTE_CONNECTIONS = 20_000


class Hub:
    """Reads the log once, from where it was at the start; replays bring the rest.

    `time_slicer` lets other threads work while a push to many connections goes on.
    """

    def __init__(self, log: Log, *, time_slicer: TimeSlicer | None = None) -> None:
        self._log = log
        self._time_slicer = time_slicer or TimeSlicer()
        self._stopping = threading.Event()
        # Guards the routing table, the position and the thread. Re-entrant, since a
        # stream that nobody closed is detached wherever Python collects it.
        self._lock = threading.RLock()
        self._routing = RoutingTable()
        self._position = Cursor(0, 0)
        self._replay = Replay(log)
        self._thread: threading.Thread | None = None
        # Everything up to here has been pushed, not only routed.
        self._delivered_up_to = Cursor(0, 0)
        # The last heartbeat that was encoded, and its cursor.
        self._heartbeat: tuple[Cursor | None, Batch] = (None, HEARTBEAT)
        # How many reads in a row failed.
        self._failures = 0

    def ensure_started(self) -> None:
        """Start reading the log, unless it is being read already.

        Raises LogUnavailable when the log cannot be reached to start.
        """
        with self._lock:
            if self._thread is None:
                self._position = self._delivered_up_to = self._log.position()
                self._replay.begin(self._position)
                self._stopping.clear()
                self._thread = threading.Thread(
                    target=self._run, name="notifications-hub", daemon=True
                )
                self._thread.start()

    @property
    def position(self) -> Cursor:
        """The cursor up to which the hub has read the log."""
        return self._position

    def stop(self) -> None:
        """Stop reading and close every connection; ensure_started() starts again."""
        thread = self._thread
        self._stopping.set()
        if thread is not None:
            thread.join()

    def _end(self) -> None:
        with self._lock:
            self._thread = None
            connections = list(self._routing)
        for connection in connections:
            connection.close("stopped", drain=True)

    @property
    def delivered_up_to(self) -> Cursor:
        """The cursor up to which every open connection has what is for it."""
        return self._delivered_up_to

    def heartbeat(self, connection: Connection) -> Batch:
        """Return a heartbeat with a connection's cursor; encoded once for equal ones.

        During a push it has no cursor: some connections are further than others.
        """
        delivered = self._delivered_up_to
        reached = connection.reached(delivered) if delivered == self._position else None
        known, batch = self._heartbeat
        if known != reached:
            batch = Batch([frames.heartbeat(reached)])
            self._heartbeat = (reached, batch)
        return batch

    @property
    def unreadable(self) -> int:
        """How many entries could not be decoded and were skipped."""
        return self._replay.unreadable

    @property
    def connection_count(self) -> int:
        """How many connections the hub serves."""
        return len(self._routing)

    @property
    def interrupted(self) -> bool:
        """Whether the log could not be read the last time."""
        return self._failures > 0

    def attach(
        self, connection: Connection, *, after: str | None, as_of: Cursor
    ) -> Iterator[Batch]:
        """Serve this connection from now on; return the frames that it missed.

        `after` is the client's cursor as it wrote it; without one it missed nothing.
        `as_of` is the hub's position from before the subscriptions were loaded.
        Raises LogUnavailable, with the connection not attached.
        """
        cursor = None if after is None else self._replay.find(after)
        if cursor is None and after is not None:
            self._check_position()
        if connection.unseen_count is not None and cursor is not None:
            self._replay.backfill(cursor)
        # Set before it is registered: the page may be newer than what this process
        # has read so far, and must not get that part again.
        connection.skip_until = cursor
        with self._lock:
            if self._thread is None:
                raise LogUnavailable("the hub has just stopped reading the log")
            position = self._position
            self._routing.add(connection)
            if cursor is not None and cursor <= position:
                connection.skip_until = None
            count = self._count_missed(connection, cursor, position)
        try:
            self._apply_changes(connection, as_of, position)
        except (LogUnavailable, LogGap) as error:
            self.detach(connection)
            raise LogUnavailable(str(error)) from error
        return self._missed(connection, cursor, after, position, count)

    def _count_missed(
        self, connection: Connection, cursor: Cursor | None, position: Cursor
    ) -> list[Frame]:
        """Count the missed frames at the bell, before any newer one; return the count.

        If it is not known what was missed, neither is the count from then on.
        """
        if connection.unseen_count is None:
            return []
        if cursor is None or not self._replay.covers(min(cursor, position)):
            connection.unseen_count = None
        elif cursor < position:
            counted = self._replay.last_count(connection.user, cursor, position)
            if counted is not None:
                connection.unseen_count = counted.unseen_count
                cursor = Cursor.parse(counted.as_of)
            connection.count(self._replay.known(connection, cursor, position))
        reached = max(position, cursor or position)
        return [frames.count(connection.unseen_count, reached)]

    def detach(self, connection: Connection) -> None:
        """Stop serving this connection; idempotent."""
        connection.close("detached")
        with self._lock:
            self._routing.remove(connection)

    def _apply_changes(
        self, connection: Connection, as_of: Cursor, position: Cursor
    ) -> None:
        """Apply control entries that came while the subscriptions were loaded."""
        changes = self._replay.changes(connection.user, as_of, position)
        with self._lock:
            for cursor, entry in changes:
                # The unseen count was taken with the missed frames.
                if not isinstance(entry, CountEntry):
                    self._control(entry, cursor, connection)

    def _check_position(self) -> None:
        """Raise LogUnavailable when a gap is about to be declared to everyone.

        A client that was admitted before would get one reset now and another then.
        """
        if not self._log.contains(self._position):
            raise LogUnavailable("the log was replaced a moment ago")

    def _missed(
        self,
        connection: Connection,
        cursor: Cursor | None,
        after: str | None,
        position: Cursor,
        count: list[Frame],
    ) -> Iterator[Batch]:
        """Yield the missed frames or one reset, the unseen count, and a heartbeat.

        The heartbeat carries the cursor that the client has reached with these.
        """
        try:
            if cursor is not None:
                yield from self._replay.missed(connection, cursor, position)
            elif after is not None:
                yield Batch([frames.reset(position)])
        except LogGap:
            yield Batch([frames.reset(position)])
            count = count and [frames.count(None, position)]
        except LogUnavailable:
            # The rest cannot be read now: the client reconnects for it.
            connection.close("unavailable")
            return
        if connection.state is State.OPEN:
            # The page may be further than this process was.
            reached = max(position, cursor or position)
            yield Batch([*count, frames.heartbeat(reached)])

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._step()
                    self._failures = 0
                except LogUnavailable as error:
                    self._back_off(error)
        finally:
            # Also after a bug ended the loop: no connection stays attached to a hub
            # that does not read. Clients reconnect, and the next one starts it again.
            self._end()

    def _step(self) -> None:
        """Read once and push the result; after a failure, without waiting long."""
        seconds = RECHECK_SECONDS if self._failures else conf.LOG_READ_TIMEOUT
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
        """Declare a gap to everyone, and continue from where the log is now.

        The lost entries may have ended a login or changed a follow. So the streams
        end, and clients that reconnect are authorized anew, without cached sessions.
        """
        self._log.clear_session_stores()
        newest = self._log.position()
        logger.warning("read=reset from=%s to=%s", gap.cursor, newest)
        with self._lock:
            self._position = newest
            self._replay.begin(self._position)
            connections = list(self._routing)
        reset = Batch([frames.reset(newest)])
        with_count = Batch([*reset.frames, frames.count(None, newest)])
        for connection in self._time_slicer.iterate(connections):
            connection.skip_until = None
            connection.push(reset if connection.unseen_count is None else with_count)
            connection.close("gap", drain=True)
        self._delivered_up_to = newest

    def _dispatch(self, records: Sequence[Record]) -> None:
        """Push what one read of the log returned, to each connection in one batch."""
        waiting = deque(records)
        while waiting:
            with self._lock:
                found = self._next_frames(waiting)
                fan_outs = self._routing.add_unseen_counts(
                    self._routing.fan_outs(found)
                )
            for batch, connections in fan_outs:
                for connection in self._time_slicer.iterate(connections):
                    connection.push(batch)
            self._delivered_up_to = self._position
            shared_metrics().pushed(found, fan_outs)

    def _next_frames(self, waiting: deque[Record]) -> list[Frame]:
        """Take the entries up to the next control entry; apply one at the front.

        Frames before a control entry are routed by the subscriptions from before it,
        frames after it by those from after it.
        """
        found: list[Frame] = []
        size = 0
        audiences: set[tuple[str, ...]] = set()
        while waiting and size < ROUTE_CONNECTIONS:
            item = self._replay.decode(waiting[0])
            if isinstance(item, ControlEntry) and found:
                break
            record = waiting.popleft()
            self._replay.add(record, item)
            self._position = record.cursor
            if isinstance(item, Frame):
                found.append(item)
                audience = self._routing.audience(item.topics)
                # Frames with the same audience are routed together.
                if audience not in audiences:
                    audiences.add(audience)
                    size += self._routing.audience_size(audience)
            elif item is not None:
                for connection in self._routing.of(item.user):
                    self._control(item, record.cursor, connection)
        return found

    def _control(
        self, entry: ControlEntry, cursor: Cursor, connection: Connection
    ) -> None:
        """Apply a control entry of a person to one of their connections."""
        if isinstance(entry, FollowEntry | PreferenceEntry):
            self._routing.change(connection, entry, cursor)
        elif isinstance(entry, CountEntry):
            self._set_count(connection, entry, cursor)
        elif connection.is_ended_by(entry):
            connection.close(entry.reason)

    def _set_count(
        self, connection: Connection, entry: CountEntry, cursor: Cursor
    ) -> None:
        """Take the unseen count from the database, and count on from there."""
        if connection.unseen_count is None:
            return
        # The page was rendered after this entry, and has a newer count.
        if connection.skip_until is not None and cursor <= connection.skip_until:
            return
        connection.unseen_count = entry.unseen_count
        as_of = Cursor.parse(entry.as_of)
        connection.count(self._replay.known(connection, as_of, cursor))
        connection.push(Batch([frames.count(connection.unseen_count, cursor)]))


@cache
def shared_hub() -> Hub:
    """Return the hub of this process; it starts reading with the first stream."""
    return Hub(shared_log())

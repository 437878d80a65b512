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
from notifications.lib.pacer import Pacer
from notifications.lib.started_thread import started_thread
from notifications.lib.time_slice import TimeSlicer
from notifications.live.catch_up import CatchUp
from notifications.live.connection import Connection
from notifications.live.control_entries import NOTHING_ENDS, ControlEntries, Ending
from notifications.live.metrics import shared_metrics
from notifications.live.patient_reader import PatientReader
from notifications.live.replay import Replay
from notifications.live.routing import RoutingTable
from notifications.log.connections import patiently
from notifications.log.log_connection import WAIT_LIMIT
from notifications.log.stream import Log, shared_log
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import CountEntry, GapEntry, Record
from notifications.protocol.frames import Batch, Frame

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# Between attempts to reach the log again; doubled from the first to the last.
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 2.0
# How long the first read after a failure waits, before the link counts as good.
RECHECK_SECONDS = 0.1
# Frames are routed together until they have this many connections in all.
ROUTE_CONNECTIONS = 20_000
# How far apart the reads of a busy log begin. A read costs as much as many deliveries,
# and the entries of one read share it.
READ_SECONDS = 0.01


class Hub:
    """Reads the log once, from its newest entry on; replays read what is older.

    `time_slicer` lets others work during a push, and `pacer` spaces out the reads.
    """

    def __init__(
        self,
        log: Log,
        *,
        time_slicer: TimeSlicer | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self._log = log
        self._time_slicer = time_slicer or TimeSlicer()
        self._stopping = threading.Event()
        self._pacer = pacer or Pacer(
            self._stopping.wait, seconds=READ_SECONDS, limit=WAIT_LIMIT
        )
        # Guards the routing table, the position and the thread. Re-entrant, since a
        # stream that nobody closed is detached wherever Python collects it.
        self._lock = threading.RLock()
        self._routing = RoutingTable()
        self._position = Cursor(0, 0)
        self._replay = Replay(log)
        self._control_entries = ControlEntries(self._routing, self._replay)
        self._reader = PatientReader(log)
        self._thread: threading.Thread | None = None
        # Everything up to here has been pushed, not only routed.
        self._delivered_up_to = Cursor(0, 0)
        # How many reads in a row failed.
        self._failures = 0

    def ensure_started(self) -> None:
        """Start reading the log, unless the hub reads it already.

        Raises LogUnavailable when the log cannot be reached to start.
        """
        with self._lock:
            if self._thread is None:
                self._position = self._delivered_up_to = self._log.position()
                self._replay.begin(self._position)
                self._stopping.clear()
                self._thread = started_thread(self._run, name="notifications-hub")

    @property
    def position(self) -> Cursor:
        """The cursor up to which the hub has read the log."""
        return self._position

    def stop(self) -> None:
        """Stop reading and close every connection; `ensure_started` starts again."""
        thread = self._thread
        self._stopping.set()
        if thread is not None:
            thread.join()

    @property
    def delivered_up_to(self) -> Cursor:
        """The cursor up to which every open connection was sent its frames."""
        return self._delivered_up_to

    def heartbeat(self, connection: Connection) -> Batch:
        """Return a heartbeat with a connection's cursor; encoded once for equal ones.

        During a push it has no cursor, since some connections are further than others.
        """
        delivered = self._delivered_up_to
        reached = connection.reached(delivered) if delivered == self._position else None
        return frames.heartbeat_batch(reached)

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

        `after` is the client's cursor as it sent it; without one it missed nothing.
        `as_of` is the hub's position from before the subscriptions were loaded.
        Raises LogUnavailable, with the connection not attached.
        """
        catch_up = CatchUp(connection, self._replay, after=after)
        if catch_up.needs_reset or catch_up.is_ahead_of(self._position):
            self._check_position()
        with self._lock:
            if self._thread is None:
                raise LogUnavailable("the hub has just stopped reading the log")
            position = self._position
            catch_up.begin(position)
            self._routing.add(connection)
        try:
            self._apply_changes(connection, as_of, position)
        except (LogUnavailable, LogGap) as error:
            self.detach(connection)
            raise LogUnavailable(str(error)) from error
        return catch_up.batches()

    def detach(self, connection: Connection) -> None:
        """Stop serving this connection; idempotent."""
        connection.close("detached")
        with self._lock:
            self._routing.remove(connection)

    def _apply_changes(
        self, connection: Connection, as_of: Cursor, position: Cursor
    ) -> None:
        """Apply control entries that were appended during the database queries."""
        entries = self._replay.controls(connection.user, as_of, position)
        with self._lock:
            for cursor, entry in entries:
                # The catch-up has taken the unseen count into account.
                if not isinstance(entry, CountEntry):
                    self._control_entries.apply(entry, cursor, connection)

    def _check_position(self) -> None:
        """Raise LogUnavailable if the hub is about to declare a gap to everyone.

        A client that is attached before would get a second reset.
        """
        if not self._log.contains(self._position):
            raise LogUnavailable("the log was replaced a moment ago")

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._read_and_push()
                    self._failures = 0
                    self._pacer.pause()
                except LogUnavailable as error:
                    self._back_off(error)
        finally:
            # Also when a bug ends the loop: no connection stays attached to a hub that
            # does not read. Clients reconnect, and the first of them starts it again.
            self._end()

    def _end(self) -> None:
        with self._lock:
            self._thread = None
            connections = list(self._routing)
        for connection in connections:
            connection.close("stopped", drain=True)

    def _read_and_push(self) -> None:
        """Read once and push the result; after a failure, without waiting long."""
        seconds = RECHECK_SECONDS if self._failures else conf.LOG_READ_TIMEOUT
        try:
            records = self._reader.wait(self._position, seconds=seconds)
            self._pacer.begin(len(records))
            self._dispatch(records)
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

        Streams end: the lost entries may have ended a login or changed a follow.
        """
        with patiently():
            self._log.clear_session_stores()
            newest = self._log.position()
        logger.warning("read=reset from=%s to=%s", gap.cursor, newest)
        with self._lock:
            self._position = newest
            self._replay.begin(self._position)
            connections = list(self._routing)
        reset = Batch([frames.reset(newest)])
        with_count = Batch([*reset.frames, frames.unknown_count(newest)])
        for each in self._time_slicer.iterate(connections):
            each.end_by_gap(reset if each.unseen_count is None else with_count)
        self._delivered_up_to = newest

    def _dispatch(self, records: Sequence[Record]) -> None:
        """Push what one read of the log returned, to each connection in one batch."""
        waiting = deque(records)
        while waiting:
            with self._lock:
                found, ending = self._next_frames(waiting)
                fan_outs = self._routing.fan_outs(found)
                fan_outs = self._routing.add_unseen_counts(fan_outs)
            for batch, connections in fan_outs:
                for connection in self._time_slicer.iterate(connections):
                    connection.push(batch)
            for connection in self._time_slicer.iterate(ending.connections):
                connection.close(ending.reason)
            self._delivered_up_to = self._position
            shared_metrics().pushed(found, fan_outs)

    def _next_frames(self, waiting: deque[Record]) -> tuple[list[Frame], Ending]:
        """Take the entries up to the next control entry; apply one at the front.

        Frames before a control entry are routed by the subscriptions from before it,
        frames after it by those from after it. A retraction is taken alone. Returns the
        frames, and the connections to close before the next ones. Raises LogGap.
        """
        found: list[Frame] = []
        size = 0
        audiences: set[tuple[str, ...]] = set()
        while waiting and size < ROUTE_CONNECTIONS:
            item = self._replay.decode(waiting[0])
            if found and self._control_entries.stands_alone(item):
                break
            if isinstance(item, GapEntry):
                # Read again, if the gap cannot be declared now.
                raise LogGap(waiting[0].cursor)
            record = waiting.popleft()
            self._replay.add(record, item)
            self._position = record.cursor
            if isinstance(item, Frame):
                found.append(item)
                if item.retracts is not None:
                    break
                audience = self._routing.audience(item.topics)
                # Frames with the same audience are routed together.
                if audience not in audiences:
                    audiences.add(audience)
                    size += self._routing.audience_size(audience)
            elif item is not None:
                ending = self._control_entries.apply_to_all(item, record.cursor)
                if ending.connections:
                    return [], ending
        return found, NOTHING_ENDS


@cache
def shared_hub() -> Hub:
    """Return the hub of this process; it starts reading with the first stream."""
    return Hub(shared_log())

"""Heartbeats for many connections, spread over their interval, without a timer each."""

import random
import time
from collections import defaultdict
from collections.abc import Callable

from notifications.conf import conf
from notifications.lib.time_slice import TimeSlicer
from notifications.live.connection import Connection, State
from notifications.live.hub import shared_hub
from notifications.protocol import frames
from notifications.protocol.frames import Batch

# The resolution of the schedule; call `send_due` about this often.
TICK_SECONDS = 0.2
# Only what comes from the log has a cursor.
PLAIN_HEARTBEAT = Batch([frames.heartbeat()])


def heartbeat_for(connection: Connection) -> Batch:
    """Return a heartbeat with a connection's cursor, or without one beside the log."""
    if (own := connection.own_heartbeat) is not None:
        return own
    if connection.channels is not None:
        return PLAIN_HEARTBEAT
    return shared_hub().heartbeat(connection)


class Heartbeats:
    """Sends heartbeats, so that no open connection is silent for HEARTBEAT_INTERVAL.

    It looks at each twice in that time, and sends nothing to those that were sent
    frames since the last look, unless it is the first. It also closes connections that
    have expired, and aborts closed ones whose client does not read the last frame.
    `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        heartbeat_for: Callable[[Connection], Batch] = heartbeat_for,
        *,
        time_slicer: TimeSlicer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heartbeat_for = heartbeat_for
        self._time_slicer = time_slicer or TimeSlicer()
        self._clock = clock
        # By tick: the connections that are due. Each connection is in one list.
        self._due: defaultdict[int, list[Connection]] = defaultdict(list)
        # Those that were not looked at yet, which may take a whole interval.
        self._new: set[Connection] = set()
        self._tick = self._current_tick()

    def _current_tick(self) -> int:
        return int(self._clock() / TICK_SECONDS)

    def add(self, connection: Connection) -> None:
        """Send heartbeats to a connection, the first within one interval.

        The time of the first is random, so that connections that are added together
        are not due together.
        """
        seconds = random.uniform(0, conf.HEARTBEAT_INTERVAL)  # noqa: S311
        self._new.add(connection)
        self._schedule(connection, seconds)

    def _schedule(self, connection: Connection, seconds: float) -> None:
        if connection.state is State.OPEN:
            seconds = min(seconds, connection.seconds_left)
        tick = int((self._clock() + seconds) / TICK_SECONDS)
        self._due[max(tick, self._tick) + 1].append(connection)

    def send_due(self) -> None:
        """Serve the connections that have become due since the last call."""
        due: list[Connection] = []
        current = self._current_tick()
        while self._tick < current:
            self._tick += 1
            due += self._due.pop(self._tick, ())
        for connection in self._time_slicer.iterate(due):
            self._serve(connection)

    def _serve(self, connection: Connection) -> None:
        is_new = connection in self._new
        self._new.discard(connection)
        if connection.state is State.CLOSED:
            # Its client had an interval to read the last frame.
            connection.transport.abort()
            return
        if not connection.seconds_left:
            connection.close("expired", drain=True)
            self._schedule(connection, conf.HEARTBEAT_INTERVAL)
            return
        is_due = is_new or not connection.was_pushed
        if is_due:
            connection.send(self._heartbeat_for(connection))
        # A heartbeat, too, is enough until the look after the next one.
        connection.was_pushed = is_due
        self._schedule(connection, conf.HEARTBEAT_INTERVAL / 2)

"""Heartbeats of many connections, spread over their interval, without a timer each."""

import random
import time
from collections import defaultdict
from collections.abc import Callable

from notifications.conf import conf
from notifications.lib.time_slice import TimeSlicer
from notifications.live.connection import Connection, State
from notifications.live.hub import shared_hub
from notifications.protocol.frames import HEARTBEAT, Batch

# So exact they are; `turn` is to be called about as often.
TICK_SECONDS = 0.2


def heartbeat(connection: Connection) -> Batch:
    """Return the heartbeat that is due for a connection."""
    return HEARTBEAT if connection.channels else shared_hub().heartbeat(connection)


class Heartbeats:
    """Sends each connection a heartbeat every HEARTBEAT_INTERVAL, until it is closed.

    It also ends those whose time is over. `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        beat: Callable[[Connection], Batch] = heartbeat,
        *,
        time_slicer: TimeSlicer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._beat = beat
        self._time_slicer = time_slicer or TimeSlicer()
        self._clock = clock
        # What is due in which tick; each connection is in one.
        self._due: defaultdict[int, list[Connection]] = defaultdict(list)
        self._tick = self._now()

    def _now(self) -> int:
        return int(self._clock() / TICK_SECONDS)

    def add(self, connection: Connection) -> None:
        """Let it have heartbeats, the first at any moment of the first interval."""
        moment = random.uniform(0, conf.HEARTBEAT_INTERVAL)  # noqa: S311
        self._schedule(connection, moment)

    def _schedule(self, connection: Connection, seconds: float) -> None:
        if connection.state is State.OPEN:
            seconds = min(seconds, connection.seconds_left)
        tick = int((self._clock() + seconds) / TICK_SECONDS)
        self._due[max(tick, self._tick) + 1].append(connection)

    def turn(self) -> None:
        """Do what has become due since the last time."""
        due: list[Connection] = []
        now = self._now()
        while self._tick < now:
            self._tick += 1
            due += self._due.pop(self._tick, ())
        for connection in self._time_slicer.iterate(due):
            self._serve(connection)

    def _serve(self, connection: Connection) -> None:
        if connection.state is State.CLOSED:
            # It had an interval to take its last frame.
            connection.transport.abort()
            return
        if connection.seconds_left:
            connection.send(self._beat(connection))
        else:
            connection.close("expired", drain=True)
        self._schedule(connection, conf.HEARTBEAT_INTERVAL)

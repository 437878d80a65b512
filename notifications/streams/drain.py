"""Drain: before a process stops, it ends its streams gradually.

Their clients then reconnect to the other processes spread over time, not all at once.
"""

import math
import random
import time
from collections.abc import Callable, Sequence

from notifications.conf import conf
from notifications.live.connection import Connection, State
from notifications.protocol import frames, sse
from notifications.protocol.frames import Batch

STEP_SECONDS = 0.05
# No client should reconnect sooner: this process may still accept connections.
MIN_RETRY_SECONDS = 1.0


def drain(
    connections: Callable[[], Sequence[Connection]],
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """End all streams over `seconds`, including those that are opened meanwhile.

    Each client is told to wait a random time before it reconnects. `connections`
    returns the connections of the process; `clock` is a monotonic clock in seconds.
    """
    deadline = clock() + seconds
    while left := [each for each in connections() if each.state is State.OPEN]:
        steps = max((deadline - clock()) / STEP_SECONDS, 1)
        for connection in random.sample(left, math.ceil(len(left) / steps)):
            _end(connection)
        sleep(STEP_SECONDS)


def _end(connection: Connection) -> None:
    longest = MIN_RETRY_SECONDS + 2 * conf.RETRY_INTERVAL
    seconds = random.uniform(MIN_RETRY_SECONDS, longest)  # noqa: S311
    connection.send(
        Batch([frames.without_cursor(sse.encode_retry(round(seconds * 1000)))])
    )
    connection.close("stopped", drain=True)

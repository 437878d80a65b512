"""Drain: before a process stops, its streams are ended bit by bit, not all at once."""

import math
import random
import time
from collections.abc import Callable, Sequence

from notifications.conf import conf
from notifications.live.connection import Connection, State
from notifications.protocol import frames, sse
from notifications.protocol.frames import Batch

STEP_SECONDS = 0.05
# Before this nobody should come back: the listening socket may still be ours.
FIRST_RETURN_SECONDS = 1.0


def drain(
    present: Callable[[], Sequence[Connection]],
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """End all streams over so many seconds, those that come meanwhile among them.

    Each client is told to wait before it returns, one longer than the other. `present`
    returns the streams there are, `clock` is a monotonic clock in seconds.
    """
    deadline = clock() + seconds
    while still := [each for each in present() if each.state is State.OPEN]:
        steps = max((deadline - clock()) / STEP_SECONDS, 1)
        share = math.ceil(len(still) / steps)
        for connection in random.sample(still, share):
            _end(connection)
        sleep(STEP_SECONDS)


def _end(connection: Connection) -> None:
    last = FIRST_RETURN_SECONDS + 2 * conf.RETRY_INTERVAL
    seconds = random.uniform(FIRST_RETURN_SECONDS, last)  # noqa: S311
    connection.send(
        Batch([frames.without_cursor(sse.encode_retry(round(seconds * 1000)))])
    )
    connection.close("stopped", drain=True)

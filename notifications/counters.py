"""Counters: what the streams of this process were sent. No HTTP, and no Redis."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence, Sized
from functools import cache

from notifications.frames import Batch, Frame


class Counters:
    """Counts since the process started; safe to share between threads.

    `clock` returns the seconds since 1970, as Redis counts them in its cursors.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # Any thread may find a client to be slow; the lock guards only that.
        self._lock = threading.Lock()
        self._slow_closes = 0
        # The hub's thread alone counts these: events that it read, and how often one
        # was pushed to a connection.
        self.events = 0
        self.deliveries = 0
        # From the append of the last event to its push, in milliseconds.
        self.lag: int | None = None

    @property
    def slow_closes(self) -> int:
        """How many streams were closed because their client was too far behind."""
        return self._slow_closes

    def closed_slow(self) -> None:
        """Count a stream that was closed because its client was too far behind."""
        with self._lock:
            self._slow_closes += 1

    def pushed(
        self, frames: Sequence[Frame], shares: Iterable[tuple[Batch, Sized]]
    ) -> None:
        """Count events that have just been pushed, each share to its connections.

        What the server says on its own account, such as a count, is no event.
        """
        if not frames:
            return
        self.events += len(frames)
        self.deliveries += sum(
            len(connections) * sum(bool(frame.type) for frame in batch.frames)
            for batch, connections in shares
        )
        # The first one of them has waited the longest. Another machine's clock may
        # be ahead of ours.
        waited = self._clock() * 1000 - frames[0].cursor.milliseconds
        self.lag = max(0, round(waited))


@cache
def shared_counters() -> Counters:
    """Return the counters of this process."""
    return Counters()

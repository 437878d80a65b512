"""Metrics of this process: events read, deliveries, lag. No HTTP, and no Redis."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence, Sized
from functools import cache

from notifications.protocol.frames import Batch, Frame


class Metrics:
    """Counts since the process started; safe to share between threads.

    `clock` returns seconds since 1970, as the cursors do in milliseconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # Guards the count of slow closes, which any thread may increment.
        self._lock = threading.Lock()
        self._slow_closes = 0
        # Counted by the hub's thread alone. A delivery is the push of one event to one
        # connection.
        self.events = 0
        self.deliveries = 0
        # Milliseconds from the append of the last event to its push.
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
        self, frames: Sequence[Frame], fan_outs: Iterable[tuple[Batch, Sized]]
    ) -> None:
        """Count the events that have just been pushed, and their deliveries.

        Frames of the server's own, such as a count, are not events.
        """
        if not frames:
            return
        self.events += len(frames)
        self.deliveries += sum(
            len(connections) * sum(bool(frame.type) for frame in batch.frames)
            for batch, connections in fan_outs
        )
        # The first frame has waited the longest. Redis's clock may be ahead of ours.
        waited = self._clock() * 1000 - frames[0].cursor.milliseconds
        self.lag = max(0, round(waited))


@cache
def shared_metrics() -> Metrics:
    """Return the metrics of this process."""
    return Metrics()

"""A pacer: a busy loop pauses between its rounds, so that each finds more to do."""

import math
import time
from collections.abc import Callable


class Pacer:
    """Keeps the rounds of a busy loop `seconds` apart; an idle loop never waits.

    A loop is busy when a round has several items, or follows the last one within
    `seconds`. A round with `limit` items has left some behind, and the next one follows
    at once. `wait` waits for the time that it is given; `clock` is a monotonic clock in
    seconds.
    """

    def __init__(
        self,
        wait: Callable[[float], object],
        *,
        seconds: float,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wait = wait
        self._seconds = seconds
        self._limit = limit
        self._clock = clock
        # When the last round with items began, on the clock.
        self._began = -math.inf
        self._busy = False

    def begin(self, items: int) -> None:
        """Note that a round begins with this many items."""
        now = self._clock()
        self._busy = 1 < items < self._limit or (
            items == 1 and now - self._began < self._seconds
        )
        if items:
            self._began = now

    def pause(self) -> None:
        """Wait after a round, if the loop is busy, for what is left of its time."""
        left = self._began + self._seconds - self._clock()
        if self._busy and left > 0:
            self._wait(left)

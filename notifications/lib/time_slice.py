"""Pace: whoever goes through many lets others work every few milliseconds. Pure."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# How long one may work in one go, and after how many the clock is looked at: with
# those, below five milliseconds.
GO_SECONDS = 0.004
GO_ITEMS = 32


class TimeSlicer:
    """Goes through many with pauses; `pause` gives way to whoever is ready to work.

    `clock` is a clock in seconds.
    """

    def __init__(
        self,
        *,
        pause: Callable[[], None] = lambda: time.sleep(0),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._pause = pause
        self._clock = clock

    def of(self, several: Sequence[T]) -> Iterator[T]:
        """Yield each of several, with a pause whenever a go is over."""
        due = self._clock() + GO_SECONDS
        for first in range(0, len(several), GO_ITEMS):
            yield from several[first : first + GO_ITEMS]
            if self._clock() >= due:
                self._pause()
                due = self._clock() + GO_SECONDS

"""Time slices: a long loop lets other threads run every few milliseconds."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# How long a loop works before it pauses, and after how many items it reads the clock.
# With these values, a pause comes within about five milliseconds.
SLICE_SECONDS = 0.004
ITEMS_PER_CLOCK_READ = 32


def give_way() -> None:
    """Let other threads run."""
    time.sleep(0)


class TimeSlicer:
    """Iterates with a pause after each time slice.

    `pause` lets other threads run; `clock` is a clock in seconds.
    """

    def __init__(
        self,
        *,
        pause: Callable[[], None] = give_way,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._pause = pause
        self._clock = clock

    def iterate(self, items: Sequence[T]) -> Iterator[T]:
        """Yield the items in order, and pause whenever a time slice is over."""
        slice_end = self._clock() + SLICE_SECONDS
        for first in range(0, len(items), ITEMS_PER_CLOCK_READ):
            yield from items[first : first + ITEMS_PER_CLOCK_READ]
            if self._clock() >= slice_end:
                self._pause()
                slice_end = self._clock() + SLICE_SECONDS

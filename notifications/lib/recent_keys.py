"""Keys that were added within the last seconds; the older ones are forgotten."""

import threading
import time
from collections.abc import Callable


class RecentKeys:
    """Remembers each key for `seconds`; safe to share between threads.

    `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self, *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        # Guards what follows.
        self._lock = threading.Lock()
        # When each key was added: those of this period, and those of the one before.
        # Older keys are dropped without looking at each.
        self._current: dict[str, float] = {}
        self._previous: dict[str, float] = {}
        self._began = clock()

    def add(self, key: str) -> None:
        """Remember a key from now on."""
        now = self._clock()
        with self._lock:
            if now - self._began >= self._seconds:
                self._previous, self._current = self._current, {}
                self._began = now
            self._current[key] = now

    def __contains__(self, key: str) -> bool:
        with self._lock:
            added = self._current.get(key, self._previous.get(key))
        return added is not None and self._clock() - added < self._seconds

    def __len__(self) -> int:
        with self._lock:
            return len(self._current) + len(self._previous)

"""A circuit breaker: who needs Redis while it is away learns so at once. Pure."""

import threading
from collections.abc import Callable


class Breaker:
    """Open after a failure, until `seconds` have gone by or something succeeds.

    So the time-out is waited for once, not by every request. `clock` is a monotonic
    clock in seconds; `seconds` returns for how long it stays open.
    """

    def __init__(
        self, *, seconds: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        # Guards the time, on the clock, until which it is open; None while closed.
        self._lock = threading.Lock()
        self._until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether something failed, and nothing has succeeded since."""
        return self._until is not None

    def allows(self) -> bool:
        """Tell whether to try, which is so while it is closed or its time is over."""
        with self._lock:
            return self._until is None or self._clock() >= self._until

    def failed(self) -> None:
        """Note that Redis could not be reached."""
        with self._lock:
            self._until = self._clock() + self._seconds()

    def succeeded(self) -> None:
        """Note that Redis replied."""
        with self._lock:
            self._until = None

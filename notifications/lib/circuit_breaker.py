"""A circuit breaker: who needs Redis while it is away learns so at once. Pure."""

import math
from collections.abc import Callable


class CircuitBreaker:
    """Open after a failure, until `seconds` have gone by or something succeeds.

    So the time-out is waited for once, not by every request. `clock` is a monotonic
    clock in seconds; `seconds` returns for how long it stays open.
    """

    def __init__(
        self, *, seconds: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        # On the clock, when it closes.
        self._until = -math.inf

    def allows(self) -> bool:
        """Tell whether to try, which is so while it is closed."""
        return self._clock() >= self._until

    def failed(self) -> None:
        """Note that Redis could not be reached."""
        self._until = self._clock() + self._seconds()

    def succeeded(self) -> None:
        """Note that Redis replied."""
        self._until = -math.inf

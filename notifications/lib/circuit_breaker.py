"""A circuit breaker: after one call failed, the next ones fail immediately."""

import math
from collections.abc import Callable


class CircuitBreaker:
    """Open after a failure, until its timeout has passed or a call succeeds.

    While a service is down, only one call waits for it, not every request. `timeout`
    returns how many seconds the breaker stays open; `clock` is a monotonic clock in
    seconds.
    """

    def __init__(
        self, *, timeout: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        # When the breaker closes, on the clock.
        self._open_until = -math.inf

    def allows(self) -> bool:
        """Tell whether to make a call: not while the breaker is open."""
        return self._clock() >= self._open_until

    def failed(self) -> None:
        """Open the breaker: the service could not be reached."""
        self._open_until = self._clock() + self._timeout()

    def succeeded(self) -> None:
        """Close the breaker: the service replied."""
        self._open_until = -math.inf

"""A circuit breaker: after calls have failed, the next ones fail immediately."""

import math
from collections.abc import Callable

# How many calls in a row have to fail: one alone is an accident.
FAILURES = 2


class CircuitBreaker:
    """Open after FAILURES in a row, until its timeout has passed or a call succeeds.

    While a service is down, hardly any call waits for it. When the timeout has passed,
    the next failure opens it again. `timeout` returns how many seconds the breaker
    stays open; `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self, *, timeout: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        # How many calls in a row have failed.
        self._failures = 0
        # When the breaker closes, on the clock.
        self._open_until = -math.inf

    def allows(self) -> bool:
        """Tell whether to make a call: not while the breaker is open."""
        return self._clock() >= self._open_until

    def failed(self) -> None:
        """Count a failure, and open the breaker: the service could not be reached."""
        self._failures += 1
        if self._failures >= FAILURES:
            self._open_until = self._clock() + self._timeout()

    def succeeded(self) -> None:
        """Close the breaker: the service replied."""
        self._failures = 0
        self._open_until = -math.inf

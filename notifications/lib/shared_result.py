"""A result that is shared by all callers at about the same time."""

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SharedResult(Generic[Result]):
    """Calls a function that is expensive, one call at a time.

    Its result is valid for `seconds` after the call; callers during the call wait for
    it. `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        function: Callable[[], Result],
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._function = function
        self._seconds = seconds
        self._clock = clock
        # Guards the result, and is held during the call.
        self._lock = threading.Lock()
        self._result: Result
        self._valid_until = -math.inf

    def get(self) -> Result:
        """Return a result that is valid, by a call if there is none; raises its errors.

        An error is not kept: the next call is made at once.
        """
        with self._lock:
            if self._clock() >= self._valid_until:
                self._result = self._function()
                self._valid_until = self._clock() + self._seconds
            return self._result
